using System.Globalization;

namespace GuestMemFs.KernelLab.Machines;

/// <summary>What was heard of a machine that counts, looked through.</summary>
internal static class InnerCount
{
    /// <summary>Each number came once, from one on, and none is missing. Gives how many there were.</summary>
    public static int CheckWhole(Transcript run)
    {
        Assert.NotEmpty(run.Counted);
        uint expected = 1;
        foreach ((TimeSpan time, uint number) in run.Counted)
        {
            Assert.True(number == expected, string.Create(CultureInfo.InvariantCulture,
                $"at {time.TotalSeconds:0.0} s {number} was heard where {expected} was to come. {run.Describe()}"));
            expected++;
        }

        return run.Counted.Count;
    }

    /// <summary>
    /// The longest times that nothing was heard, in their order: how long the machine stood still, seen from outside.
    /// </summary>
    public static IReadOnlyList<TimeSpan> Pauses(Transcript run, int count) =>
    [
        .. Enumerable.Range(1, run.Counted.Count - 1)
            .Select(i => (run.Counted[i].Time, Pause: run.Counted[i].Time - run.Counted[i - 1].Time))
            .OrderByDescending(one => one.Pause).Take(count).OrderBy(one => one.Time).Select(one => one.Pause),
    ];
}
