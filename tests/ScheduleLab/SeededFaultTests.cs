using System.Diagnostics;
using GuestMemFs.CrashLab;

namespace GuestMemFs.ScheduleLab;

/// <summary>The proof that the lab can fail: each deliberate fault is noticed.</summary>
public sealed class SeededFaultTests
{
    private const int Fewest = 40;

    /// <summary>Faults that cannot be seen, and why.</summary>
    private static readonly Dictionary<string, string> s_unseen = new(StringComparer.Ordinal)
    {
    };

    [Fact]
    [Trait("speed", "slow")]
    public void Every_seeded_fault_is_caught()
    {
        Dictionary<string, string> outcomes = new(StringComparer.Ordinal);
        string[] left = [.. Rewriting.Faults];
        while (left.Length > 0)
        {
            RunChild(left, outcomes);
            left = [.. Rewriting.Faults.Where(fault => !outcomes.ContainsKey(fault))];
        }

        string[] missed = [.. outcomes.Where(outcome => outcome.Value.StartsWith("missed",
            StringComparison.Ordinal)).Select(outcome => outcome.Key)];
        LabCounts.Add(LabCounts.SeededBugs, "concurrency", outcomes.Count - missed.Length);
        Assert.Equal(s_unseen.Keys.Order(StringComparer.Ordinal), missed.Order(StringComparer.Ordinal));
        Assert.True(outcomes.Count - missed.Length >= Fewest,
            $"{outcomes.Count - missed.Length} of {outcomes.Count} faults were caught");
    }

    // A fault may end the child; the others are for the next one.
    private static void RunChild(string[] faults, Dictionary<string, string> outcomes)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!, ["faults", .. faults]) { RedirectStandardOutput = true,
            RedirectStandardError = true };
        using Process child = Process.Start(start)!;
        Task<string> errors = child.StandardError.ReadToEndAsync();
        string? fault = null;
        while (child.StandardOutput.ReadLine() is { } line)
        {
            if (line.StartsWith("begin ", StringComparison.Ordinal))
            {
                fault = line["begin ".Length..];
            }
            else if (fault is not null && (line.StartsWith("caught", StringComparison.Ordinal)
                || line.StartsWith("missed", StringComparison.Ordinal)))
            {
                outcomes[fault] = line;
                fault = null;
            }
        }

        child.WaitForExit();
        if (fault is not null)
        {
            outcomes[fault] = $"caught: it ended the process with {child.ExitCode}";
        }

        string text = errors.Result;
        Assert.True(outcomes.Count > 0, $"the child process did nothing: {text}");
    }
}
