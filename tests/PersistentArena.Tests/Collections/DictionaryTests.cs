using System.Buffers.Binary;
using System.Text;
using GuestMemFs.Collections;
using GuestMemFs.Format;
using GuestMemFs.Heap;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

public sealed class DictionaryTests
{
    [Fact]
    public void Get_and_set_gives_what_was_there()
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary keys = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys");

        Assert.Null(keys.GetAndSet("key"u8, "first"u8));
        Assert.Equal("first"u8.ToArray(), keys.GetAndSet("key"u8, "second"u8));
        Assert.Equal("second"u8.ToArray(), keys.Get("key"u8));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Set_get_remove_at_many_sizes_equal_a_plain_dictionary()
    {
        using PlainSpace space = new(64 << 20);
        PersistentDictionary dictionary = Open(space);
        Dictionary<string, byte[]> model = [];
        Random random = new(7);
        for (int i = 0; i < 60_000; i++)
        {
            string key = "k" + random.Next(5_000);
            if (random.Next(3) == 0)
            {
                Assert.Equal(model.Remove(key), dictionary.Remove(Bytes(key)));
            }
            else
            {
                byte[] value = new byte[random.Next(100) == 0 ? random.Next(200_000) : random.Next(300)];
                random.NextBytes(value);
                dictionary.Set(Bytes(key), value);
                model[key] = value;
            }
        }

        AssertSame(model, dictionary);
        using PlainSpace after = space.Crash();
        PersistentHeap heap = PersistentHeap.Open(after);
        AssertSame(model, PersistentDictionary.OpenOrCreate(heap, "keys"));
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public unsafe void A_damaged_segment_is_read_and_refused_to_whoever_looks_for_room()
    {
        using PlainSpace space = new(64 << 20);
        PersistentDictionary dictionary = Open(space);
        for (int i = 0; i < 20_000; i++)
        {
            dictionary.Set(Bytes("k" + i), Bytes("v" + i));
        }

        using PlainSpace after = space.Crash();
        foreach ((long start, _) in HeapBlocks.Find(after))
        {
            ulong* header = (ulong*)(after.Base + start);
            if (*header == BlockHeader.Sized(BlockHeader.TypeSegment, Table.SegmentBytes(3)))
            {
                *header = 0; // looks free
            }
        }

        PersistentDictionary damaged = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(after), "keys");
        for (int turn = 0; turn < 2; turn++)
        {
            Assert.Throws<HeapDamagedException>(() => damaged.Set("new"u8, new byte[100_000]));
            Assert.Throws<HeapDamagedException>(() => damaged.Set("new"u8, "small"u8));
        }

        Assert.Equal(20_000, damaged.Count);
        for (int i = 0; i < 20_000; i++)
        {
            Assert.Equal(Bytes("v" + i), damaged.Get(Bytes("k" + i)));
        }
    }

    [Fact]
    public void A_group_that_has_room_in_its_log_removes_where_there_is_no_room_left()
    {
        const int keys = 5_000;
        using PlainSpace space = new(8 << 20);
        PersistentDictionary dictionary = Open(space);
        for (int i = 0; i < keys; i++)
        {
            dictionary.Set(Bytes("k" + i), Bytes("v"));
        }

        using (AtomicGroup group = dictionary.BeginAtomic(2 * keys))
        {
            int filled = 0;
            for (int size = 100_000; size > 0;)
            {
                try
                {
                    dictionary.Set(Bytes("fill" + filled), new byte[size]);
                    filled++;
                }
                catch (ArenaOutOfSpaceException)
                {
                    size /= 2;
                }
            }

            for (int i = 0; i < keys; i++)
            {
                Assert.True(dictionary.Remove(Bytes("k" + i)));
            }

            group.Commit();
            Assert.Equal(filled, dictionary.Count);
        }

        Assert.Throws<ArenaOutOfSpaceException>(() => dictionary.BeginAtomic(1_000_000).Dispose());
        dictionary.Set("again"u8, "room"u8);
        Assert.Empty(HeapVerifier.Verify(PersistentHeap.Open(space.Crash()), TestContext.Current.CancellationToken));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_million_keys_grow_the_table_and_are_all_found()
    {
        using PlainSpace space = new(512 << 20);
        PersistentDictionary dictionary = Open(space);
        Span<byte> key = stackalloc byte[16];
        for (long i = 0; i < 1_000_000; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(key, i);
            dictionary.Set(key, key);
        }

        Assert.Equal(1_000_000, dictionary.Count);
        for (long i = 0; i < 1_000_000; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(key, i);
            Assert.True(dictionary.ContainsKey(key));
        }

        Collect seen = new() { Keys = [] };
        ulong cursor = 0;
        do
        {
            cursor = dictionary.Scan(cursor, 100, ref seen);
        }
        while (cursor != 0);
        Assert.Equal(1_000_000, seen.Keys.Count);
    }

    [Fact]
    public void Integers_are_changed_in_place_and_expiry_ends_records()
    {
        using PlainSpace space = new(8 << 20);
        ManualTime time = new();
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys",
            new PersistentDictionaryOptions { TimeProvider = time });
        Assert.Equal(1, dictionary.Increment("n"u8));
        Assert.Equal(-4, dictionary.Increment("n"u8, -5));
        Assert.Equal("-4"u8.ToArray(), dictionary.Get("n"u8));
        Assert.True(dictionary.Expire("n"u8, time.GetUtcNow().AddSeconds(10)));
        Assert.Equal(1, dictionary.ExpiringCount);
        time.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal(-3, dictionary.Increment("n"u8));
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Null(dictionary.Get("n"u8));
        Assert.Equal(1, dictionary.Count);
        Assert.Equal(1, dictionary.RemoveExpired(int.MaxValue));
        Assert.Equal(0, dictionary.Count);
        Assert.Equal(0, dictionary.ExpiringCount);
        Assert.Equal(0, dictionary.RecordBytes);
    }

    [Fact]
    public void A_group_is_whole_or_absent()
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary dictionary = Open(space);
        dictionary.Set("a"u8, "1"u8);
        dictionary.Set("b"u8, "2"u8);
        using (AtomicGroup group = dictionary.BeginAtomic())
        {
            dictionary.Set("a"u8, "3"u8);
            dictionary.Set("a"u8, "4"u8);
            dictionary.Remove("b"u8);
            dictionary.Set("c"u8, "5"u8);
            for (int i = 0; i < 200; i++)
            {
                dictionary.Set(Bytes("g" + i), Bytes("v" + i));
            }

            using PlainSpace crashed = space.Crash();
            PersistentHeap heap = PersistentHeap.Open(crashed);
            PersistentDictionary before = PersistentDictionary.OpenOrCreate(heap, "keys");
            Assert.Equal(1, heap.Recovery.GroupsRolledBack);
            Assert.Equal("1"u8.ToArray(), before.Get("a"u8));
            Assert.Equal("2"u8.ToArray(), before.Get("b"u8));
            Assert.Equal(2, before.Count);
            group.Commit();
        }

        Assert.Equal("4"u8.ToArray(), dictionary.Get("a"u8));
        Assert.Equal(202, dictionary.Count);
        using (AtomicGroup group = dictionary.BeginAtomic())
        {
            dictionary.Clear();
            Assert.Equal(0, dictionary.Count);
        }

        Assert.Equal(202, dictionary.Count);
        Assert.Equal("v7"u8.ToArray(), dictionary.Get("g7"u8));
    }

    [Fact]
    public void Clear_empties_at_once_and_gives_the_memory_back()
    {
        using PlainSpace space = new(32 << 20);
        PersistentDictionary dictionary = Open(space);
        for (int round = 0; round < 20; round++)
        {
            for (int i = 0; i < 10_000; i++)
            {
                dictionary.Set(Bytes("key" + i), new byte[500]);
            }

            Assert.Equal(10_000, dictionary.Count);
            dictionary.Clear();
            Assert.Equal(0, dictionary.Count);
            Assert.Null(dictionary.Get("key1"u8));
        }
    }

    [Fact]
    public void A_full_heap_refuses_with_numbers_and_goes_on_when_room_is_made()
    {
        using PlainSpace space = new(4 << 20);
        PersistentDictionary dictionary = Open(space);
        int stored = 0;
        ArenaOutOfSpaceException full = Assert.Throws<ArenaOutOfSpaceException>(() =>
        {
            for (; stored < 1_000_000; stored++)
            {
                dictionary.Set(Bytes("key" + stored), new byte[1000]);
            }
        });
        Assert.True(full.Requested >= 1000);
        Assert.True(stored > 2000, $"{stored} records of 1,000 bytes in 4 MiB");
        Assert.Equal(stored, dictionary.Count);
        for (int i = 0; i < stored; i++)
        {
            Assert.True(dictionary.Remove(Bytes("key" + i)));
        }

        for (int i = 0; i < stored - 70; i++)
        {
            dictionary.Set(Bytes("other" + i), new byte[900]);
        }

        Assert.Equal(stored - 70, dictionary.Count);
    }

    [Fact]
    [Trait("speed", "slow")]
    public async Task Readers_see_whole_records_while_writers_replace_them()
    {
        using PlainSpace space = new(64 << 20);
        PersistentDictionary dictionary = Open(space);
        const int Keys = 50;
        void Write(int seed, int rounds)
        {
            Random random = new(seed);
            for (int i = 0; i < rounds; i++)
            {
                byte[] value = new byte[random.Next(1, 400)];
                value.AsSpan().Fill((byte)value.Length);
                byte[] key = Bytes("key" + random.Next(Keys));
                if (random.Next(10) == 0)
                {
                    dictionary.Remove(key);
                }
                else
                {
                    dictionary.Set(key, value);
                }
            }
        }

        bool done = false;
        long reads = 0;
        Thread reader = new(() =>
        {
            for (int i = 0; !Volatile.Read(ref done); i++)
            {
                byte[]? value = dictionary.Get(Bytes("key" + (i % Keys)));
                if (value is not null)
                {
                    Assert.True(value.AsSpan().IndexOfAnyExcept((byte)value.Length) < 0);
                    reads++;
                }
            }
        });
        reader.Start();
        await Task.WhenAll(Enumerable.Range(0, 3).Select(seed => Task.Run(() => Write(seed, 200_000))));
        Volatile.Write(ref done, true);
        reader.Join();
        Assert.True(reads > 0);
    }

    private static PersistentDictionary Open(PlainSpace space) =>
        PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys");

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static void AssertSame(Dictionary<string, byte[]> model, PersistentDictionary dictionary)
    {
        Assert.Equal(model.Count, dictionary.Count);
        foreach ((string key, byte[] value) in model)
        {
            Assert.Equal(value, dictionary.Get(Bytes(key)));
        }
    }

    private struct Collect : IRecordVisitor
    {
        public required HashSet<long> Keys;

        public readonly void Visit(in RecordView record) =>
            Keys.Add(BinaryPrimitives.ReadInt64LittleEndian(record.Key));
    }
}

internal sealed class ManualTime : TimeProvider
{
    private DateTimeOffset _now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public override DateTimeOffset GetUtcNow() => _now;

    public void Advance(TimeSpan by) => _now += by;
}
