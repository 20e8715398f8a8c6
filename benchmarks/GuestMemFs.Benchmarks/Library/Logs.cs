using System.Globalization;

namespace GuestMemFs.Benchmarks.Library;

/// <summary>
/// A log: appends of 100 bytes into memory that was never touched and into memory that a trim gave back, under ids of
/// the log's and of the caller's, a walk and gets by id, one thread. Processor time, so that what else runs on the
/// machine counts less.
/// </summary>
internal static class Logs
{
    private const int Rounds = 5;

    private static readonly string[] s_names =
        ["append, fresh memory", "append, used memory", "append, own ids", "walk", "get by id"];

    /// <summary>Prints a line for each.</summary>
    public static void Run(int entries, TextWriter output)
    {
        output.WriteLine(
            $"{entries:N0} entries of {ArenaFixture.ValueLength} bytes; ns of processor time, median of {Rounds}");
        double[][] times = [.. s_names.Select(_ => new double[Rounds])];
        for (int round = 0; round < Rounds; round++)
        {
            string directory = Path.Combine(Settings.Parent, $"gmf-log-{Guid.NewGuid():N}");
            Directory.CreateDirectory(directory);
            Measure(directory, entries, times, round);
            Directory.Delete(directory, recursive: true);
        }

        for (int i = 0; i < s_names.Length; i++)
        {
            double median = times[i].Order().ElementAt(Rounds / 2);
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{s_names[i]}: {median:N1} ns, {1000 / median:N1} M/s"));
        }
    }

    private static void Measure(string directory, int entries, double[][] times, int round)
    {
        const long step = 2L << 20;
        long size = ((entries * 140L / step) + 16) * step;
        using PersistentArena arena =
            PersistentArena.OpenOrCreate(new ArenaOptions { Directory = directory, SizeHint = size });
        RegionOptions options = new() { Kind = RegionKind.Heap };
        PersistentHeap heap = PersistentHeap.Open(arena.OpenOrCreateRegion("data", size, options));
        PersistentLog log = PersistentLog.OpenOrCreate(heap, "log");
        times[0][round] = Time(entries, () => Append(log, entries));
        Empty(log);
        times[1][round] = Time(entries, () => Append(log, entries));
        Empty(log);
        times[2][round] = Time(entries, () => AppendOwn(log, entries));
        times[3][round] = Time(entries, () => Walk(log, entries));
        times[4][round] = Time(entries / 10, () => Get(log, entries));
    }

    private static void Append(PersistentLog log, int entries)
    {
        ReadOnlySpan<byte> value = stackalloc byte[ArenaFixture.ValueLength];
        for (int i = 0; i < entries; i++)
        {
            log.Append(value);
        }
    }

    private static void AppendOwn(PersistentLog log, int entries)
    {
        ReadOnlySpan<byte> value = stackalloc byte[ArenaFixture.ValueLength];
        ulong above = log.LastId.Milliseconds + 1;
        for (int i = 0; i < entries; i++)
        {
            log.TryAppend(new LogEntryId(above, (ulong)i), value);
        }
    }

    private static void Walk(PersistentLog log, int entries)
    {
        int seen = 0;
        foreach (LogEntry entry in log.Read())
        {
            seen += entry.Value.Length == ArenaFixture.ValueLength ? 1 : 0;
        }

        if (seen != entries)
        {
            throw new InvalidOperationException($"The walk saw {seen} entries.");
        }
    }

    private static void Get(PersistentLog log, int entries)
    {
        Random random = new(5);
        ulong time = log.LastId.Milliseconds;
        for (int i = 0; i < entries / 10; i++)
        {
            _ = log.Get(new LogEntryId(time, (ulong)random.Next(entries)))
                ?? throw new InvalidOperationException("An entry is not there.");
        }
    }

    private static void Empty(PersistentLog log)
    {
        log.Clear();
        while (log.CollectGarbage(1_000))
        {
            // Until the memory of all of it is free.
        }
    }

    private static double Time(int count, Action action)
    {
        TimeSpan before = Environment.CpuUsage.TotalTime;
        action();
        return (Environment.CpuUsage.TotalTime - before).TotalNanoseconds / count;
    }
}
