using GuestMemFs.Collections;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Tests.Collections;

/// <summary>What is looked at of a dictionary's tables when it is opened: each word that leads to memory.</summary>
public sealed unsafe class TableCheckTests
{
    /// <summary>Segments that a table of 20,000 keys has: the last one is not the first.</summary>
    private const int Keys = 20_000;

    public enum Part
    {
        Word,
        Header,
        Buckets,
        BucketsCopy,
        FirstSegmentWord,
        LastSegmentWord,
        FirstSegmentHeader,
        LastSegmentHeader,
    }

    public static TheoryData<Part> All => [.. Enum.GetValues<Part>()];

    [Theory]
    [MemberData(nameof(All))]
    public void A_cleared_table_that_is_damaged_is_refused_at_the_open(Part part)
    {
        using PlainSpace space = Filled(out long root);
        PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys").Clear();
        using PlainSpace next = space.NextWriter();

        *WordOf(next, root + DictionaryFormat.GarbageOffset, part) ^= 1 << 6;

        Assert.Throws<HeapDamagedException>(() =>
            PersistentDictionary.OpenOrCreate(PersistentHeap.Open(next), "keys"));
    }

    // The headers of segments are looked at before somebody looks for room.
    [Theory]
    [InlineData(Part.Word)]
    [InlineData(Part.Header)]
    [InlineData(Part.Buckets)]
    [InlineData(Part.BucketsCopy)]
    [InlineData(Part.FirstSegmentWord)]
    [InlineData(Part.LastSegmentWord)]
    public void A_table_that_is_damaged_is_refused_at_the_open(Part part)
    {
        using PlainSpace space = Filled(out long root);
        using PlainSpace next = space.NextWriter();

        *WordOf(next, root + DictionaryFormat.CurrentOffset, part) ^= 1 << 6;

        Assert.Throws<HeapDamagedException>(() =>
            PersistentDictionary.OpenOrCreate(PersistentHeap.Open(next), "keys"));
    }

    // Of the format: what is above 32 bits takes part in the check, and a heap of this library reads in the next one.
    [Theory]
    [InlineData(1024UL, 3_500_279_044_933_420_032UL)]
    [InlineData((2UL << 32) + 1024, 9_508_793_281_056_605_184UL)]
    [InlineData(Table.MaximumBuckets, 16_182_881_170_063_622_144UL)]
    public void The_copy_of_the_number_of_buckets_is_what_it_always_was(ulong buckets, ulong copy) =>
        Assert.Equal(copy, Table.BucketsCopy(buckets));

    [Theory]
    [InlineData(DictionaryFormat.CurrentOffset, false)]
    [InlineData(DictionaryFormat.GarbageOffset, true)]
    public void A_segment_may_be_gone_from_a_cleared_table_only(long word, bool opens)
    {
        using PlainSpace space = Filled(out long root);
        if (opens)
        {
            PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys").Clear();
        }

        using PlainSpace next = space.NextWriter();
        *WordOf(next, root + word, Part.FirstSegmentWord) = 0;
        PersistentDictionary? keys = null;
        Exception? error = Record.Exception(() =>
            keys = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(next), "keys"));

        Assert.Equal(opens, error is null);
        Assert.NotEqual(false, keys?.CollectGarbage(int.MaxValue)); // what is left of it goes too
        Assert.True(error is null or HeapDamagedException);
    }

    // As a clear of another thread does it, between the look at the table and the look at its segments.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_table_that_is_no_more_the_current_one_is_not_judged_and_the_next_one_is(bool isNextDamaged)
    {
        using PlainSpace space = Filled(out long root);
        PersistentDictionary other = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "other");
        long next = other.Core.State.Current.Offset;
        using PlainSpace later = space.NextWriter();
        PersistentHeap heap = PersistentHeap.Open(later);
        PersistentDictionary keys = PersistentDictionary.OpenOrCreate(heap, "keys");
        long place = root + DictionaryFormat.CurrentOffset;
        *WordOf(later, place, Part.FirstSegmentHeader) ^= 1 << 6;
        if (isNextDamaged)
        {
            *(ulong*)(later.Base + new Table(later.Base, next).SegmentAt(0)) ^= 1 << 6;
        }

        Lane lane = heap.TakeLane();
        int told = 0;
        later.Named = () =>
        {
            told++;
            *(ulong*)(later.Base + place) = SealedOffset.Seal(next, place);
        };
        Exception? error = Record.Exception(() => heap.Blocks.Take(lane, 1000));

        Assert.Equal(isNextDamaged ? 2 : 1, told);
        Assert.Equal(next, keys.Core.State.Current.Offset);
        Assert.Equal(isNextDamaged, error is HeapDamagedException);
        Assert.Equal(isNextDamaged, error is not null);
    }

    private static PlainSpace Filled(out long root)
    {
        PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary keys = PersistentDictionary.OpenOrCreate(heap, "keys");
        for (int i = 0; i < Keys; i++)
        {
            keys.Set(BitConverter.GetBytes(i), "value"u8);
        }

        root = keys.Core.State.Root;
        Assert.True(Table.SegmentOf(keys.Core.State.Current.Buckets - 1) > 0);
        return space;
    }

    private static ulong* WordOf(PlainSpace space, long place, Part part)
    {
        ulong* word = (ulong*)(space.Base + place);
        Table table = new(space.Base, SealedOffset.Get(*word));
        int last = Table.SegmentOf(table.Buckets - 1);
        return part switch
        {
            Part.Word => word,
            Part.Header => (ulong*)(space.Base + table.Offset),
            Part.Buckets => table.BucketsWord,
            Part.BucketsCopy => table.BucketsCopyWord,
            Part.FirstSegmentWord => table.Segment(0),
            Part.LastSegmentWord => table.Segment(last),
            Part.FirstSegmentHeader => (ulong*)(space.Base + table.SegmentAt(0)),
            _ => (ulong*)(space.Base + table.SegmentAt(last)),
        };
    }
}
