using System.Globalization;

namespace GuestMemFs.Benchmarks.Library;

/// <summary>
/// What a snapshot costs: to take and end one, by the heap's size; and a change beside it, the first of each page and a
/// later one. Processor time.
/// </summary>
internal static class Snapshots
{
    private const int Rounds = 9;
    private const int Changes = 100_000;

    public static void Run(TextWriter output)
    {
        output.WriteLine($"processor time, median of {Rounds}; values of 100 bytes");
        foreach (int keys in (int[])[1_000, 100_000, 3_000_000])
        {
            Measure(keys, output);
        }
    }

    private static void Measure(int keys, TextWriter output)
    {
        string directory = Path.Combine(Settings.Parent, $"gmf-snapshot-{Guid.NewGuid():N}");
        Directory.CreateDirectory(directory);
        try
        {
            long size = (64L << 20) + (keys * 200L / (2 << 20) * (2 << 20));
            using PersistentArena arena =
                PersistentArena.OpenOrCreate(new ArenaOptions { Directory = directory, SizeHint = size });
            using PersistentRegion region = arena.OpenOrCreateRegion(
                "heap", size, new RegionOptions { Kind = RegionKind.Heap });
            PersistentHeap heap = PersistentHeap.Open(region);
            PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "d");
            for (int i = 0; i < keys; i++)
            {
                Set(dictionary, i, 0);
            }

            double[] take = new double[Rounds];
            double[] without = new double[Rounds];
            double[] first = new double[Rounds];
            double[] later = new double[Rounds];
            long copied = 0;
            for (int round = 0; round < Rounds; round++)
            {
                take[round] = Time(() => heap.TakeSnapshot().Dispose(), 100);
                without[round] = Time(() => Some(dictionary, keys, round), 1) / Changes;
                using PersistentSnapshot snapshot = heap.TakeSnapshot();
                first[round] = Time(() => Some(dictionary, keys, round), 1) / Changes;
                copied = snapshot.CopiedBytes;
                later[round] = Time(() => Some(dictionary, keys, round), 1) / Changes;
            }

            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{keys:N0} keys: take and end {Median(take) / 1000:N1} us; a set {Median(without):N0} ns without, " +
                $"{Median(first):N0} with (its pages were kept, {copied >> 20} MiB), {Median(later):N0} again"));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static void Some(PersistentDictionary dictionary, int keys, int seed)
    {
        Random random = new(seed);
        for (int i = 0; i < Changes; i++)
        {
            Set(dictionary, random.Next(keys), seed);
        }
    }

    private static void Set(PersistentDictionary dictionary, int key, int value)
    {
        Span<byte> bytes = stackalloc byte[ArenaFixture.ValueLength];
        bytes.Fill((byte)value);
        dictionary.Set(BitConverter.GetBytes(key), bytes);
    }

    private static double Time(Action action, int times)
    {
        TimeSpan before = Environment.CpuUsage.TotalTime;
        for (int i = 0; i < times; i++)
        {
            action();
        }

        return (Environment.CpuUsage.TotalTime - before).TotalNanoseconds / times;
    }

    private static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);
}
