using System.Diagnostics;

namespace GuestMemFs.Cli.Terminal;

/// <summary>How far something is, on one line of a terminal; silent elsewhere.</summary>
internal sealed class ProgressLine(Shell shell, string what, bool silent) : IProgress<DumpProgress>
{
    private readonly bool _shown = shell.ShowsProgress && !silent;
    private readonly long _start = Stopwatch.GetTimestamp();
    private TimeSpan _last;

    /// <summary>Says that so much of the whole is done.</summary>
    public void At(long done, long whole)
    {
        TimeSpan elapsed = Stopwatch.GetElapsedTime(_start);
        if (_shown && elapsed - _last > TimeSpan.FromMilliseconds(200))
        {
            _last = elapsed;
            shell.Error.Write($"\r{what}: {Sizes.Percent(done, whole)} " +
                $"of {Sizes.Of(whole)}, {Sizes.Of((long)(done / elapsed.TotalSeconds))}/s   ");
        }
    }

    void IProgress<DumpProgress>.Report(DumpProgress value) => At(value.Done, value.Whole);

    /// <summary>Takes the line away.</summary>
    public void End()
    {
        if (_last > TimeSpan.Zero)
        {
            shell.Error.Write("\r" + new string(' ', 70) + "\r");
        }
    }
}
