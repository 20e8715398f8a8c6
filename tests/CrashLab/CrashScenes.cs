using GuestMemFs.CrashLab.Damage;

namespace GuestMemFs.CrashLab;

/// <summary>
/// The lab in pieces of seconds, without a fault: for a program that wants to know which of them comes to a place, and
/// to run those only.
/// </summary>
internal static class CrashScenes
{
    private static readonly FaultScene[] s_all =
    [
        .. Named("dictionary", DictionaryCrashTests.FaultScenes),
        .. Named("sorted map", SortedMapCrashTests.FaultScenes),
        .. Named("log", LogCrashTests.FaultScenes),
        .. Named("roots", RootCrashTests.FaultScenes),
        .. Named("arena", ArenaFaults.Scenes),
        .. DictionaryCrashTests.BeginningNames.SelectMany(OfDictionary),
        .. DamageImage.Names.Select(image => new FaultScene($"damage: {image}", () => Damage(image))),
        .. ((string[])["empty", "one", "two", "garbage"]).SelectMany(OfNested),
        .. SortedMapCrashTests.Beginnings.Select(row => new FaultScene(
            $"sorted map under losses of power: {row.Data}",
            () => new SortedMapCrashTests().Every_operation_under_losses_of_power(row.Data))),
        .. LogCrashTests.Beginnings.Select(row => new FaultScene($"log under losses of power: {row.Data}", () =>
            new LogCrashTests().Every_operation_under_losses_of_power(row.Data))),
        new("dictionary: compaction", () => DictionaryCrashTests.ExploreCompaction(recoveryToo: true, new Random(9))),
        new("dictionary: erasure twice", new ErasureCrashTests()
            .Every_store_of_two_operations_one_after_the_other),
        new("dictionary: erasure among many", new ErasureCrashTests().Every_store_of_changes_among_many_records),
        new("log: erasure", new LogCrashTests().A_heap_that_erases_has_no_letter_of_what_is_in_no_entry),
    ];

    /// <summary>
    /// Without names: prints them, those that begin alike together. With names: runs those in their order, until one
    /// fails.
    /// </summary>
    public static int Run(string[] names)
    {
        if (names.Length == 0)
        {
            Array.ForEach([.. s_all.Select(Group).Distinct()], Console.WriteLine);
        }

        foreach (FaultScene scene in names.SelectMany(name => s_all.Where(scene => Group(scene) == name)))
        {
            try
            {
                scene.Run();
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                Console.WriteLine($"{scene.Name}: {error.Message.ReplaceLineEndings(" ")}");
                return 1;
            }
        }

        return 0;
    }

    private static string Group(FaultScene scene) => scene.Name.Split(", ")[0];

    private static IEnumerable<FaultScene> Named(string part, IReadOnlyList<FaultScene> scenes) =>
        scenes.Select(scene => scene with { Name = $"{part}: {scene.Name}" });

    // All that is crafted, and every twentieth byte of what is swept whole. A wild pointer ends the process, which is
    // no success either.
    private static void Damage(string image)
    {
        const string Step = "20";
        string progress = Path.Combine(Path.GetTempPath(), $"crash-scenes-{Environment.ProcessId}");
        TextWriter console = Console.Out;
        using StringWriter said = new();
        Console.SetOut(said);
        try
        {
            DamageRunner.Run([image, "1", "0", $"{int.MaxValue}", "0", Step, progress, ""]);
        }
        finally
        {
            Console.SetOut(console);
            File.Delete(progress);
        }

        if (said.ToString().Split('\n').FirstOrDefault(line =>
            line.StartsWith("failure", StringComparison.Ordinal)) is { } failure)
        {
            throw new LabException(failure);
        }
    }

    private static IEnumerable<FaultScene> OfDictionary(string beginning) =>
    [
        new($"dictionary with checksums: {beginning}", () =>
            new DictionaryCrashTests().Every_store_of_operations_with_checksums(beginning)),
        new($"dictionary that erases: {beginning}", () =>
            new ErasureCrashTests().Every_store_of_every_operation(beginning)),
    ];

    private static IEnumerable<FaultScene> OfNested(string beginning) =>
    [
        new($"nested: {beginning}", () =>
            new NestedCrashTests().Every_store_of_every_sequence_of_two_operations(beginning)),
        new($"nested under losses of power: {beginning}", () =>
            new NestedCrashTests().Every_operation_under_losses_of_power(beginning)),
    ];
}
