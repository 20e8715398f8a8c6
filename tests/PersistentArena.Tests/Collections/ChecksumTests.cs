using System.Buffers.Binary;
using System.Text;
using GuestMemFs.Collections;
using GuestMemFs.Heap;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

/// <summary>A dictionary whose values carry checksums: what is right stays right, what is damaged is told.</summary>
public sealed unsafe class ChecksumTests : IDisposable
{
    private const int MiB = 1 << 20;
    private static readonly DateTimeOffset s_later = DateTimeOffset.UtcNow.AddDays(1);

    private readonly PlainSpace _space = new(32 * MiB);

    public void Dispose() => _space.Dispose();

    [Fact]
    [Trait("speed", "slow")]
    public void Every_change_keeps_the_checksums_right()
    {
        PersistentDictionary keys = Open(_space, out PersistentHeap heap);
        var model = new Dictionary<int, byte[]>();
        var random = new Random(13);
        for (int i = 0; i < 60_000; i++)
        {
            Change(heap, keys, model, random);
        }

        Assert.Equal(1_000_005, keys.Increment("integer"u8, 1_000_005));
        Assert.Equal(1_000_004, keys.Increment("integer"u8, -1));
        Assert.Equal("1000004"u8, keys.Get("integer"u8)!);
        Assert.True(keys.Remove("integer"u8));
        AssertSame(keys, model);
        AssertSame(PersistentDictionary.OpenOrCreate(PersistentHeap.Open(_space.Reader()), "keys"), model);
        using PlainSpace crashed = _space.Crash();
        PersistentDictionary after = Open(crashed, out PersistentHeap afterHeap);
        AssertSame(after, model);
        Assert.Empty(Problems(afterHeap));
        after.Clear();
        Assert.True(after.CollectGarbage(int.MaxValue));
        Assert.Empty(Problems(afterHeap));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Compaction_moves_checksums_along()
    {
        PersistentDictionary keys = Open(_space, out PersistentHeap heap);
        byte[] value = new byte[300];
        int count = 0;
        for (; heap.GetStatistics().Frontier < 28 * MiB; count++)
        {
            new Random(count).NextBytes(value);
            keys.Set(Key(count), value);
        }

        for (int i = 0; i < count; i++)
        {
            Assert.True(i % 10 == 0 || keys.Remove(Key(i)));
        }

        while (heap.Compact(TimeSpan.FromSeconds(1)))
        {
        }

        Assert.True(heap.GetStatistics().BlocksMoved > 0);
        for (int i = 0; i < count; i += 10)
        {
            new Random(i).NextBytes(value);
            Assert.Equal(value, keys.Get(Key(i)));
        }

        Assert.Empty(Problems(heap));
    }

    [Fact]
    public void A_changed_bit_is_told_by_all_that_read_and_by_the_deep_check()
    {
        PersistentDictionary keys = Open(_space, out PersistentHeap heap);
        keys.Set("other"u8, "fine"u8);
        keys.Set("key"u8, "The value, which is somewhat longer."u8, s_later);
        byte* record = Find(heap, "The value");
        ulong header = *(ulong*)record;
        using var reader = new PlainSpaceReader(_space);
        for (int at = sizeof(ulong); at < RecordFormat.Length(header); at++)
        {
            bool isKey = at >= RecordFormat.KeyOffset(header) && at < RecordFormat.KeyOffset(header) + 3;
            record[at] ^= (byte)(1 << (at % 8));
            Assert.Contains(Problems(heap), problem => problem.Contains("checksum", StringComparison.Ordinal));
            if (!isKey)
            {
                AssertTold(keys, heap.At(0), record);
                AssertTold(reader.Keys, heap.At(0), record);
            }

            record[at] ^= (byte)(1 << (at % 8));
        }

        Assert.Equal("The value, which is somewhat longer."u8, keys.Get("key"u8)!);
        Assert.Empty(Problems(heap));
    }

    [Fact]
    public void A_damaged_value_can_be_set_anew_or_removed_and_is_not_changed_otherwise()
    {
        PersistentDictionary keys = Open(_space, out PersistentHeap heap);
        keys.Set("a"u8, "value of a"u8);
        keys.Set("b"u8, "value of b"u8);
        Find(heap, "value of a")[20] ^= 1;
        Find(heap, "value of b")[20] ^= 1;

        Assert.Throws<ValueDamagedException>(() => keys.Expire("a"u8, s_later));
        Assert.Throws<ValueDamagedException>(() =>
        {
            BlindExpiry expire = default;
            keys.Mutate("a"u8, ref expire);
        });
        Assert.Throws<ValueDamagedException>(() => keys.TryAdd("a"u8, "x"u8));
        Assert.Throws<ValueDamagedException>(() => keys.GetAndSet("a"u8, "x"u8));
        Assert.Throws<ValueDamagedException>(() => keys.Increment("a"u8));
        Assert.Throws<ValueDamagedException>(() => keys.Get("a"u8));
        keys.Set("a"u8, "anew"u8);
        Assert.True(keys.Remove("b"u8));

        Assert.Equal("anew"u8, keys.Get("a"u8)!);
        Assert.Null(keys.Get("b"u8));
        Assert.Empty(Problems(heap));
    }

    [Fact]
    public void An_expiry_that_was_damaged_removes_nothing()
    {
        PersistentDictionary keys = Open(_space, out PersistentHeap heap);
        keys.Set("key"u8, "value of it"u8, s_later);
        *RecordFormat.ExpiryWord(Find(heap, "value of it")) = 1;

        Assert.Equal(0, keys.RemoveExpired(int.MaxValue));
        Assert.Throws<ValueDamagedException>(() => keys.Get("key"u8));
    }

    [Fact]
    public void A_value_with_the_checksum_of_another_key_is_told()
    {
        PersistentDictionary keys = Open(_space, out PersistentHeap heap);
        keys.Set("a"u8, "value of a"u8);
        keys.Set("b"u8, "value of b"u8);
        byte* a = Find(heap, "value of a"), b = Find(heap, "value of b");
        int from = RecordFormat.KeyOffset(*(ulong*)a) + 1;
        Buffer.MemoryCopy(a + from, b + from, 14, 14);

        Assert.Equal("value of a"u8, keys.Get("a"u8)!);
        Assert.Throws<ValueDamagedException>(() => keys.Get("b"u8));
    }

    [Fact]
    public void A_heap_says_that_it_has_checksums_and_keeps_what_a_dictionary_was_made_with()
    {
        PersistentHeap heap = PersistentHeap.Open(_space);
        var wanted = new PersistentDictionaryOptions { Checksums = true };
        Assert.False(PersistentDictionary.OpenOrCreate(heap, "plain").HasChecksums);
        Assert.False(PersistentDictionary.OpenOrCreate(heap, "plain", wanted).HasChecksums);
        Assert.Equal(0ul, *(ulong*)heap.At(HeapFormat.IncompatOffset) & HeapFormat.ValueChecksums);

        Assert.True(PersistentDictionary.OpenOrCreate(heap, "keys", wanted).HasChecksums);
        Assert.NotEqual(0ul, *(ulong*)heap.At(HeapFormat.IncompatOffset) & HeapFormat.ValueChecksums);

        using PlainSpace crashed = _space.Crash();
        PersistentHeap again = PersistentHeap.Open(crashed);
        Assert.True(PersistentDictionary.OpenOrCreate(again, "keys").HasChecksums);
        Assert.False(PersistentDictionary.OpenOrCreate(again, "plain", wanted).HasChecksums);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Readers_beside_writers_never_see_damage()
    {
        const int count = 4, longest = 100_000; // so that a checksum takes as long as a change or two
        PersistentDictionary keys = Open(_space, out _);
        using var reader = new PlainSpaceReader(_space);
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        Parallel.Invoke(() => Write(1), () => Write(2), () => Read(keys), () => Read(reader.Keys));

        void Write(int seed)
        {
            var random = new Random(seed);
            while (!stop.IsCancellationRequested)
            {
                byte[] key = Key(random.Next(count));
                byte[] value = new byte[random.Next(longest)];
                value.AsSpan().Fill((byte)random.Next());
                keys.Set(key, value);
                Assert.True(random.Next(10) > 0 || keys.Remove(key) || keys.Count < count);
            }
        }

        void Read(PersistentDictionary from)
        {
            var random = new Random(3);
            while (!stop.IsCancellationRequested)
            {
                byte[]? value = from.Get(Key(random.Next(count)));
                Assert.True(value is null || value.Distinct().Count() < 2);
                Counter counter = default;
                from.Scan(0, 16, ref counter);
            }
        }
    }

    private static IReadOnlyList<string> Problems(PersistentHeap heap) =>
        HeapVerifier.Verify(heap, TestContext.Current.CancellationToken);

    private static PersistentDictionary Open(PlainSpace space, out PersistentHeap heap)
    {
        heap = PersistentHeap.Open(space);
        return PersistentDictionary.OpenOrCreate(heap, "keys", new PersistentDictionaryOptions { Checksums = true });
    }

    private static void Change(
        PersistentHeap heap, PersistentDictionary keys, Dictionary<int, byte[]> model, Random random)
    {
        int number = random.Next(20_000);
        byte[] key = Key(number);
        byte[] value = new byte[random.Next(5) == 0 ? random.Next(2_000) : random.Next(100)];
        random.NextBytes(value);
        switch (random.Next(8))
        {
            case 0:
                Assert.Equal(model.Remove(number), keys.Remove(key));
                break;
            case 1:
                Assert.Equal(model.ContainsKey(number), keys.Expire(key, random.Next(2) == 0 ? s_later : null));
                break;
            case 2:
                Assert.Equal(model.TryAdd(number, value), keys.TryAdd(key, value, s_later));
                break;
            case 3 when model.TryGetValue(number, out byte[]? old):
                Assert.True(keys.TryUpdate(key, value, old));
                model[number] = value;
                break;
            case 4:
                using (AtomicGroup group = heap.BeginAtomic())
                {
                    keys.Set(key, value, s_later);
                    keys.Expire(key, null);
                    if (random.Next(2) == 0)
                    {
                        group.Commit();
                        model[number] = value;
                    }
                }

                break;
            default:
                keys.Set(key, value);
                model[number] = value;
                break;
        }
    }

    private static void AssertSame(PersistentDictionary keys, Dictionary<int, byte[]> model)
    {
        Assert.Equal(model.Count, keys.Count);
        foreach ((int key, byte[] value) in model)
        {
            Assert.Equal(value, keys.Get(Key(key)));
        }

        Counter counter = default;
        keys.Scan(0, int.MaxValue, ref counter);
        Assert.Equal((model.Count, model.Values.Sum(value => (long)value.Length)), (counter.Count, counter.Bytes));
    }

    private static void AssertTold(PersistentDictionary keys, byte* start, byte* record)
    {
        ValueDamagedException told = Assert.Throws<ValueDamagedException>(() => keys.Get("key"u8));
        Assert.Equal(("GMF6008", "plain", "keys"), (told.ReasonCode, told.Region, told.Dictionary));
        Assert.Equal((record - start, keys.Core.State.Hash("key"u8)), (told.Offset, told.KeyHash));
        Assert.Throws<ValueDamagedException>(() => keys.ContainsKey("key"u8));
        Assert.Throws<ValueDamagedException>(() =>
        {
            var both = new Both();
            keys.ReadMany(ref both);
        });
        Assert.Throws<ValueDamagedException>(() =>
        {
            Counter counter = default;
            keys.Scan(0, int.MaxValue, ref counter);
        });
        Assert.Equal("fine"u8, keys.Get("other"u8)!);
    }

    private static byte* Find(PersistentHeap heap, string value)
    {
        ReadOnlySpan<byte> bytes = new(heap.At(0), (int)heap.GetStatistics().Frontier);
        long at = bytes.IndexOf(Encoding.ASCII.GetBytes(value));
        Assert.True(at > 0);
        byte* record = heap.At(at & -SizeClasses.Granule);
        return RecordFormat.IsRecord(*(ulong*)record) && RecordFormat.IsIntact(*(ulong*)record)
            ? record
            : record - SizeClasses.Granule;
    }

    private static byte[] Key(int key)
    {
        byte[] bytes = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, key);
        return bytes;
    }

    private sealed class PlainSpaceReader(PlainSpace space) : IDisposable
    {
        private readonly PlainSpace _reader = space.Reader();

        public PersistentDictionary Keys =>
            field ??= PersistentDictionary.OpenOrCreate(PersistentHeap.Open(_reader), "keys");

        public void Dispose() => _reader.Dispose();
    }

    private struct Counter : IRecordVisitor
    {
        public int Count { get; private set; }

        public long Bytes { get; private set; }

        public void Visit(in RecordView record)
        {
            Count++;
            Bytes += record.Value.Length;
        }
    }

    private readonly struct BlindExpiry : IRecordMutation
    {
        public static bool ReadsCurrent => false;

        public RecordChange Decide(in RecordView current) => RecordChange.SetExpiry(1 << 30);

        public void Write(in RecordView current, Span<byte> value)
        {
        }
    }

    private readonly struct Both : IBatchReader
    {
        public int Count => 2;

        public ReadOnlySpan<byte> KeyAt(int index) => index == 0 ? "other"u8 : "key"u8;

        public void Read(int index, in RecordView record)
        {
        }
    }
}
