using System.Diagnostics;
using System.Globalization;

namespace GuestMemFs.CrashLab;

/// <summary>
/// The long profile: random sequences of hundreds of operations, each explored, for as long as is asked for. <c>CrashLab long [minutes] [seed]</c>; ends with one line that
/// says what was done, and on a failure with the seed that shows it again.
/// </summary>
internal static class LongRun
{
    public static int Run(string[] options)
    {
        double minutes = options.Length > 0 ? double.Parse(options[0], CultureInfo.InvariantCulture) : 60;
        int seed = options.Length > 1 ? int.Parse(options[1], CultureInfo.InvariantCulture) : Random.Shared.Next();
        Stopwatch watch = Stopwatch.StartNew();
        int runs = 0;
        do
        {
            try
            {
                RandomRun(seed, 200);
                runs++;
                seed++;
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                Console.WriteLine(error.Message);
                Console.WriteLine($"FAILED after {runs} runs, {LabCounts.Of(LabCounts.CrashStates)} crash states; again: CrashLab long 0 {seed}");
                return 1;
            }
        }
        while (watch.Elapsed.TotalMinutes < minutes);

        Console.WriteLine($"passed: {runs} runs of 200 operations, {LabCounts.Of(LabCounts.CrashStates)} crash states, in {watch.Elapsed.TotalMinutes:F1} minutes; last seed {seed - 1}");
        return 0;
    }

    /// <summary>One random run: beginning, operations and depth all from the seed.</summary>
    public static void RandomRun(int seed, int operations)
    {
        Random random = new(seed);
        using DictionaryLab lab = new(4 << 20, "dictionary random runs") { Reorder = random };
        DictionaryCrashTests.Begin(lab, DictionaryCrashTests.BeginningNames[random.Next(DictionaryCrashTests.BeginningNames.Length)]);
        for (int i = 0; i < operations; i++)
        {
            lab.CrashRecoveryToo = random.Next(8) == 0;
            DictionaryOperation operation = DictionaryCrashTests.RandomOperation(random);
            if (random.Next(3) == 0)
            {
                lab.Explore(operation);
            }
            else
            {
                lab.Do(operation);
            }
        }
    }
}
