namespace GuestMemFs.CrashLab;

/// <summary>
/// Runs the lab's short workload with one seeded fault after the other. It is the child process of <see cref="SeededFaultTests"/>: a fault may end it with a
/// segmentation fault, and that is as good a way as any of being caught.
/// </summary>
internal static class FaultRunner
{
    /// <summary>Without faults: prints the places where the workload stores. With faults (file:line:kind): prints the outcome of each.</summary>
    public static int Run(string[] faults)
    {
        if (faults.Length == 0)
        {
            SeededFault.Places = [];
            Workload(new Random(1));
            foreach (((string file, int line, bool publishes), int count) in SeededFault.Places)
            {
                Console.WriteLine($"place {file}:{line}:{(publishes ? "publish" : "store")}:{count}");
            }

            return 0;
        }

        foreach (string text in faults)
        {
            string[] parts = text.Split(':');
            SeededFault fault = new(parts[0], int.Parse(parts[1], null), Enum.Parse<FaultKind>(parts[2]));
            Console.WriteLine($"begin {text}");
            Console.Out.Flush();
            SeededFault.Active = fault;
            string outcome = "missed";
            try
            {
                Workload(new Random(1));
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                outcome = "caught " + error.Message.ReplaceLineEndings(" ");
            }

            SeededFault.Active = null;
            Console.WriteLine($"{(fault.Strikes == 0 ? "never" : outcome)}");
        }

        return 0;
    }

    /// <summary>Each operation from each beginning, and growth, with what a weak order of stores can do as well.</summary>
    private static void Workload(Random random)
    {
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
