using System.Diagnostics;

namespace GuestMemFs.Arena;

/// <summary>How long to wait for something, from now on.</summary>
internal readonly struct Patience(TimeSpan limit)
{
    private readonly long _since = Stopwatch.GetTimestamp();

    /// <summary>How long that is.</summary>
    public TimeSpan Limit => limit;

    /// <summary>True until the time is over.</summary>
    public bool Lasts => limit > TimeSpan.Zero && Stopwatch.GetElapsedTime(_since) < limit;
}
