using System.Diagnostics;

namespace GuestMemFs.ScheduleLab;

/// <summary>The proof that the lab can fail: each deliberate fault is noticed.</summary>
public sealed class SeededFaultTests
{
    private readonly ITestOutputHelper _output;

    public SeededFaultTests(ITestOutputHelper output) => _output = output;

    [Fact]
    [Trait("speed", "slow")]
    public void Seeded_faults_are_caught()
    {
        Dictionary<string, string> outcomes = new(StringComparer.Ordinal);
        string[] asserted = [.. FaultPlaces.All.Keys];
        string[] left = asserted;
        while (left.Length > 0)
        {
            RunChild(left, outcomes);
            left = [.. asserted.Where(fault => !outcomes.ContainsKey(fault))];
        }

        foreach ((string fault, string outcome) in outcomes)
        {
            _output.WriteLine($"{fault}: {outcome}");
        }

        string[] missed = [.. outcomes.Where(outcome => outcome.Value.StartsWith("missed",
            StringComparison.Ordinal)).Select(outcome => outcome.Key)];
        LabCounts.Add(LabCounts.SeededBugs, "concurrency", outcomes.Count - missed.Length);
        Assert.True(missed.Length == 0, "missed: " + string.Join(", ", missed));
        Assert.Equal(asserted.Length, outcomes.Count);
    }

    [Fact]
    public void Each_fault_has_a_place_where_it_is_seen_or_a_reason_why_it_is_not()
    {
        string[] told = [.. FaultPlaces.All.Keys, .. FaultPlaces.NotSeen.Keys];

        Assert.Equal(Rewriting.Faults.Order(StringComparer.Ordinal), told.Order(StringComparer.Ordinal));
        Assert.True(FaultPlaces.All.Count >= 40, $"{FaultPlaces.All.Count} faults are caught");
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
