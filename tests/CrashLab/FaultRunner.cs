using GuestMemFs.Format;

namespace GuestMemFs.CrashLab;

/// <summary>
/// Runs a short workload of the lab with one seeded fault after the other. It is the child process of
/// <see cref="SeededFaultTests"/>: a fault may end it with a segmentation fault, and that is as good a way as any of
/// being caught.
/// </summary>
internal static class FaultRunner
{
    /// <summary>
    /// Without faults: prints the places where the workload stores and calls. With faults ("store|file|line|kind" or
    /// "call|place"): prints the outcome of each.
    /// </summary>
    public static int Run(string[] arguments)
    {
        (Action workload, Func<string, bool> isPlace) = Part(arguments[0]);
        string[] faults = arguments[1..];
        if (faults.Length == 0)
        {
            SeededFault.Places = [];
            CallFault.Places = [];
            workload();
            foreach ((string file, int line, PlaceKind kind) in SeededFault.Places.Keys)
            {
                if (isPlace(file))
                {
                    Console.WriteLine($"place store|{file}|{line}|{kind}");
                }
            }

            foreach (string place in CallFault.Places)
            {
                Console.WriteLine($"place call|{place}");
            }

            return 0;
        }

        foreach (string text in faults)
        {
            Console.WriteLine($"begin {text}");
            Console.Out.Flush();
            string[] parts = text.Split('|');
            SeededFault? fault = parts[0] == "store"
                ? new(parts[1], int.Parse(parts[2], null), Enum.Parse<FaultKind>(parts[3])) : null;
            SeededFault.Active = fault;
            CallFault.Active = parts[0] == "call" ? parts[1] : null;
            CallFault.Strikes = 0;
            Checksum.Shortened = parts[0] == "checksum";
            string outcome = "missed";
            try
            {
                workload();
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                outcome = "caught " + error.Message.ReplaceLineEndings(" ");
            }

            SeededFault.Active = null;
            CallFault.Active = null;
            bool struck = parts[0] == "checksum" || (fault?.Strikes ?? CallFault.Strikes) > 0;
            Console.WriteLine(struck ? outcome : "never");
        }

        return 0;
    }

    private static (Action Workload, Func<string, bool> IsPlace) Part(string name) => name switch
    {
        "arena" => (ArenaFaults.Workload, ArenaFaults.IsPlace),
        "sorted map" => (SortedMapCrashTests.FaultWorkload, SortedMapCrashTests.IsPlace),
        "log" => (LogCrashTests.FaultWorkload, LogCrashTests.IsPlace),
        _ => (DictionaryWorkload, file => !ArenaFaults.IsPlace(file)),
    };

    /// <summary>
    /// Each operation from each beginning, and growth, with what a weak order of stores can do as well.
    /// </summary>
    private static void DictionaryWorkload()
    {
        Random random = new(1);
        DictionaryLab.ExploreCreation(2 << 20, null);
        foreach (string beginning in DictionaryCrashTests.BeginningNames)
        {
            using DictionaryLab lab = new(2 << 20, "seeded faults") { Reorder = random };
            DictionaryCrashTests.Begin(lab, beginning);
            var start = lab.Save();
            foreach (DictionaryOperation operation in DictionaryCrashTests.Alphabet)
            {
                lab.Restore(start, beginning);
                lab.Explore(operation);
                lab.Explore(DictionaryOperation.Set("afterwards", "and it goes on"));
            }
        }

        using (DictionaryLab large = new(2 << 20, "seeded faults") { Reorder = random })
        {
            // A run of pages is freed and cut.
            large.Explore(DictionaryOperation.Set("large", new string('l', 300_000)));
            large.Explore(DictionaryOperation.Remove("large"));
            large.Explore(DictionaryOperation.Set("smaller", new string('s', 140_000)));
            large.Explore(DictionaryOperation.Set("next", new string('n', 140_000)));
        }

        DictionaryCrashTests.ExploreGrowth(recoveryToo: false, random);
    }
}
