using System.Diagnostics;

namespace KvStore.Demo;

/// <summary>Progress on one line of a terminal; a line each quarter where the output is not a terminal.</summary>
internal sealed class ProgressBar(TextWriter output, string unit, long total, bool terminal)
{
    private const int Width = 30;
    private readonly long _start = Stopwatch.GetTimestamp();
    private long _drawn;
    private int _quarter;

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_start);

    public void Report(long done)
    {
        bool last = done >= total;
        if (terminal)
        {
            if (!last && _drawn != 0 && Stopwatch.GetElapsedTime(_drawn) < TimeSpan.FromMilliseconds(100))
            {
                return;
            }

            _drawn = Stopwatch.GetTimestamp();
            int filled = (int)(done * Width / Math.Max(total, 1));
            string bar = new string('#', filled) + new string('.', Width - filled);
            output.Write($"\r   [{bar}] {Describe(done)}   {(last ? "\n" : "")}");
            output.Flush();
        }
        else if (done * 4 / Math.Max(total, 1) > _quarter)
        {
            _quarter = (int)(done * 4 / total);
            output.WriteLine($"   {Describe(done)}");
        }
    }

    private string Describe(long done) =>
        $"{done * 100 / Math.Max(total, 1),3} " +
        $"%  {done:N0} {unit}, {done / Math.Max(Elapsed.TotalSeconds, 0.001):N0} a second";
}
