using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>Where a key is in a tree, or would be.</summary>
internal unsafe ref struct Target
{
    /// <summary>The slot of the path's leaf, or -1 for a key that is not there.</summary>
    public int Slot;

    public byte* Record;

    public ulong Header;

    public readonly bool IsThere => Slot >= 0;
}

/// <summary>
/// Puts records into a tree's leaves and takes them out, each with one store: of a slot's word, or of a leaf's order.
/// Under the map's lock.
/// </summary>
/// <remarks>
/// Where the number of records changes, the totals above the leaf follow. The root names the leaf before, so that the
/// next writer adds up again what a crash left behind: the branches above one leaf.
/// </remarks>
internal sealed unsafe class TreeRecords(TreeMemory memory)
{
    private readonly TreeSearch _search = new(memory);
    private readonly TreeShaper _shaper = new(memory);

    /// <summary>The place of a key.</summary>
    public Target Locate(scoped ReadOnlySpan<byte> key, scoped ref TreePath path)
    {
        Target target = default;
        bool whole = _search.TryPath(key, Way.To, ref path)
            && _search.TrySlot(path.Leaf, key, out target.Slot, out target.Record, out target.Header);
        return whole ? target : throw Damaged(path);
    }

    /// <summary>Splits nodes until the leaf of a key that is not there has a free slot.</summary>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; no record was changed.</exception>
    public void MakeSlot(Lane lane, ReadOnlySpan<byte> key, ref TreePath path)
    {
        for (int splits = 0; OrderOf(path).Count == SlotOrder.Slots; splits++)
        {
            if (splits > TreeNode.MaximumLevel + 1)
            {
                throw Damaged(path); // the key's way leads to a full leaf each time
            }

            _shaper.Split(lane, path, key);
            Locate(key, ref path);
        }
    }

    /// <summary>
    /// Makes a record part of the leaf, which has a free slot. Its header is stored first where it is a new one.
    /// </summary>
    public void Insert(Lane lane, in TreePath path, long block, ulong header, bool isNew)
    {
        TreeNode leaf = path.Leaf;
        byte* record = memory.At(block);
        ReadOnlySpan<byte> key = RecordFormat.Key(record, header);
        SlotOrder order = OrderOf(path);
        if (!_search.TryPosition(leaf, order, key, out int position, out _))
        {
            throw Damaged(path);
        }

        int slot = order.FreeSlot();
        ulong value = leaf.OrderFor(order.Insert(position, slot));
        Intent intent = new() { Slot = memory.OffsetOf(leaf.OrderWord), Value = value, New = isNew ? block : 0 };
        Tally(ref intent, 1, Taken(header), IsExpiring(record, header));
        BeginCount(leaf);
        lane.Begin(intent);
        if (isNew)
        {
            Persist.Publish((ulong*)record, header);
        }

        Persist.Store(leaf.Slice(slot), KeySlice.Of(key, leaf.PrefixLength));
        Persist.Store(leaf.RecordWord(slot), SealedOffset.Seal(block, leaf.RecordPlace(slot)));
        Persist.Publish(leaf.OrderWord, value); // COMMIT POINT: entry
        lane.Finish(intent);
        EndCount(path, 1);
    }

    /// <summary>
    /// Puts a record in the place of another one of the same key. The old block is free afterwards where <paramref
    /// name="frees"/>.
    /// </summary>
    public void Replace(Lane lane, in TreePath path, in Target target, long block, ulong header, bool frees)
    {
        TreeNode leaf = path.Leaf;
        ulong* word = leaf.RecordWord(target.Slot);
        ulong value = SealedOffset.Seal(block, leaf.RecordPlace(target.Slot));
        bool isNew = !BlockHeader.IsAllocated(*(ulong*)memory.At(block));
        long old = memory.OffsetOf(target.Record);
        Intent intent = new()
        {
            Slot = memory.OffsetOf(word),
            Value = value,
            New = isNew ? block : 0,
            Old = frees ? old : 0,
        };
        int expiring = IsExpiring(memory.At(block), header) - IsExpiring(target.Record, target.Header);
        Tally(ref intent, 0, Taken(header) - Taken(target.Header), expiring);
        lane.Begin(intent);
        if (isNew)
        {
            Persist.Publish((ulong*)memory.At(block), header);
        }

        Persist.Publish(word, value); // COMMIT POINT: entry's record
        Bump(leaf);
        lane.Finish(intent);
        if (frees)
        {
            memory.Heap.Blocks.Give(lane, old, RecordFormat.Length(target.Header));
        }
    }

    /// <summary>Takes a record out. Its block is free afterwards where <paramref name="frees"/>.</summary>
    public void Remove(Lane lane, in TreePath path, in Target target, bool frees)
    {
        TreeNode leaf = path.Leaf;
        SlotOrder order = OrderOf(path);
        ulong value = leaf.OrderFor(order.RemoveAt(order.PositionOf(target.Slot)));
        long old = memory.OffsetOf(target.Record);
        Intent intent = new() { Slot = memory.OffsetOf(leaf.OrderWord), Value = value, Old = frees ? old : 0 };
        Tally(ref intent, -1, -Taken(target.Header), -IsExpiring(target.Record, target.Header));
        BeginCount(leaf);
        lane.Begin(intent);
        Persist.Publish(leaf.OrderWord, value); // COMMIT POINT: entry out
        Bump(leaf);
        if (memory.Heap.Erases)
        {
            Persist.Store(leaf.Slice(target.Slot), 0);
        }

        lane.Finish(intent);
        EndCount(path, -1);
        if (frees)
        {
            memory.Heap.Blocks.Give(lane, old, RecordFormat.Length(target.Header));
        }
    }

    /// <summary>
    /// Moves a record to another block of its length, which becomes a copy. The old block is free, and in no cache.
    /// </summary>
    public void Move(Lane lane, in TreePath path, in Target target, long copy)
    {
        TreeNode leaf = path.Leaf;
        long old = memory.OffsetOf(target.Record);
        RecordFiller.FillCopy(lane, memory.At(0), copy, old, RecordFormat.Length(target.Header));
        ulong* word = leaf.RecordWord(target.Slot);
        ulong value = SealedOffset.Seal(copy, leaf.RecordPlace(target.Slot));
        Intent intent = new() { Slot = memory.OffsetOf(word), Value = value, New = copy, Old = old };
        lane.Begin(intent);
        Persist.Publish((ulong*)memory.At(copy), target.Header);
        Persist.Publish(word, value); // COMMIT POINT: entry's move
        Bump(leaf);
        lane.Finish(intent);
        Persist.Store((ulong*)target.Record, BlockHeader.Free); // the compactor waits for the whole slab
    }

    /// <summary>Changes when a record expires, in the word that it has for that.</summary>
    public void SetExpiry(Lane lane, in Target target, long expiresAt)
    {
        ulong* word = RecordFormat.ExpiryWord(target.Record);
        int expiring = (expiresAt != RecordView.NoExpiry ? 1 : 0) - IsExpiring(target.Record, target.Header);
        if (expiring == 0)
        {
            Persist.Publish(word, (ulong)expiresAt); // COMMIT POINT: entry's expiry in place
            return;
        }

        Intent intent = new() { Slot = memory.OffsetOf(word), Value = (ulong)expiresAt };
        Tally(ref intent, 0, 0, expiring);
        lane.Begin(intent);
        Persist.Publish(word, (ulong)expiresAt); // COMMIT POINT: entry's expiry
        lane.Finish(intent);
    }

    /// <summary>Joins the leaf of a key that was removed with one beside it, where both hold few.</summary>
    public void Thin(Lane lane, in TreePath path, ReadOnlySpan<byte> key)
    {
        if (path.Depth > 0 && OrderOf(path).Count <= TreeShaper.FewRecords)
        {
            _shaper.Thin(lane, key);
        }
    }

    /// <summary>
    /// Joins the leaves from a key's on that hold few, up to one that does not: again, until no more can be joined.
    /// </summary>
    /// <param name="lane">The lane.</param>
    /// <param name="key">Where to begin.</param>
    /// <param name="isBack">True where it goes on to lower keys.</param>
    public void ThinFrom(Lane lane, ReadOnlySpan<byte> key, bool isBack = false)
    {
        ulong version;
        do
        {
            version = memory.Version;
            byte[]? next = key.ToArray();
            for (bool isFirst = true; next is not null; isFirst = false)
            {
                next = ThinAt(lane, next, isFirst, isBack);
            }
        }
        while (memory.Version != version);
    }

    /// <summary>Joins empty leaves at both ends, which groups have left.</summary>
    public void ThinEnds(Lane lane)
    {
        ThinFrom(lane, default);
        TreePath path = default;
        if (!_search.TryPath(default, Way.Last, ref path))
        {
            throw Damaged(path);
        }

        ThinFrom(lane, path.Leaf.Fence.ToArray(), isBack: true);
    }

    // The fence of the leaf beside it; none beside one that holds more than few, and was not the first.
    private byte[]? ThinAt(Lane lane, byte[] key, bool isFirst, bool isBack)
    {
        TreePath path = default;
        Locate(key, ref path);
        if (!isFirst && OrderOf(path).Count > TreeShaper.FewRecords)
        {
            return null;
        }

        Thin(lane, path, key);
        Locate(key, ref path);
        return isBack ? FenceBefore(path.Leaf.Fence) : FenceBehind(path);
    }

    private byte[]? FenceBehind(in TreePath path)
    {
        int depth = path.DepthOfNext(path.Depth);
        return depth < 0 ? null
            : memory.TryChild(path.Branch(depth), path.Index(depth) + 1, out TreeNode next) ? next.Fence.ToArray()
            : throw Damaged(path);
    }

    private byte[]? FenceBefore(ReadOnlySpan<byte> fence)
    {
        TreePath path = default;
        return fence.IsEmpty ? null
            : _search.TryPath(fence.ToArray(), Way.Below, ref path) ? path.Leaf.Fence.ToArray()
            : throw Damaged(path);
    }

    /// <summary>Puts an empty leaf under a root that has no node.</summary>
    public void InstallTop(Lane lane)
    {
        TreeRoot root = memory.Root;
        long size = TreeNode.SizeOf(TreeNode.ShapeOf(0, SlotOrder.Slots, 0, 0));
        long block = memory.Heap.TakeMakingRoom(lane, size);
        new NodeWriter(memory).WriteLeaf(block, [], 0, []);
        Intent intent = new() { Slot = memory.OffsetOf(root.NodeWord), Value = root.NodeFor(block), New = block };
        lane.Begin(intent);
        Persist.Publish((ulong*)memory.At(block), BlockHeader.Sized(BlockHeader.TypeLeaf, size));
        Persist.Publish(root.NodeWord, intent.Value); // COMMIT POINT: first leaf
        lane.Finish(intent);
    }

    /// <summary>
    /// Adds up again what a crash may have left behind: the totals above the leaf that the root names.
    /// </summary>
    public void FinishTotals()
    {
        TreeRoot root = memory.Root;
        if (!Guard.Holds(root.TryPending(out long pending)))
        {
            throw memory.Damaged(
                memory.OffsetOf(root.PendingWord), "the word for the leaf that was changed last does not check");
        }

        if (pending != 0)
        {
            FinishTotals(pending);
            if (memory.Heap.Erases)
            {
                EraseSlices(new TreeNode(memory.At(0), pending, TreeNode.ShapeOf(0, SlotOrder.Slots, 0, 0)));
            }
        }

        if ((*root.ChangesWord & 1) != 0)
        {
            Persist.Publish(root.ChangesWord, *root.ChangesWord + 1);
        }
    }

    private void FinishTotals(long pending)
    {
        TreePath path = default;
        if (!memory.TryNode(pending, out TreeNode leaf) || !_search.TryPath(leaf.Fence, Way.To, ref path)
            || path.Leaf.Offset != pending)
        {
            throw memory.Damaged(
                pending, "a sorted map names this as the leaf that was changed last, and it is none of its leaves");
        }

        for (int depth = path.Depth - 1; depth >= 0; depth--)
        {
            TreeNode branch = path.Branch(depth);
            long total = 0;
            for (int i = 0; i < branch.Count; i++)
            {
                total += memory.TryChild(branch, i, out TreeNode child) && TreeMemory.TryTotal(child, out long below)
                    ? below
                    : throw Damaged(path);
            }

            if ((long)*branch.TotalWord != total)
            {
                Persist.Publish(branch.TotalWord, (ulong)total);
            }
        }
    }

    // A slice of a key that was removed: a crash came before it was zeroed.
    private static void EraseSlices(in TreeNode leaf)
    {
        leaf.TryOrder(out SlotOrder order);
        for (int slot = 0; slot < SlotOrder.Slots; slot++)
        {
            if (!order.Contains(slot) && *leaf.Slice(slot) != 0)
            {
                Persist.Store(leaf.Slice(slot), 0);
            }
        }
    }

    // Before the entry is true: a crash after that finds the leaf above which to add up, and other readers of ranks
    // look again.
    private void BeginCount(in TreeNode leaf)
    {
        TreeRoot root = memory.Root;
        Persist.Publish(root.ChangesWord, *root.ChangesWord + 1);
        ulong pending = root.PendingFor(leaf.Offset);
        if (*root.PendingWord != pending)
        {
            Persist.Publish(root.PendingWord, pending);
        }
    }

    private void EndCount(in TreePath path, long by)
    {
        for (int depth = 0; depth < path.Depth; depth++)
        {
            ulong* total = path.Branch(depth).TotalWord;
            Persist.Publish(total, *total + (ulong)by);
        }

        Persist.Publish(memory.Root.ChangesWord, *memory.Root.ChangesWord + 1);
    }

    private void Tally(ref Intent intent, long keys, long bytes, long expiring)
    {
        ulong* counters = memory.Root.Counters;
        intent.Counters = memory.OffsetOf(counters);
        intent.Keys = (long)counters[0] + keys;
        intent.Bytes = (long)counters[1] + bytes;
        intent.Expiring = (long)counters[2] + expiring;
    }

    /// <summary>
    /// Tells readers that what they saw of this leaf may be gone: stored before anything it reached is free.
    /// </summary>
    private static void Bump(in TreeNode leaf) => Persist.Publish(leaf.VersionWord, *leaf.VersionWord + 1);

    private SlotOrder OrderOf(in TreePath path) =>
        path.Leaf.TryOrder(out SlotOrder order) ? order : throw Damaged(path);

    private HeapDamagedException Damaged(in TreePath path) =>
        memory.Damaged(
            path.Depth == 0 ? memory.Root.Offset : path.Branch(path.Depth - 1).Offset,
            "what this leads to in a sorted map does not check");

    private static long Taken(ulong header) => SizeClasses.Taken(RecordFormat.Length(header));

    private static int IsExpiring(byte* record, ulong header) =>
        RecordFormat.ExpiresAt(record, header) != RecordView.NoExpiry ? 1 : 0;
}
