using GuestMemFs.Collections;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Inspection;

/// <summary>
/// Checks a heap that stands still, all of it: every allocated block is reachable from a root or a lane exactly once, every reachable block is allocated, chains
/// are well formed, records lie in the bucket of their hash, and the counters are what is there.
/// </summary>
/// <remarks>Nothing is followed that is not an allocated block large enough for what it should be, and none twice: damage is reported, not run into.</remarks>
internal sealed unsafe class HeapVerifier
{
    private const int MaximumProblems = 100;

    private readonly PersistentHeap _heap;
    private readonly CancellationToken _cancellation;
    private readonly Dictionary<long, long> _blocks;
    private readonly HashSet<long> _reached = [];
    private readonly List<string> _problems = [];

    // Of the dictionary that is looked at.
    private bool _checksums;

    private HeapVerifier(PersistentHeap heap, CancellationToken cancellation)
    {
        _heap = heap;
        _cancellation = cancellation;
        _blocks = HeapBlocks.Find(heap.Space);
    }

    /// <summary>What is wrong; empty where nothing is.</summary>
    public static IReadOnlyList<string> Verify(PersistentHeap heap, CancellationToken cancellation = default)
    {
        HeapVerifier verifier = new(heap, cancellation);
        verifier.Run();
        return verifier._problems;
    }

    private void Run()
    {
        HeapRoots roots = new(_heap.Space);
        roots.Check(settled: true);
        foreach ((long offset, ulong layout) in roots.All())
        {
            CheckRoot(offset, layout);
        }

        CheckLanes();
        foreach (long block in _blocks.Keys)
        {
            // What an application hangs on its own roots is known to it alone.
            if (!_reached.Contains(block) && BlockHeader.TypeOf(*(ulong*)_heap.At(block)) != BlockHeader.TypeBlob)
            {
                Problem($"block {block} of type 0x{BlockHeader.TypeOf(*(ulong*)_heap.At(block)):X2} is allocated and leads nowhere: a leak");
            }
        }
    }

    private void CheckRoot(long offset, ulong layout)
    {
        (byte type, long size) = layout switch
        {
            DictionaryFormat.Layout => (BlockHeader.TypeDictionary, (long)DictionaryFormat.Size),
            TreeRoot.Layout => (BlockHeader.TypeSortedMap, TreeRoot.Size),
            _ => (BlockHeader.TypeBlob, 0),
        };
        bool whole = Reach(offset, type, $"root at {offset}", size);
        if (whole && layout == DictionaryFormat.Layout)
        {
            CheckDictionary(offset);
        }
        else if (whole && layout == TreeRoot.Layout)
        {
            new SortedMapVerifier(_heap, Reach, Problem).Check(offset, _cancellation);
        }
    }

    private void CheckLanes()
    {
        foreach (Lane lane in _heap.Lanes)
        {
            if (lane.Words[IntentWord.Operation] != 0)
            {
                Problem($"lane {lane.Index} has an intent in flight");
            }

            if (GroupLog.StateOf(_heap.Space, lane) != GroupLog.Idle)
            {
                Problem($"lane {lane.Index} has a group that was not ended");
            }

            if (GroupLog.Exists(lane))
            {
                GroupLog log = GroupLog.Open(_heap.Space, lane);
                Reach(log.Offset, log.Type, $"group log of lane {lane.Index}", 0);
            }
        }
    }

    private void CheckDictionary(long root)
    {
        byte* at = _heap.At(root);
        _checksums = DictionaryFormat.HasValueChecksums(at);
        if (!DictionaryFormat.IsIntact(at))
        {
            Problem($"the root of a dictionary at {root} does not check");
        }

        SipHash hash = new(*(ulong*)(at + DictionaryFormat.Seed0Offset), *(ulong*)(at + DictionaryFormat.Seed1Offset));
        CheckTable(root + DictionaryFormat.CurrentOffset, hash, counted: true);
        CheckTable(root + DictionaryFormat.GarbageOffset, hash, counted: false);
    }

    private void CheckTable(long place, SipHash hash, bool counted)
    {
        long offset = Open(place);
        if (offset == 0 || !Reach(offset, BlockHeader.TypeTable, "table", Table.Size))
        {
            return;
        }

        Table table = new(_heap.Base, offset);
        bool[] whole = new bool[Table.SegmentCount];
        for (int i = 0; i < Table.SegmentCount; i++)
        {
            whole[i] = Open((byte*)table.Segment(i) - _heap.Base) is not 0 and var segment && Reach(segment, BlockHeader.TypeSegment, $"segment {i}", Table.SegmentBytes(i));
        }

        if (table.Buckets is < (ulong)Table.InitialBuckets or > Table.MaximumBuckets)
        {
            Problem($"the table at {offset} says that it has {table.Buckets} buckets");
            return;
        }

        if (*table.BucketsCopyWord != Table.BucketsCopy(table.Buckets))
        {
            Problem($"the table at {offset} says that it has {table.Buckets} buckets, and the copy of that number does not");
        }

        long keys = 0, bytes = 0, expiring = 0;
        for (ulong index = 0; index < table.Buckets; index++)
        {
            _cancellation.ThrowIfCancellationRequested();
            int segment = Table.SegmentOf(index);
            if (!whole[segment])
            {
                if (counted && *table.Segment(segment) == 0)
                {
                    Problem($"bucket {index} has no segment");
                }

                if (_problems.Count >= MaximumProblems)
                {
                    return;
                }

                continue;
            }

            ulong* bucket = table.Bucket(index);
            for (ulong* node = bucket; ; node = Chain.Follow(_heap.Base, node[Slot.Last]))
            {
                if (node != bucket && !Reach((byte*)(node - 1) - _heap.Base, BlockHeader.TypeOverflow, $"overflow block of bucket {index}", Table.BucketLength))
                {
                    break;
                }

                bool last = !Slot.IsLink(node[Slot.Last]);
                for (int i = 0; i < Slot.PerNode; i++)
                {
                    ulong slot = node[i];
                    if (Slot.IsEntry(slot))
                    {
                        CheckRecord(slot, index, table, hash, ref keys, ref bytes, ref expiring);
                    }
                    else if (counted && slot == 0 && !last)
                    {
                        Problem($"bucket {index} has an empty slot before its chain's end");
                    }
                    else if (slot != 0 && (last || i != Slot.Last || slot != Slot.Link(Slot.Offset(slot))))
                    {
                        Problem($"bucket {index} has a slot that is no entry: 0x{slot:X16}");
                    }
                }

                if (last)
                {
                    break;
                }
            }
        }

        if (counted && (keys != table.Sum(0) || bytes != table.Sum(1) || expiring != table.Sum(2)))
        {
            Problem($"the counters say {table.Sum(0)} keys, {table.Sum(1)} bytes, {table.Sum(2)} expiring; there are {keys}, {bytes}, {expiring}");
        }
    }

    private void CheckRecord(ulong slot, ulong index, Table table, SipHash hash, ref long keys, ref long bytes, ref long expiring)
    {
        long offset = Slot.Offset(slot);
        ulong header = offset + sizeof(ulong) <= _heap.Space.Length ? *(ulong*)_heap.At(offset) : 0;
        if (!RecordFormat.IsIntact(header) || !RecordFormat.IsRecord(header))
        {
            Problem($"bucket {index} leads to {offset}, which is no record (header 0x{header:X16})");
            return;
        }

        if (!Reach(offset, (byte)header, $"record of bucket {index}", RecordFormat.Length(header)))
        {
            return;
        }

        ulong keyHash = hash.Hash(RecordFormat.Key(_heap.At(offset), header));
        if (Table.IndexOf(keyHash, table.Buckets) != index || Slot.Entry(Slot.Tag(keyHash), offset) != slot)
        {
            Problem($"the record at {offset} does not belong into bucket {index}, or its tag is wrong");
        }

        if (_checksums && !ValueChecksum.Holds(_heap.At(offset), header, keyHash))
        {
            Problem($"the record at {offset} in bucket {index} does not match its checksum (key hash 0x{keyHash:X16})");
        }

        if (_blocks.TryGetValue(offset, out long taken) && taken != SizeClasses.Taken(RecordFormat.Length(header)) && taken < HeapFormat.PageSize)
        {
            Problem($"the record at {offset} takes {taken} bytes, its header says {SizeClasses.Taken(RecordFormat.Length(header))}");
        }

        keys++;
        bytes += SizeClasses.Taken(RecordFormat.Length(header));
        expiring += RecordFormat.ExpiresAt(_heap.At(offset), header) != RecordView.NoExpiry ? 1 : 0;
    }

    /// <summary>The offset in a sealed word; 0 where there is none or the word does not check.</summary>
    private long Open(long place)
    {
        if (SealedOffset.TryOpen(*(ulong*)_heap.At(place), place, out long offset))
        {
            return offset;
        }

        Problem($"the word at {place} does not check");
        return 0;
    }

    /// <summary>Notes that something leads to a block.</summary>
    /// <returns>True where it is one of that type and at least that long, and nothing else led to it: it can be followed.</returns>
    private bool Reach(long offset, byte type, string what, long length)
    {
        if (!_blocks.TryGetValue(offset, out long taken))
        {
            Problem($"{what}: {offset} is no allocated block");
            return false;
        }

        byte found = BlockHeader.TypeOf(*(ulong*)_heap.At(offset));
        if (found != type)
        {
            Problem($"{what}: the block at {offset} has type 0x{found:X2}, not 0x{type:X2}");
        }
        else if (taken < length)
        {
            Problem($"{what}: the block at {offset} takes {taken} bytes, and {length} are in it");
        }

        if (!_reached.Add(offset))
        {
            Problem($"{what}: the block at {offset} is reached twice");
            return false;
        }

        return found == type && taken >= length;
    }

    private void Problem(string text)
    {
        if (_problems.Count < MaximumProblems)
        {
            _problems.Add(text);
        }
    }
}
