using GuestMemFs.Collections;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Inspection;

/// <summary>
/// Checks a heap that stands still, all of it: every allocated block is reachable from a root or a lane exactly once,
/// every reachable block is allocated, chains are well formed, records lie in the bucket of their hash, and the
/// counters are what is there.
/// </summary>
/// <remarks>
/// Nothing is followed that is not an allocated block large enough for what it should be, and none twice: damage is
/// reported, not run into.
/// </remarks>
internal sealed unsafe class HeapVerifier
{
    private const int MaximumProblems = 100;

    private readonly PersistentHeap _heap;
    private readonly CancellationToken _cancellation;
    private readonly Dictionary<long, long> _blocks;
    private readonly HashSet<long> _reached = [];
    private readonly List<string> _problems = [];

    private HeapVerifier(PersistentHeap heap, CancellationToken cancellationToken)
    {
        _heap = heap;
        _cancellation = cancellationToken;
        _blocks = HeapBlocks.Find(heap.Space);
    }

    /// <summary>
    /// As <see cref="Verify"/>, and says what objects nothing leads to; null where there are none, or something is
    /// wrong.
    /// </summary>
    public static (IReadOnlyList<string> Problems, string? Unreached) Judge(
        PersistentHeap heap, CancellationToken cancellation)
    {
        HeapVerifier verifier = new(heap, cancellation);
        verifier.Run();
        return (verifier._problems, verifier._problems.Count > 0 ? null
            : UnreachedObjects.Find(heap, verifier._blocks, verifier._reached, cancellation));
    }

    /// <summary>What is wrong; empty where nothing is.</summary>
    public static IReadOnlyList<string> Verify(PersistentHeap heap, CancellationToken cancellationToken = default)
    {
        HeapVerifier verifier = new(heap, cancellationToken);
        verifier.Run();
        return verifier._problems;
    }

    private void Run()
    {
        HeapRoots roots = new(_heap.Space);
        roots.Check(settled: true);
        foreach (long block in RootEntries.Blocks(_heap.Space))
        {
            Reach(block, BlockHeader.TypeRoots, $"further roots at {block}", RootEntries.BlockSize);
        }

        foreach (FoundRoot root in roots.All())
        {
            if (_blocks.ContainsKey(root.Offset)
                && BlockHeader.TypeOf(*(ulong*)_heap.At(root.Offset)) == BlockHeader.TypeBlob)
            {
                CheckShape(root.Slot);
            }

            if (root.State == RootState.Live)
            {
                CheckRoot(root.Offset, root.Layout);
            }
            else
            {
                CheckDeleted(root);
            }
        }

        CheckLanes();
        foreach (long block in _blocks.Keys)
        {
            // What an application hangs on its own roots is known to it alone.
            if (!_reached.Contains(block) && BlockHeader.TypeOf(*(ulong*)_heap.At(block)) != BlockHeader.TypeBlob)
            {
                Problem($"block {block} of type 0x{BlockHeader.TypeOf(*(ulong*)_heap.At(block)):X2} is allocated and " +
                    "leads nowhere: a leak");
            }
        }

        if (_problems.Count == 0)
        {
            TableVerifier.Check(_heap, Problem, _cancellation); // reads them as their users do
        }
    }

    private void CheckRoot(long offset, ulong layout)
    {
        (byte type, long size) = layout switch
        {
            DictionaryFormat.Layout => (BlockHeader.TypeDictionary, (long)DictionaryFormat.Size),
            _ when TreeKind.Is(layout) => (BlockHeader.TypeSortedMap, TreeRoot.Size),
            LogRoot.Layout => (BlockHeader.TypeLog, LogRoot.Size),
            _ => (BlockHeader.TypeBlob, 0),
        };
        bool whole = Reach(offset, type, $"root at {offset}", size);
        if (whole && layout == DictionaryFormat.Layout)
        {
            new DictionaryVerifier(_heap, Reach, block => _blocks[block], Problem).Check(offset, _cancellation);
        }
        else if (whole && TreeKind.Is(layout))
        {
            new SortedMapVerifier(_heap, Reach, Problem).Check(offset, _cancellation);
        }
        else if (whole && layout == LogRoot.Layout)
        {
            new LogVerifier(_heap, Reach, Problem).Check(offset, _cancellation);
        }
    }

    // Of an application's root, live or dropped.
    private void CheckShape(long slot)
    {
        HeapRoots roots = new(_heap.Space);
        if (*(ulong*)_heap.At(HeapRoots.LifeOf(slot)) == 0)
        {
            return; // an older library made it
        }

        if (roots.ShapeOf(slot) is not 0 and var shape)
        {
            Reach(shape, BlockHeader.TypeBlob, $"shape of the root at {slot}", HeapObjects.HeaderLength);
        }
        else
        {
            Problem($"where the shape of the root at {slot} lies does not check");
        }
    }

    private void CheckDeleted(FoundRoot root)
    {
        if (!_blocks.ContainsKey(root.Offset))
        {
            Problem($"deleted root at {root.Offset}: it is no allocated block");
            return;
        }

        byte type = BlockHeader.TypeOf(*(ulong*)_heap.At(root.Offset));
        bool whole = Reach(root.Offset, type, $"deleted root at {root.Offset}", 0);
        DeletedVerifier left = new(_heap, Reach, Problem);
        switch (root.State == RootState.Dropped && whole ? type : BlockHeader.TypeBlob)
        {
            case BlockHeader.TypeDictionary:
                new DictionaryVerifier(_heap, Reach, block => _blocks[block], Problem)
                    .Check(root.Offset, _cancellation);
                break;
            case BlockHeader.TypeSortedMap:
                left.CheckTree(root.Offset);
                break;
            case BlockHeader.TypeLog:
                left.CheckLog(root.Offset);
                break;
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
                CheckNotes(log);
            }
        }
    }

    // What a group keeps of a log: the way back, and what readers of other processes see until the commit.
    private void CheckNotes(in GroupLog log)
    {
        for (int i = 0; i < log.Count; i++)
        {
            if (log.Entry(i) is { IsOfWord: false } entry && entry.Old == entry.New
                && _blocks.ContainsKey(entry.New) && _blocks.ContainsKey(entry.Owner)
                && BlockHeader.TypeOf(*(ulong*)_heap.At(entry.Owner)) == BlockHeader.TypeLog
                && !new LogNote(_heap.Base, entry.New).IsOf(entry.Owner))
            {
                Problem($"the note at {entry.New}, of the log at {entry.Owner} before a group, does not check");
            }
        }
    }

    /// <summary>Notes that something leads to a block.</summary>
    /// <returns>True where it is one of that type and at least that long, and nothing else led to it: it can be
    /// followed.</returns>
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
