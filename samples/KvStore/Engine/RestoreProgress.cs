using System.Diagnostics;
using GuestMemFs;

namespace KvStore.Engine;

/// <summary>Says how far a restore is: in tenths, and at most once a second.</summary>
internal sealed class RestoreProgress : IProgress<DumpProgress>
{
    private long _told = Stopwatch.GetTimestamp();
    private int _tenths;

    public void Report(DumpProgress value)
    {
        int tenths = value.Percent / 10;
        if (tenths > _tenths && Stopwatch.GetElapsedTime(_told) >= TimeSpan.FromSeconds(1))
        {
            (_tenths, _told) = (tenths, Stopwatch.GetTimestamp());
            Console.WriteLine($"restoring: {value.Percent} % of {value.Whole >> 20} MiB");
        }
    }
}
