using System.Text;
using KvStore.Demo;

namespace KvStore.Tests.Torture;

/// <summary>
/// The judge. A connection's operations are executed in their order, so after a crash its keys must be in the state
/// after its last acknowledged operation or after one more step, two more, … of those that were in flight
/// (<see cref="Operation.Steps"/>): in <b>one</b> of these states, all keys together. That no key is torn, that MSET,
/// RENAME and EXEC are whole, and that nothing acknowledged is lost are all part of this one rule.
/// </summary>
internal static class Checker
{
    /// <summary>
    /// How many steps of what was in flight had come true. Throws <see cref="TortureException"/> where no such state is
    /// the one that was found.
    /// </summary>
    /// <param name="acknowledged">The state after the last acknowledged operation.</param>
    /// <param name="inFlight">The operations after it.</param>
    /// <param name="found">What the server holds.</param>
    /// <param name="during">When the operations in flight may have been executed.</param>
    /// <param name="tight">True where the arena may have been full.</param>
    public static int Judge(
        Oracle acknowledged, IReadOnlyCollection<Operation> inFlight,
        IReadOnlyDictionary<string, Entry> found, Instant during, bool tight = false)
    {
        var oracle = new Oracle(acknowledged.Entries, acknowledged.Selected);
        var states = new List<List<string>> { Differences(oracle.Entries, found) };
        foreach (Operation operation in inFlight.SelectMany(o => o.Steps(tight)))
        {
            if (states[^1].Count == 0)
            {
                return states.Count - 1;
            }

            operation.ExecuteOn(oracle, during);
            states.Add(Differences(oracle.Entries, found));
        }

        if (states[^1].Count == 0)
        {
            return states.Count - 1;
        }

        int nearest = states.IndexOf(states.MinBy(s => s.Count)!);
        var message = new StringBuilder(
            $"None of the {states.Count} acceptable states was found ({inFlight.Count} operations were in flight).\n");
        message.Append($"Nearest is the one after {nearest}, with these differences:\n  ").AppendJoin("\n  ",
            states[nearest].Take(10));
        message.Append("\nIn flight were:\n  ").AppendJoin("\n  ", inFlight.Take(70).Select((o, i) => $"{i + 1}. {o}"));
        throw new TortureException(message.ToString(),
            [.. states[nearest].Take(10).Select(d => d[..d.IndexOf(": ", StringComparison.Ordinal)])]);
    }

    private static List<string> Differences(
        IReadOnlyDictionary<string, Entry> expected, IReadOnlyDictionary<string, Entry> found)
    {
        var differences = new List<string>();
        foreach ((string key, Entry entry) in expected)
        {
            if (!found.TryGetValue(key, out Entry? got))
            {
                differences.Add($"{key}: lost; it should be {Describe(entry)}");
            }
            else if (!got.Value.AsSpan().SequenceEqual(entry.Value))
            {
                differences.Add($"{key}: should be {Describe(entry)}; it is {Describe(got)}, first different at " +
                    $"byte {got.Value.AsSpan().CommonPrefixLength(entry.Value)}");
            }
            else if (entry.Expiry is null ? got.Expiry is not null
                : got.Expiry is not { } time || !entry.Expiry.Value.Contains(time))
            {
                differences.Add($"{key}: should expire at {entry.Expiry}; it does at {got.Expiry}");
            }
        }

        differences.AddRange(found.Where(pair => !expected.ContainsKey(pair.Key)).Select(pair =>
            $"{pair.Key}: should not be there; it is {Describe(pair.Value)}"));
        return differences;
    }

    private static string Describe(Entry entry) =>
        $"{RespReply.Describe(entry.Value)}, which {SelfDescribingValue.Explain(entry.Value)}, expiring " +
        $"at {(entry.Expiry is null ? "no time" : entry.Expiry)}";
}
