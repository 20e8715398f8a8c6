using System.Buffers.Binary;
using GuestMemFs.Collections;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Heap;

/// <summary>
/// Free memory is usable memory: whatever sizes came before, what fits by its bytes has room. The crash lab looks at
/// the moves' stores.
/// </summary>
public sealed class CompactionTests(ITestOutputHelper output)
{
    private const long Size = 32 << 20;

    [Theory]
    [InlineData(5_000, 300, 0.50)]
    [InlineData(5_000, 300, 0.90)]
    [InlineData(5_000, 300, 0.95)]
    [InlineData(300, 5_000, 0.50)]
    [InlineData(300, 5_000, 0.90)]
    [InlineData(300, 5_000, 0.95)]
    [InlineData(20, 70_000, 0.90)]
    [InlineData(22_000, 40_000, 0.60)]
    [InlineData(1_000, 190_000, 0.90)]
    [Trait("speed", "slow")]
    public void What_was_removed_at_random_is_room_for_another_size(int before, int after, double share)
    {
        using PlainSpace space = new(Size);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "keys");
        Random random = new(1);
        int filled = Fill(dictionary, "a", before);
        int[] keys = [.. Enumerable.Range(0, filled)];
        random.Shuffle(keys);
        int removed = (int)(filled * share);
        foreach (int key in keys.AsSpan(0, removed))
        {
            Assert.True(dictionary.Remove(Key("a", key)));
        }

        int fit = Fill(dictionary, "b", after);

        HeapStatistics now = heap.GetStatistics();
        output.WriteLine($"{filled} of {before} bytes fit; {share:P0} removed; {fit} of {after} bytes " +
            $"fit: {(double)fit * after / ((long)removed * before):P1}; " +
            $"moved {now.BlocksMoved}, {now.BytesMoved} bytes");
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
        AssertAll(dictionary, "a", keys.AsSpan(removed), before);
        AssertAll(dictionary, "b", Enumerable.Range(0, fit).ToArray(), after);
        Assert.True((double)fit * after >= 0.85 * removed * before,
            $"{(long)fit * after} of {(long)removed * before} bytes");
    }

    [Theory]
    [Trait("speed", "slow")]
    [InlineData(Size, 0.40)]
    [InlineData(Size, 0.60)]
    [InlineData(2 * Size, 0.75)]
    public void Sizes_whose_median_drifts_are_never_refused(long length, double live)
    {
        Random random = new(3);
        Drift(length, live, 5 * length, phase => (int)Math.Clamp(
            Math.Exp(7.5 + (2.5 * Math.Sin(phase * Math.PI * 3)) + (random.NextDouble() * 2) - 1), 8, 1 << 20));
    }

    /// <summary>
    /// As `benchmarks/servers/run fragmentation` does on a store of 64 MiB, over one of its three waves: the median
    /// goes from 1,000 bytes to 10,000, to 100 and back. redis-server refuses 45 % of the writes.
    /// </summary>
    [Fact]
    public void One_call_with_time_enough_leaves_nothing_to_do()
    {
        using PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary keys = PersistentDictionary.OpenOrCreate(heap, "keys");
        int count = 0;
        try
        {
            for (; ; count++)
            {
                keys.Set(BitConverter.GetBytes(count), new byte[1_000]);
            }
        }
        catch (ArenaOutOfSpaceException)
        {
            // As many as there is room for.
        }

        for (int i = 0; i < count; i++)
        {
            _ = i % 4 == 0 || keys.Remove(BitConverter.GetBytes(i));
        }

        Assert.True(heap.GetStatistics().IsScattered);

        Assert.False(heap.Compact(TimeSpan.FromMinutes(10)));

        HeapStatistics after = heap.GetStatistics();
        Assert.False(after.IsScattered);
        Assert.InRange(after.BlocksMoved, count / 16, count);
        Assert.InRange(after.BytesReclaimed, 4 << 20, 16 << 20);
        keys.Set("large"u8, new byte[4 << 20]);
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Three_quarters_alive_of_sizes_that_drift_are_never_refused()
    {
        const long Length = 64 << 20;
        Random random = new(5);
        Drift(Length, 0.75, 2 * Length, phase =>
        {
            double median = Math.Exp(Math.Log(1_000) + (Math.Log(10) * Math.Sin(2 * Math.PI * phase)));
            return (int)(median * Math.Exp((random.NextDouble() * 2.2) - 1.1));
        });
    }

    private void Drift(long length, double live, long total, Func<double, int> sizeAt)
    {
        using PlainSpace space = new(length);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "keys");
        Random random = new(7);
        List<(int Key, int Size)> keys = [];
        byte[] value = new byte[1 << 20];
        long payload = 0;
        int refused = 0, written = 0;
        for (long bytes = 0; bytes < total; written++)
        {
            int size = sizeAt((double)bytes / total);
            while (payload + size > live * length)
            {
                int at = random.Next(keys.Count);
                (keys[at], keys[^1]) = (keys[^1], keys[at]);
                Assert.True(dictionary.Remove(Key("k", keys[^1].Key)));
                payload -= keys[^1].Size;
                keys.RemoveAt(keys.Count - 1);
            }

            bytes += size;
            try
            {
                dictionary.Set(Key("k", written), value.AsSpan(0, size));
                keys.Add((written, size));
                payload += size;
            }
            catch (ArenaOutOfSpaceException)
            {
                refused++;
            }
        }

        HeapStatistics now = heap.GetStatistics();
        output.WriteLine($"{live:P0} alive: {refused} of {written} writes refused; at the end {keys.Count} keys, " +
            $"record bytes {dictionary.RecordBytes}; moved {now.BlocksMoved}, {now.BytesMoved} bytes");
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
        Assert.Equal(0, refused);
    }

    [Fact]
    public void What_threads_kept_for_themselves_is_room_for_anyone()
    {
        using PlainSpace space = new(Size);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "keys");
        int fresh = Fill(dictionary, "a", 1 << 20);
        for (int i = 0; i < fresh; i++)
        {
            Assert.True(dictionary.Remove(Key("a", i)));
        }

        const int Threads = 32;
        using Barrier together = new(Threads);
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(number => new Thread(() =>
        {
            foreach (int size in new[] { 30, 200, 900, 2_500, 6_000, 14_000, 31_000, 60_000, 120_000 })
            {
                together.SignalAndWait();
                int done = 0;
                for (; done < Math.Min(20, 120_000 / size)
                    && TrySet(dictionary, Key($"{number}:{size}:", done), size); done++)
                {
                }

                together.SignalAndWait();
                for (int i = 0; i < done; i++)
                {
                    dictionary.Remove(Key($"{number}:{size}:", i));
                }
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());

        int fit = Fill(dictionary, "b", 1 << 20);

        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
        Assert.Equal(fresh, fit);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Writers_of_all_sizes_beside_compaction_lose_nothing()
    {
        using PlainSpace space = new(Size / 2);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary[] dictionaries = [PersistentDictionary.OpenOrCreate(heap, "a"),
            PersistentDictionary.OpenOrCreate(heap, "b")];
        long refused = 0, written = 0;
        var wrong = new System.Collections.Concurrent.ConcurrentQueue<string>();
        Thread[] writers = [.. Enumerable.Range(0, 4).Select(number => new Thread(() =>
        {
            Random random = new(number);
            PersistentDictionary dictionary = dictionaries[number & 1];
            Dictionary<int, int> model = [];
            for (int i = 0; i < 10_000; i++)
            {
                int key = random.Next(900);
                byte[] name = Key($"{number}:", key);
                int size = (int)Math.Exp(2 + (random.NextDouble() * 9));
                if (dictionary.Get(name) is var now
                    && (now is null ? model.ContainsKey(key)
                        : now.Length != model.GetValueOrDefault(key, -1) || now[^1] != (byte)key))
                {
                    wrong.Enqueue($"{number}:{key}: {now?.Length} bytes for {model.GetValueOrDefault(key, -1)}");
                }

                if (random.Next(3) == 0)
                {
                    dictionary.Remove(name);
                    model.Remove(key);
                }
                else if (TrySet(dictionary, name, size, (byte)key))
                {
                    model[key] = size;
                    Interlocked.Increment(ref written);
                }
                else
                {
                    Interlocked.Increment(ref refused);
                }
            }
        }))];
        Array.ForEach(writers, writer => writer.Start());
        while (!writers.All(writer => writer.Join(1)))
        {
            heap.Compact(TimeSpan.FromMilliseconds(1));
        }

        HeapStatistics statistics = heap.GetStatistics();
        output.WriteLine($"{written} written, {refused} refused, {statistics.BlocksMoved} moved");
        Assert.Empty(wrong);
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
        Assert.True(statistics.BlocksMoved > 300, $"{statistics.BlocksMoved} moved");
        Assert.True(refused > 0, "the heap was never full: nothing was tried");
    }

    [Theory]
    [InlineData(16, 0.60)]
    [InlineData(32, 0.70)]
    [Trait("speed", "slow")]
    public void A_hundred_kills_under_random_sizes_leave_the_usable_size_as_it_was(int mebibytes, double least)
    {
        PlainSpace space = new(mebibytes << 20);
        try
        {
            List<long> usable = [];
            PersistentHeap heap = PersistentHeap.Open(space);
            PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "keys");
            for (int round = 0; round < 100; round++)
            {
                (int written, long bytes) = FillAtRandom(dictionary, new Random(5), 4 << 20);
                usable.Add(bytes);
                foreach (int key in Enumerable.Range(0, written).Where(key => key % 3 != round % 3))
                {
                    dictionary.Remove(Key("r", key));
                }

                FillAtRandom(dictionary, new Random(round), 1 << 20);
                PlainSpace killed = space;
                space = killed.Crash();
                killed.Dispose();
                heap = PersistentHeap.Open(space);
                dictionary = PersistentDictionary.OpenOrCreate(heap, "keys");
                for (int key = 0; dictionary.Count > 0; key++)
                {
                    dictionary.Remove(Key("r", key));
                }

                Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
            }

            output.WriteLine($"{mebibytes} MiB: {usable[0]} bytes fit at first, then {usable.Min()} to {usable.Max()}");

            // Against the first opening nothing may be lost; the heap that was never opened before may differ by one
            // more value.
            Assert.All(usable, bytes => Assert.True(bytes >= 0.99 * usable[0], $"{bytes} of {usable[0]}"));
            Assert.All(usable.Skip(1), bytes => Assert.InRange((double)bytes / usable[1], 0.99, 1.01));
            Assert.True(usable.Min() > least * (mebibytes << 20), $"only {usable.Min()} bytes");
        }
        finally
        {
            space.Dispose();
        }
    }

    /// <summary>
    /// Sizes of 8 bytes to the longest, until thirty were refused: how many keys were tried, and the bytes that fit.
    /// </summary>
    private static (int Keys, long Bytes) FillAtRandom(PersistentDictionary dictionary, Random random, int longest)
    {
        byte[] value = new byte[longest];
        long bytes = 0;
        int key = 0;
        for (int refused = 0; refused < 30; key++)
        {
            int size = random.Next(4) switch
            {
                0 => random.Next(8, 100),
                1 => random.Next(100, 5_000),
                2 => random.Next(5_000, longest / 16),
                _ => random.Next(20) == 0 ? random.Next(longest / 8, longest) : random.Next(500),
            };
            try
            {
                dictionary.Set(Key("r", key), value.AsSpan(0, size));
                bytes += size;
            }
            catch (ArenaOutOfSpaceException)
            {
                refused++;
            }
        }

        return (key, bytes);
    }

    private static bool TrySet(PersistentDictionary dictionary, byte[] key, int size, byte last = 0)
    {
        byte[] value = new byte[size];
        value[^1] = last;
        try
        {
            dictionary.Set(key, value);
            return true;
        }
        catch (ArenaOutOfSpaceException)
        {
            return false;
        }
    }

    private static int Fill(PersistentDictionary dictionary, string prefix, int size)
    {
        byte[] value = new byte[size];
        for (int i = 0; ; i++)
        {
            try
            {
                BinaryPrimitives.WriteInt32LittleEndian(value, i);
                dictionary.Set(Key(prefix, i), value);
            }
            catch (ArenaOutOfSpaceException)
            {
                return i;
            }
        }
    }

    private static void AssertAll(PersistentDictionary dictionary, string prefix, ReadOnlySpan<int> keys, int size)
    {
        foreach (int key in keys)
        {
            byte[]? value = dictionary.Get(Key(prefix, key));
            Assert.NotNull(value);
            Assert.Equal(size, value.Length);
            Assert.Equal(key, BinaryPrimitives.ReadInt32LittleEndian(value));
        }
    }

    private static byte[] Key(string prefix, int number) => System.Text.Encoding.ASCII.GetBytes($"{prefix}{number}");
}
