using GuestMemFs.Collections;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Inspection;

/// <summary>
/// Checks a dictionary that stands still: its chains are well formed, its records lie in the bucket of their hash, and
/// the counters are what is there.
/// </summary>
/// <param name="heap">Where it lies.</param>
/// <param name="reach">Notes that something leads to a block.</param>
/// <param name="taken">The bytes that an allocated block takes.</param>
/// <param name="problem">Notes what is wrong.</param>
internal sealed unsafe class DictionaryVerifier(
    PersistentHeap heap, ReachBlock reach, Func<long, long> taken, Action<string> problem)
{
    private const int MaximumMissing = 100;

    private SipHash _hash;
    private bool _checksums;
    private long _keys;
    private long _bytes;
    private long _expiring;

    /// <summary>Checks the dictionary whose root object lies there.</summary>
    public void Check(long root, CancellationToken cancellationToken)
    {
        byte* at = heap.At(root);
        _checksums = DictionaryFormat.HasValueChecksums(at);
        if (!DictionaryFormat.IsIntact(at))
        {
            problem($"the root of a dictionary at {root} does not check");
        }

        _hash = new(*(ulong*)(at + DictionaryFormat.Seed0Offset), *(ulong*)(at + DictionaryFormat.Seed1Offset));
        CheckTable(root + DictionaryFormat.CurrentOffset, counted: true, cancellationToken);
        CheckTable(root + DictionaryFormat.GarbageOffset, counted: false, cancellationToken);
    }

    private void CheckTable(long place, bool counted, CancellationToken cancellationToken)
    {
        long offset = Open(place);
        if (offset == 0 || !reach(offset, BlockHeader.TypeTable, "table", Table.Size))
        {
            return;
        }

        Table table = new(heap.Base, offset);
        bool[] whole = Segments(table);
        if (table.Buckets is < (ulong)Table.InitialBuckets or > Table.MaximumBuckets)
        {
            problem($"the table at {offset} says that it has {table.Buckets} buckets");
            return;
        }

        if (*table.BucketsCopyWord != Table.BucketsCopy(table.Buckets))
        {
            problem($"the table at {offset} says that it has {table.Buckets} buckets, and the copy of that number " +
                "does not");
        }

        CheckBuckets(table, whole, counted, cancellationToken);
        if (counted && (_keys != table.Sum(0) || _bytes != table.Sum(1) || _expiring != table.Sum(2)))
        {
            problem($"the counters say {table.Sum(0)} keys, {table.Sum(1)} bytes, {table.Sum(2)} expiring; " +
                $"there are {_keys}, {_bytes}, {_expiring}");
        }
    }

    /// <summary>Which segments are there and can be followed.</summary>
    private bool[] Segments(in Table table)
    {
        bool[] whole = new bool[Table.SegmentCount];
        for (int i = 0; i < Table.SegmentCount; i++)
        {
            long segment = Open((byte*)table.Segment(i) - heap.Base);
            whole[i] = segment != 0
                && reach(segment, BlockHeader.TypeSegment, $"segment {i}", Table.SegmentBytes(i));
        }

        return whole;
    }

    private void CheckBuckets(in Table table, bool[] whole, bool counted, CancellationToken cancellationToken)
    {
        (_keys, _bytes, _expiring) = (0, 0, 0);
        int missing = 0;
        for (ulong index = 0; index < table.Buckets && missing < MaximumMissing; index++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int segment = Table.SegmentOf(index);
            if (whole[segment])
            {
                CheckChain(table, index, counted);
            }
            else if (counted && *table.Segment(segment) == 0)
            {
                problem($"bucket {index} has no segment");
                missing++;
            }
        }
    }

    private void CheckChain(in Table table, ulong index, bool counted)
    {
        ulong* bucket = table.Bucket(index);
        for (ulong* node = bucket; ; node = Slot.Node(heap.Base, node[Slot.Last]))
        {
            if (node != bucket
                && !reach((byte*)(node - 1) - heap.Base, BlockHeader.TypeOverflow, $"overflow block of bucket {index}",
                    Table.BucketLength))
            {
                return;
            }

            bool last = !Slot.IsLink(node[Slot.Last]);
            for (int i = 0; i < Slot.PerNode; i++)
            {
                ulong slot = node[i];
                if (Slot.IsEntry(slot))
                {
                    CheckRecord(slot, index, table.Buckets);
                }
                else if (counted && slot == 0 && !last)
                {
                    problem($"bucket {index} has an empty slot before its chain's end");
                }
                else if (slot != 0 && (last || i != Slot.Last || slot != Slot.Link(Slot.Offset(slot))))
                {
                    problem($"bucket {index} has a slot that is no entry: 0x{slot:X16}");
                }
            }

            if (last)
            {
                return;
            }
        }
    }

    private void CheckRecord(ulong slot, ulong index, ulong buckets)
    {
        long offset = Slot.Offset(slot);
        ulong header = offset + sizeof(ulong) <= heap.Space.Length ? *(ulong*)heap.At(offset) : 0;
        if (!RecordFormat.IsIntact(header) || !RecordFormat.IsRecord(header))
        {
            problem($"bucket {index} leads to {offset}, which is no record (header 0x{header:X16})");
            return;
        }

        if (!reach(offset, (byte)header, $"record of bucket {index}", RecordFormat.Length(header)))
        {
            return;
        }

        ulong keyHash = _hash.Hash(RecordFormat.Key(heap.At(offset), header));
        if (Table.IndexOf(keyHash, buckets) != index || Slot.Entry(Slot.Tag(keyHash), offset) != slot)
        {
            problem($"the record at {offset} does not belong into bucket {index}, or its tag is wrong");
        }

        if (_checksums && !ValueChecksum.Holds(heap.At(offset), header, keyHash))
        {
            problem($"the record at {offset} in bucket {index} does not match its checksum (key hash 0x{keyHash:X16})");
        }

        long expected = SizeClasses.Taken(RecordFormat.Length(header));
        if (taken(offset) is < HeapFormat.PageSize and var bytes && bytes != expected)
        {
            problem($"the record at {offset} takes {bytes} bytes, its header says {expected}");
        }

        _keys++;
        _bytes += expected;
        _expiring += RecordFormat.ExpiresAt(heap.At(offset), header) != RecordView.NoExpiry ? 1 : 0;
    }

    /// <summary>The offset in a sealed word; 0 where there is none or the word does not check.</summary>
    private long Open(long place)
    {
        if (SealedOffset.TryOpen(*(ulong*)heap.At(place), place, out long offset))
        {
            return offset;
        }

        problem($"the word at {place} does not check");
        return 0;
    }
}
