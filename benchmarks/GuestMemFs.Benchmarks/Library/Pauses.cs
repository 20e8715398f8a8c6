using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using KvStore.Demo;

namespace GuestMemFs.Benchmarks.Library;

/// <summary>
/// How long single inserts take while a dictionary grows from nothing: not a mean but the slowest, and whether the
/// thread worked or waited in it. A first dictionary of some hundred thousand keys lets the compiler finish. Twice: in
/// a region that takes its memory as it is needed, and in one that took it at its creation, where what is left is the
/// dictionary's own growth.
/// </summary>
internal static partial class Pauses
{
    private const int WarmUp = 500_000;
    private const int ThreadUsage = 1; // RUSAGE_THREAD

    public static void Run(TextWriter output)
    {
        using (var first = new ArenaFixture(WarmUp))
        {
            Thread.Sleep(500); // The compiler's own thread.
        }

        Run(output, RegionReserve.OnDemand);
        Run(output, RegionReserve.Full);
    }

    private static void Run(TextWriter output, RegionReserve reserve)
    {
        using var arena = new ArenaFixture(0, Settings.Keys, reserve);
        var data = new Dataset(Settings.Keys, ArenaFixture.ValueLength, 1);
        Span<byte> key = stackalloc byte[Dataset.KeyLength];
        Span<byte> value = stackalloc byte[ArenaFixture.ValueLength];
        var slow = new List<(TimeSpan Time, long Waits, long Preemptions)>();
        int over100 = 0;
        Usage before = Now();
        for (int i = 0; i < Settings.Keys; i++)
        {
            Dataset.Key(i, key);
            data.Value(i, 0, value);
            long start = Stopwatch.GetTimestamp();
            arena.Dictionary.Set(key, value);
            TimeSpan time = Stopwatch.GetElapsedTime(start);
            if (time.TotalMicroseconds > 100)
            {
                over100++;
                Usage after = Now();
                if (time.TotalMilliseconds > 1)
                {
                    slow.Add((time, after.Waits - before.Waits, after.Preemptions - before.Preemptions));
                }

                before = after;
            }
        }

        int worked = slow.Count(pause => pause is { Waits: 0, Preemptions: 0 });
        int waited = slow.Count(pause => pause.Waits > 0);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"memory {(reserve == RegionReserve.Full ? "taken before" : "on demand")}: {Settings.Keys:N0} " +
            $"inserts: {over100} over 100 us, {slow.Count} over 1 ms (in {worked} the thread worked all the time, " +
            $"in {waited} it waited, in {slow.Count - worked - waited} others had its processor); the " +
            $"longest {(slow.Count == 0 ? 0 : slow.Max(pause => pause.Time.TotalMilliseconds)):F1} ms"));
        foreach ((TimeSpan time, long waits, long preemptions) in slow)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {time.TotalMilliseconds:F1} ms, waited {waits} times, preempted {preemptions} times"));
        }
    }

    private static Usage Now() => GetUsage(ThreadUsage, out Usage usage) == 0 ? usage : default;

    [LibraryImport("libc", EntryPoint = "getrusage")]
    private static partial int GetUsage(int who, out Usage usage);

    [StructLayout(LayoutKind.Explicit, Size = 144)]
    private struct Usage
    {
        [FieldOffset(128)] public long Waits;
        [FieldOffset(136)] public long Preemptions;
    }
}
