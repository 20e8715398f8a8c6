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
            Assert.True(number == expected, string.Create(CultureInfo.InvariantCulture, $"at {time.TotalSeconds:0.0} s {number} was heard where {expected} was to come. {run.Describe()}"));
            expected++;
        }

        return run.Counted.Count;
    }

    /// <summary>The longest time that nothing was heard: how long the machine stood still, seen from outside, and when it went on.</summary>
    public static (TimeSpan Pause, TimeSpan End) Pause(Transcript run)
    {
        (TimeSpan, TimeSpan) longest = default;
        for (int i = 1; i < run.Counted.Count; i++)
        {
            TimeSpan pause = run.Counted[i].Time - run.Counted[i - 1].Time;
            if (pause > longest.Item1)
            {
                longest = (pause, run.Counted[i].Time);
            }
        }

        return longest;
    }
}
