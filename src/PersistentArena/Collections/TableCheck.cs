using System.Runtime.CompilerServices;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// What is looked at of a table when its dictionary is opened: every word that leads to memory, and the number of
/// buckets. After that no read needs to ask whether its bucket lies in the region. The segments themselves are looked
/// at before somebody looks for room in the heap: each lies in a page that this process has not touched, and no read
/// needs its header. At most 256 segments, whatever they hold.
/// </summary>
internal static unsafe class TableCheck
{
    /// <summary>The table that a word of the dictionary's root leads to, and where its words lead.</summary>
    /// <param name="space">The heap's memory.</param>
    /// <param name="place">Offset of the word.</param>
    /// <param name="whole">False for garbage, whose segments go one by one.</param>
    /// <exception cref="HeapDamagedException">It is not what it should be.</exception>
    public static void Run(IHeapSpace space, long place, bool whole)
    {
        Table table = new(space.Base, Block(space, place, BlockHeader.TypeTable, Table.Size));
        ulong buckets = Buckets(space, table);
        int last = Table.SegmentOf(buckets - 1);
        for (int i = 0; i < Table.SegmentCount; i++)
        {
            long word = (byte*)table.Segment(i) - space.Base;
            if (*table.Segment(i) != 0)
            {
                Place(space, word, BlockHeader.TypeSegment, Table.SegmentBytes(i));
            }
            else if (!Guard.Holds(!whole || i > last))
            {
                throw new HeapDamagedException(space.Name, word,
                    $"segment {i} of a table of {buckets} buckets is gone");
            }
        }
    }

    /// <summary>
    /// The headers of a table's segments. One that were damaged could look like room for somebody's record.
    /// </summary>
    /// <exception cref="HeapDamagedException">One is not a segment's.</exception>
    public static void Segments(IHeapSpace space, Table table)
    {
        for (int i = 0; i < Table.SegmentCount; i++)
        {
            if (*table.Segment(i) != 0)
            {
                Block(space, (byte*)table.Segment(i) - space.Base, BlockHeader.TypeSegment, Table.SegmentBytes(i));
            }
        }
    }

    /// <summary>The block of just that type and length that a sealed word leads to.</summary>
    /// <exception cref="HeapDamagedException">The word does not check, or does not lead to one.</exception>
    public static long Block(IHeapSpace space, long place, byte type, long length)
    {
        long offset = Place(space, place, type, length);
        return Guard.Holds(*(ulong*)(space.Base + offset) == BlockHeader.Sized(type, length)) ? offset
            : throw Elsewhere(space, place, type, length);
    }

    /// <summary>Where a sealed word leads: room for such a block.</summary>
    private static long Place(IHeapSpace space, long place, byte type, long length)
    {
        ulong word = Volatile.Read(ref *(ulong*)(space.Base + place));
        return Guard.Holds(SealedOffset.TryOpen(word, place, out long offset))
            && offset >= HeapFormat.FirstPage << HeapFormat.PageShift && (offset & (SizeClasses.Granule - 1)) == 0
            && (offset <= space.Length - length || offset <= space.Follow() - length)
            ? offset
            : throw Elsewhere(space, place, type, length);
    }

    private static HeapDamagedException Elsewhere(IHeapSpace space, long place, byte type, long length) =>
        new(space.Name, place, $"it should lead to a block of type 0x{type:X2} with {length} bytes, and does not");

    // A writer beside this reader may be at it: the number is published before its copy, and only ever grows.
    private static ulong Buckets(IHeapSpace space, Table table)
    {
        ulong before = Volatile.Read(ref *table.BucketsCopyWord);
        ulong buckets = table.Buckets;
        ulong after = Volatile.Read(ref *table.BucketsCopyWord);
        bool intact = buckets is >= (ulong)Table.InitialBuckets and <= Table.MaximumBuckets
            && (Table.BucketsCopy(buckets) == after
                || (!space.IsWritable && (before != after || Table.BucketsCopy(buckets - 1) == after)));
        return Guard.Holds(intact) ? buckets
            : throw new HeapDamagedException(space.Name, (byte*)table.BucketsWord - space.Base,
                $"the number of buckets, {buckets}, does not check");
    }
}
