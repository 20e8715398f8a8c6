using System.Collections.Concurrent;
using System.Globalization;

namespace GuestMemFs.Support;

/// <summary>
/// What the lab did, counted by name over all tests of this process, and printed in one place at its end: "crash
/// states: dictionary", "byte damages: journal". What stands before the colon is a heading, under which its parts are
/// added up. Thread-safe.
/// </summary>
public static class LabCounts
{
    /// <summary>States that a crash can leave, reopened and checked.</summary>
    public const string CrashStates = "crash states";

    /// <summary>Bytes, files and formats damaged on purpose, reopened and checked.</summary>
    public const string Damages = "byte damages";

    /// <summary>Inputs given to a parser.</summary>
    public const string FuzzInputs = "fuzz inputs";

    /// <summary>Deliberate faults that the lab noticed.</summary>
    public const string SeededBugs = "seeded bugs caught";

    private static readonly ConcurrentDictionary<string, Counter> s_counters = new(StringComparer.Ordinal);

    /// <summary>Adds to a counter.</summary>
    /// <param name="heading">One of the names above, or a new one.</param>
    /// <param name="part">Which part of the library, or of the heading.</param>
    /// <param name="count">How many.</param>
    public static void Add(string heading, string part, long count = 1) =>
        Interlocked.Add(ref s_counters.GetOrAdd($"{heading}: {part}", static _ => new Counter()).Value, count);

    /// <summary>What a heading has now, over all its parts.</summary>
    public static long Of(string heading) => All().Where(counter =>
        counter.Name.StartsWith(heading + ": ", StringComparison.Ordinal)).Sum(counter => counter.Count);

    /// <summary>Every counter, by name.</summary>
    public static IReadOnlyList<(string Name, long Count)> All() =>
        [.. s_counters.Select(counter => (Name: counter.Key, Count: Volatile.Read(ref counter.Value.Value))).OrderBy(
            counter => counter.Name, StringComparer.Ordinal)];

    /// <summary>One line for each heading, its parts behind it; nothing where nothing was counted.</summary>
    public static void Print(TextWriter to)
    {
        foreach (IGrouping<string, (string Name, long Count)> heading in All().GroupBy(counter =>
            counter.Name[..counter.Name.IndexOf(": ", StringComparison.Ordinal)], StringComparer.Ordinal))
        {
            string parts = string.Join(", ",
                heading.Select(counter => string.Create(CultureInfo.InvariantCulture,
                    $"{counter.Name[(heading.Key.Length + 2)..]} {counter.Count:N0}")));
            to.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"count  {heading.Key}: {heading.Sum(counter => counter.Count):N0} ({parts})"));
        }
    }

    private sealed class Counter
    {
        public long Value;
    }
}
