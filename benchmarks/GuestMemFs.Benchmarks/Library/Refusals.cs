using System.Diagnostics;
using System.Globalization;

namespace GuestMemFs.Benchmarks.Library;

/// <summary>
/// What a refused write costs: where the region is full, and where the region has room and its medium has none, which
/// only the kernel can tell; and what a write costs for which a removal has just made room. The medium is a small
/// filesystem that the caller names; both arenas take turns on it.
/// </summary>
internal static class Refusals
{
    private const long SmallRegion = 16L << 20;
    private const long LargeRegion = 4L << 30;
    private const int Turns = 15;

    private static readonly TimeSpan s_turn = TimeSpan.FromMilliseconds(300);
    private static readonly int[] s_sizes = [100, 300, 5_000, 300_000];

    public static int Run(string medium, TextWriter output)
    {
        long free = new DriveInfo(medium).AvailableFreeSpace;
        if (free is < 4 * SmallRegion or > LargeRegion / 2)
        {
            output.WriteLine($"{medium} has {free >> 20} MiB free, and should have 64 to 2048.");
            output.WriteLine($"Try: mount -t tmpfs -o size=128M none {medium}");
            return 2;
        }

        output.WriteLine("| | value, bytes | full arena, us | full medium, us | ratio |");
        output.WriteLine("| --- | ---: | ---: | ---: | ---: |");
        foreach (int size in s_sizes)
        {
            using var arena = new Store(Path.Combine(medium, "small"), SmallRegion, size);
            using var full = new Store(Path.Combine(medium, "large"), LargeRegion, size);
            Compare("refused", arena, full, store => store.MeanOfRefused(s_turn), output);
            Compare("one goes, one comes", arena, full, store => store.MeanOfExchanged(s_turn), output);
        }

        return 0;
    }

    private static void Compare(
        string what, Store inArena, Store onMedium, Func<Store, double> cost, TextWriter output)
    {
        double[] arena = new double[Turns], medium = new double[Turns];
        for (int turn = 0; turn < Turns; turn++)
        {
            (arena[turn], medium[turn]) = (cost(inArena), cost(onMedium));
        }

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {what} | {inArena.Size:N0} | {Text(arena)} | {Text(medium)} | {Median(medium) / Median(arena):F2} |"));
    }

    private static double Median(double[] figures) => figures.Order().ElementAt(figures.Length / 2);

    private static string Text(double[] figures) => string.Create(
        CultureInfo.InvariantCulture, $"{Median(figures):F1} ({figures.Min():F1}–{figures.Max():F1})");

    /// <summary>A dictionary that is full of values of one size.</summary>
    private sealed class Store : IDisposable
    {
        private readonly string _directory;
        private readonly PersistentArena _arena;
        private readonly PersistentRegion _region;
        private readonly PersistentDictionary _keys;
        private readonly byte[] _value;
        private int _first;
        private int _next;

        public int Size => _value.Length;

        public Store(string directory, long length, int size)
        {
            _directory = directory;
            _value = new byte[size];
            Directory.CreateDirectory(directory);
            _arena = PersistentArena.OpenOrCreate(new ArenaOptions { Directory = directory });
            _region = _arena.OpenOrCreateRegion(
                "data", length, new RegionOptions { Kind = RegionKind.Heap, Reserve = RegionReserve.OnDemand });
            _keys = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(_region), "keys");
            while (TrySet(_next))
            {
                _next++;
            }
        }

        /// <summary>Mean time of one turn's writes of new keys, all of them refused, in microseconds.</summary>
        public double MeanOfRefused(TimeSpan turn)
        {
            long start = Stopwatch.GetTimestamp();
            int refused = 0;
            for (; Stopwatch.GetElapsedTime(start) < turn; refused++)
            {
                if (TrySet(-1 - refused))
                {
                    throw new InvalidOperationException("A write was not refused: the store was to be full.");
                }
            }

            return Stopwatch.GetElapsedTime(start).TotalMicroseconds / refused;
        }

        /// <summary>Mean time of a removal and a write of a new key, in microseconds.</summary>
        public double MeanOfExchanged(TimeSpan turn)
        {
            long start = Stopwatch.GetTimestamp();
            int done = 0;
            for (; Stopwatch.GetElapsedTime(start) < turn; done++)
            {
                _keys.Remove(BitConverter.GetBytes(_first++));
                if (!TrySet(_next))
                {
                    throw new InvalidOperationException("A write was refused for which there was room.");
                }

                _next++;
            }

            return Stopwatch.GetElapsedTime(start).TotalMicroseconds / done;
        }

        public void Dispose()
        {
            _region.Dispose();
            _arena.Dispose();
            Directory.Delete(_directory, recursive: true);
        }

        private bool TrySet(int key)
        {
            try
            {
                _keys.Set(BitConverter.GetBytes(key), _value);
                return true;
            }
            catch (ArenaOutOfSpaceException)
            {
                return false;
            }
        }
    }
}
