using System.Globalization;
using KvStore.Demo;

namespace GuestMemFs.Benchmarks.Library;

/// <summary>
/// A sorted map beside <see cref="SortedDictionary{TKey,TValue}"/> with a lock, and beside LMDB where its library is
/// there: inserts and gets of random keys, a walk in order, keys of 16 bytes and values of 100, one thread. Processor
/// time, so that what else runs on the machine counts less.
/// </summary>
internal static class SortedMaps
{
    private const int Rounds = 3;

    /// <summary>Prints a line for each.</summary>
    public static void Run(int keys, TextWriter output)
    {
        output.WriteLine(
            $"{keys:N0} keys; ns of processor time an entry, median of {Rounds}; memory after the inserts");
        Measure("sorted map", keys, () => new Ours(keys), output);
        Measure("sorted map, rising keys", keys, () => new Ours(keys), output, rising: true);
        Measure("SortedDictionary, lock", keys, () => new Plain(), output);
        if (Lmdb.IsThere)
        {
            Measure("LMDB, no sync", keys, () => new Lmdb(Settings.Parent, keys), output);
        }
        else
        {
            output.WriteLine("LMDB: there is no liblmdb.so.0 here; it was not measured");
        }
    }

    private static void Measure(string name, int keys, Func<ISortedStore> make, TextWriter output, bool rising = false)
    {
        int[] order = [.. Enumerable.Range(0, keys)];
        Random random = new(7);
        double[][] times = [new double[Rounds], new double[Rounds], new double[Rounds]];
        long memory = 0;
        for (int round = 0; round < Rounds; round++)
        {
            using ISortedStore store = make();
            if (!rising)
            {
                random.Shuffle(order);
            }

            times[0][round] = Time(keys, () => Insert(store, order));
            random.Shuffle(order);
            times[1][round] = Time(keys, () => Get(store, order));
            times[2][round] = Time(keys, () => Walk(store, keys));
            memory = store.BytesUsed / keys;
        }

        (double insert, double get, double scan) = (Median(times[0]), Median(times[1]), Median(times[2]));
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name}: insert {insert:N0}, get {get:N0}, scan {scan:N1}; {memory} bytes an entry"));
    }

    private static void Insert(ISortedStore store, int[] order)
    {
        Span<byte> key = stackalloc byte[Dataset.KeyLength];
        Span<byte> value = stackalloc byte[ArenaFixture.ValueLength];
        foreach (int i in order)
        {
            Dataset.Key(i, key);
            BitConverter.TryWriteBytes(value, i);
            store.Set(key, value);
        }

        store.Commit();
    }

    private static void Get(ISortedStore store, int[] order)
    {
        Span<byte> key = stackalloc byte[Dataset.KeyLength];
        foreach (int i in order)
        {
            Dataset.Key(i, key);
            if (store.Get(key) != i)
            {
                throw new InvalidOperationException($"Key {i} has another value.");
            }
        }
    }

    private static void Walk(ISortedStore store, int keys)
    {
        long sum = store.Sum();
        if (sum != (long)keys * (keys - 1) / 2)
        {
            throw new InvalidOperationException($"The walk saw {sum}.");
        }
    }

    private static double Time(int keys, Action action)
    {
        TimeSpan before = Environment.CpuUsage.TotalTime;
        action();
        return (Environment.CpuUsage.TotalTime - before).TotalNanoseconds / keys;
    }

    private static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);

    private sealed class Ours : ISortedStore
    {
        private readonly string _directory = Path.Combine(Settings.Parent, $"gmf-sorted-{Guid.NewGuid():N}");
        private readonly PersistentArena _arena;
        private readonly PersistentHeap _heap;
        private readonly PersistentSortedMap _map;

        public Ours(long keys)
        {
            const long step = 2L << 20;
            long size = ((keys * 220 / step) + 16) * step;
            Directory.CreateDirectory(_directory);
            _arena = PersistentArena.OpenOrCreate(new ArenaOptions { Directory = _directory, SizeHint = size });
            RegionOptions options = new() { Kind = RegionKind.Heap };
            _heap = PersistentHeap.Open(_arena.OpenOrCreateRegion("data", size, options));
            _map = PersistentSortedMap.OpenOrCreate(_heap, "map");
        }

        public long BytesUsed => _heap.GetStatistics() is var now ? now.Frontier - now.KnownFree : 0;

        public void Set(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => _map.Set(key, value);

        public int Get(ReadOnlySpan<byte> key)
        {
            FirstInteger reader = default;
            return _map.TryRead(key, ref reader) ? reader.Value : -1;
        }

        public long Sum()
        {
            long sum = 0;
            foreach (SortedEntry entry in _map.Scan())
            {
                sum += BitConverter.ToInt32(entry.Value);
            }

            return sum;
        }

        public void Commit()
        {
            // Each change is true when it returns.
        }

        public void Dispose()
        {
            _arena.Dispose();
            Directory.Delete(_directory, recursive: true);
        }
    }

    private sealed class Plain : ISortedStore
    {
        private readonly SortedDictionary<byte[], byte[]> _entries = new(BytesOrder.Instance);
        private readonly Lock _lock = new();
        private readonly long _before = GC.GetTotalMemory(forceFullCollection: true);

        public long BytesUsed => GC.GetTotalMemory(forceFullCollection: true) - _before;

        public void Set(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
        {
            lock (_lock)
            {
                _entries[key.ToArray()] = value.ToArray();
            }
        }

        public int Get(ReadOnlySpan<byte> key)
        {
            lock (_lock)
            {
                return BitConverter.ToInt32(_entries[key.ToArray()]);
            }
        }

        public long Sum()
        {
            lock (_lock)
            {
                return _entries.Sum(entry => (long)BitConverter.ToInt32(entry.Value));
            }
        }

        public void Commit()
        {
            // There is nothing to commit.
        }

        public void Dispose() => _entries.Clear();
    }

    private sealed class BytesOrder : IComparer<byte[]>
    {
        public static BytesOrder Instance { get; } = new();

        public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);
    }

    private struct FirstInteger : IRecordReader
    {
        public int Value { get; private set; }

        public void Read(in RecordView record) => Value = BitConverter.ToInt32(record.Value);
    }
}
