using System.Diagnostics;
using GuestMemFs.CrashLab;

namespace GuestMemFs.ScheduleLab;

/// <summary>The proof that the lab can fail: each deliberate fault is noticed.</summary>
public sealed class SeededFaultTests
{
    /// <summary>Faults that were seen to be caught. The others of Rewrites.txt were not run to their end yet: README.md.</summary>
    private static readonly string[] s_caught =
    [
        "bucket-lock-left-out",
        "bucket-lock-given-before-the-store",
        "bucket-lock-of-a-neighbour",
        "table-taken-before-the-lock",
        "buckets-counted-before-the-lock",
        "no-version-after-update",
        "no-version-after-removal",
        "reader-does-not-compare-the-version",
        "reader-does-not-compare-the-buckets",
        "growth-without-its-lock",
        "split-without-the-bucket-lock",
        "split-published-before-it-is-written",
        "split-takes-out-before-it-is-published",
        "clear-without-locks",
        "clear-leaves-a-lock-out",
        "clear-published-before-it-is-written",
        "collection-without-its-lock",
        "expiry-without-the-bucket-lock",
        "scan-without-the-bucket-lock",
        "allocator-without-its-lock-taking",
        "allocator-without-its-lock-spilling",
        "reserved-now-counts-as-free",
        "lane-held-by-several",
        "lane-does-not-look-for-a-group",
        "group-ends-before-its-rollback",
        "group-ends-before-its-commit",
        "slot-before-its-intent",
    ];

    [Fact]
    [Trait("speed", "slow")]
    public void Seeded_faults_are_caught()
    {
        Dictionary<string, string> outcomes = new(StringComparer.Ordinal);
        string[] left = s_caught;
        while (left.Length > 0)
        {
            RunChild(left, outcomes);
            left = [.. s_caught.Where(fault => !outcomes.ContainsKey(fault))];
        }

        string[] missed = [.. outcomes.Where(outcome => outcome.Value.StartsWith("missed",
            StringComparison.Ordinal)).Select(outcome => outcome.Key)];
        LabCounts.Add(LabCounts.SeededBugs, "concurrency", outcomes.Count - missed.Length);
        Assert.True(missed.Length == 0, "missed: " + string.Join(", ", missed));
        Assert.Equal(s_caught.Length, outcomes.Count);
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
