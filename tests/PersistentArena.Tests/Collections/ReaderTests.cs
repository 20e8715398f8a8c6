using System.Text;
using GuestMemFs.Collections;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Tests.Collections;

/// <summary>
/// Reads without locks, stopped in their midst while everything changes: what they give is a record that was whole.
/// Each test makes the one sign that is left for the reader, where usually there are several.
/// </summary>
public sealed unsafe class ReaderTests
{
    private const int Length = 100;

    [Fact]
    public void A_reader_over_the_death_of_a_writer_and_the_next_ones_recovery_gets_one_value()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary.OpenOrCreate(heap, "keys").Set("k"u8, Value('a'));
        using PlainSpace view = space.Reader();
        PersistentDictionary reader = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(view), "keys");
        Halves halves = new(value =>
        {
            long old = value - heap.Base - RecordFormat.PlainKeyOffset - 1;
            PublishAndDie(heap, space, old);
            PersistentHeap next = PersistentHeap.Open(space.NextWriter());
            Assert.Equal(1, next.Recovery.Finished);
            PersistentDictionary keys = PersistentDictionary.OpenOrCreate(next, "keys");
            for (int i = 0; i < 2000; i++)
            {
                keys.Set([(byte)'f', (byte)i, (byte)(i >> 8)], Value('c'));
            }

            Assert.NotEqual((byte)'a', value[0]); // the old record's block is another's now
        });

        Assert.True(reader.TryRead("k"u8, ref halves));

        Assert.Equal(2, halves.Reads);
        Assert.Equal(Value('b'), halves.Bytes);
    }

    [Fact]
    public void A_reader_of_a_table_that_was_replaced_looks_again()
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys");
        dictionary.Set("k"u8, Value('a'));
        Halves halves = new(value =>
        {
            ulong* version = VersionOf(space, value - RecordFormat.PlainKeyOffset - 1);
            ulong before = *version;
            dictionary.Clear();
            Assert.True(dictionary.CollectGarbage(int.MaxValue));
            dictionary.Set("k"u8, Value('b'));
            for (int i = 0; i < 200; i++)
            {
                dictionary.Set([(byte)'f', (byte)i], Value('c'));
            }

            *version = before; // as where that memory, used again, happens to hold the same
        });

        Assert.True(dictionary.TryRead("k"u8, ref halves));

        Assert.Equal(2, halves.Reads);
        Assert.Equal(Value('b'), halves.Bytes);
    }

    [Fact]
    public void A_table_that_comes_to_lie_where_an_old_one_lay_has_other_versions()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "keys");
        HashSet<(long Place, ulong Version)> seen = [];
        for (int round = 0; round < 20; round++)
        {
            dictionary.Set("k"u8, Value('a'));
            Halves where = new(value =>
            {
                ulong* version = VersionOf(space, value - RecordFormat.PlainKeyOffset - 1);
                Assert.True(seen.Add(((byte*)version - space.Base, *version)), "a bucket's version came again");
            });
            dictionary.TryRead("k"u8, ref where);
            dictionary.Clear();
            dictionary.CollectGarbage(int.MaxValue);
        }

        Assert.True(seen.DistinctBy(s => s.Place).Count() < seen.Count, "no table came to lie where one had lain");
    }

    [Fact]
    public void A_reader_of_a_bucket_that_was_split_looks_again()
    {
        using PlainSpace space = new(32 << 20);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys");
        byte[] key = KeyThatMoves(dictionary);
        dictionary.Set(key, Value('a'));
        Halves halves = new(value =>
        {
            ulong* version = VersionOf(space, value - RecordFormat.PlainKeyOffset - key.Length);
            ulong before = *version;
            for (int i = 0; i < 20_000; i++)
            {
                dictionary.Set(Encoding.UTF8.GetBytes("f" + i), "v"u8);
            }

            Assert.NotEqual(before, *version); // a slot of the bucket that was split has changed
            dictionary.Set(key, Value('b'));
            // as where the reader had seen the number of buckets before the split, and the version after it
            *version = before;
        });

        Assert.True(dictionary.TryRead(key, ref halves));

        Assert.Equal(2, halves.Reads);
        Assert.Equal(Value('b'), halves.Bytes);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_walk_of_a_reading_process_shows_a_record_that_does_not_change(bool random)
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary writer = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys");
        writer.Set("k"u8, Value('a'));
        using PlainSpace view = space.Reader();
        PersistentDictionary reader = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(view), "keys");
        Halves halves = new(_ =>
        {
            writer.Set("k"u8, Value('b'));
            for (int i = 0; i < 2000; i++)
            {
                writer.Set([(byte)'f', (byte)i, (byte)(i >> 8)], Value('c')); // one of them lies where the record lay
            }
        });

        if (random)
        {
            Assert.True(reader.TryVisitRandom(ref halves));
        }
        else
        {
            reader.Scan(0, int.MaxValue, ref halves);
        }

        Assert.Equal(Value('a'), halves.First);
    }

    [Fact]
    public void A_walk_of_a_reading_process_shows_all_that_stays_while_the_table_grows()
    {
        using PlainSpace space = new(32 << 20);
        PersistentDictionary writer = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys");
        for (int i = 0; i < 3000; i++)
        {
            writer.Set(Encoding.UTF8.GetBytes("stays" + i), Value('a'));
        }

        using PlainSpace view = space.Reader();
        PersistentDictionary reader = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(view), "keys");
        int grown = 0;
        Keys keys = new([], () => writer.Set(Encoding.UTF8.GetBytes("grows" + grown++), "v"u8));

        Assert.Equal(0UL, reader.Scan(0, int.MaxValue, ref keys));

        Assert.True(grown >= 3000);
        Assert.Equal(3000, keys.Seen.Count(key => key.StartsWith("stays", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_walk_of_a_reading_process_beside_a_writer_shows_whole_records_and_all_that_stays()
    {
        using PlainSpace space = new(32 << 20);
        PersistentDictionary writer = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys");
        for (int i = 0; i < 200; i++)
        {
            writer.Set(Encoding.UTF8.GetBytes("stays" + i), Value('s'));
        }

        using PlainSpace view = space.Reader();
        PersistentDictionary reader = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(view), "keys");
        using CancellationTokenSource enough = new();
        Thread writing = new(() => ChangeUntil(writer, enough.Token));
        writing.Start();
        try
        {
            for (int walk = 0; walk < 200; walk++)
            {
                Keys keys = new([], () => { });
                reader.Scan(0, int.MaxValue, ref keys);
                Assert.Equal(200, keys.Seen.Count(key => key.StartsWith("stays", StringComparison.Ordinal)));
                reader.TryVisitRandom(ref keys);
            }
        }
        finally
        {
            enough.Cancel();
            writing.Join();
        }
    }

    private static void ChangeUntil(PersistentDictionary writer, CancellationToken end)
    {
        Random random = new(1);
        while (!end.IsCancellationRequested)
        {
            byte[] key = Encoding.UTF8.GetBytes("c" + random.Next(400));
            if (random.Next(3) == 0)
            {
                writer.Remove(key);
            }
            else
            {
                writer.Set(key, new byte[random.Next(1, 60)].Select(_ => (byte)'x').ToArray());
                writer.Set(key, Value((char)('a' + random.Next(26))));
            }
        }
    }

    /// <summary>The stores of a killed writer's update of k: the last is the one that publishes the slot.</summary>
    private static void PublishAndDie(PersistentHeap heap, PlainSpace space, long old)
    {
        Lane lane = heap.Lanes[63];
        Assert.True(lane.TryTake(Environment.CurrentManagedThreadId));
        ulong header = *(ulong*)heap.At(old);
        long block = heap.Blocks.Take(lane, RecordFormat.Length(header));
        Buffer.MemoryCopy(heap.At(old) + 8, heap.At(block) + 8, 1 + Length, 1 + Length);
        new Span<byte>(heap.At(block) + 9, Length).Fill((byte)'b');
        ulong* slot = SlotOf(space, heap.At(old));
        lane.Begin(new Intent { Slot = (byte*)slot - heap.Base, Value = (*slot & ~0xFFFF_FFFF_FFFFUL) | (ulong)block,
            New = block, Old = old });
        Persist.Publish((ulong*)heap.At(block), header);
        Persist.Publish(slot, (*slot & ~0xFFFF_FFFF_FFFFUL) | (ulong)block);
    }

    private static ulong* VersionOf(PlainSpace space, byte* record) =>
        (ulong*)((nint)SlotOf(space, record) & -Table.BucketLength) + Slot.Version;

    /// <summary>The slot in a bucket that leads to a record.</summary>
    private static ulong* SlotOf(PlainSpace space, byte* record)
    {
        foreach ((long start, long taken) in HeapBlocks.Find(space))
        {
            if (BlockHeader.TypeOf(*(ulong*)(space.Base + start)) != BlockHeader.TypeSegment)
            {
                continue;
            }

            for (ulong* word = (ulong*)(space.Base + start + Table.SegmentHeader); word
                < space.Base + start + taken; word++)
            {
                if (Slot.IsEntry(*word) && Slot.Offset(*word) == record - space.Base)
                {
                    return word;
                }
            }
        }

        throw new InvalidOperationException("No bucket leads to the record.");
    }

    // Its hash has the bit by which the first doubling moves keys, and its bucket is among the first that are split.
    private static byte[] KeyThatMoves(PersistentDictionary dictionary) =>
        Enumerable.Range(0, 1 << 20).Select(i => Encoding.UTF8.GetBytes("m" + i)).First(key =>
            (dictionary.Core.State.Hash(key) & 2047) is > 1024 and < 1050);

    private static byte[] Value(char letter) => [.. Enumerable.Repeat((byte)letter, Length)];

    private unsafe delegate void Between(byte* value);

    /// <summary>Copies half of a value, then lets something happen, once, and copies the other half.</summary>
    private struct Halves(Between between) : IRecordReader, IRecordVisitor
    {
        public byte[] Bytes { get; private set; } = [];

        /// <summary>What the first visit gave.</summary>
        public byte[]? First { get; private set; }

        public int Reads { get; private set; }

        public void Read(in RecordView record)
        {
            Bytes = new byte[record.Value.Length];
            record.Value[..(Bytes.Length / 2)].CopyTo(Bytes);
            if (Reads++ == 0)
            {
                fixed (byte* value = record.Value)
                {
                    between(value);
                }
            }

            record.Value[(Bytes.Length / 2)..].CopyTo(Bytes.AsSpan(Bytes.Length / 2));
        }

        public void Visit(in RecordView record)
        {
            Read(record);
            First ??= Bytes;
        }
    }

    /// <summary>Takes down the keys; each value has to be of one letter.</summary>
    private readonly struct Keys(HashSet<string> seen, Action then) : IRecordVisitor
    {
        public HashSet<string> Seen => seen;

        public void Visit(in RecordView record)
        {
            Assert.NotEqual(0, record.Value.Length);
            Assert.True(record.Value.IndexOfAnyExcept(record.Value[0]) < 0, "a record is torn");
            seen.Add(Encoding.UTF8.GetString(record.Key));
            then();
        }
    }
}
