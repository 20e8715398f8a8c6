using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// Changes a tree's nodes and none of its records: splits full ones and joins those that hold few. What changes is
/// written anew beside the old nodes, the branch above included, and one store of a word above puts it in their place.
/// Under the map's lock.
/// </summary>
/// <remarks>
/// Whoever splits or joins has no totals behind: <see cref="TreeRoot.PendingWord"/> is cleared first, so that it never
/// names a leaf that is gone.
/// </remarks>
internal sealed unsafe class TreeShaper(TreeMemory memory)
{
    public const int FewRecords = 4;
    private const int RecordsOfJoined = 8;
    private const int FewChildren = 15;
    private const int ChildrenOfJoined = 40;

    private readonly NodeWriter _writer = new(memory);
    private readonly TreeSearch _search = new(memory);
    private readonly LeavesAhead _ahead = new(memory);

    /// <summary>
    /// Splits the topmost of the full nodes above and with a path's leaf, which is full, for a key that is to come
    /// there.
    /// </summary>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    public void Split(Lane lane, in TreePath path, ReadOnlySpan<byte> key)
    {
        int depth = path.Depth;
        while (depth > 0 && path.Branch(depth - 1).Count == TreeNode.MaximumChildren)
        {
            depth--;
        }

        try
        {
            if (depth == path.Depth)
            {
                SplitLeaf(lane, path, key);
            }
            else
            {
                SplitBranch(lane, path, depth);
            }
        }
        catch (HeapDamagedException)
        {
            lane.DiscardFilling();
            throw;
        }
    }

    /// <summary>Joins the leaf of a key with one beside it where both hold few, and so on above.</summary>
    public void Thin(Lane lane, ReadOnlySpan<byte> key)
    {
        TreePath path = default;
        bool joined = true;
        while (joined)
        {
            if (!_search.TryPath(key, Way.To, ref path))
            {
                throw memory.Damaged(memory.Root.Offset, "the way to a leaf does not check");
            }

            joined = false;
            for (int depth = path.Depth; depth > 0 && !joined; depth--)
            {
                joined = TryJoin(lane, path, depth);
            }
        }
    }

    /// <summary>Offsets of a leaf's records, in their order.</summary>
    public int Records(in TreeNode leaf, Span<long> records)
    {
        bool whole = leaf.TryOrder(out SlotOrder order);
        int count = whole ? order.Count : 0;
        _ahead.BringRecords(leaf, order);
        for (int i = 0; i < count && whole; i++)
        {
            whole = memory.TryRecord(leaf, order[i], out byte* record, out _);
            records[i] = memory.OffsetOf(record);
        }

        return whole ? count : throw memory.Damaged(leaf.Offset, "a leaf of a sorted map leads to what is no record");
    }

    private void SplitLeaf(Lane lane, in TreePath path, ReadOnlySpan<byte> key)
    {
        TreeNode leaf = path.Leaf;
        Span<long> records = stackalloc long[SlotOrder.Slots];
        int count = Records(leaf, records);
        bool ends = path.DepthOfNext(path.Depth) < 0 && KeyOf(records[count - 1]).SequenceCompareTo(key) < 0;
        int at = ends ? count : count / 2; // who adds at the end fills whole leaves
        ReadOnlySpan<byte> later = ends ? key : KeyOf(records[at]);
        ReadOnlySpan<byte> below = KeyOf(records[at - 1]);
        if (below.SequenceCompareTo(later) >= 0)
        {
            throw memory.Damaged(leaf.Offset, "the keys of a leaf of a sorted map are not in order");
        }

        ReadOnlySpan<byte> separator = later[..KeySlice.SeparatorLength(below, later)];
        Span<long> blocks = stackalloc long[3];
        ReadOnlySpan<long> sizes =
            [ParentSize(path, path.Depth), LeafSize(leaf.FenceLength), LeafSize(separator.Length)];
        TakeAll(lane, sizes, blocks);
        _writer.WriteLeaf(blocks[1], leaf.Fence, leaf.Fence.CommonPrefixLength(separator), records[..at]);
        _writer.WriteLeaf(blocks[2], separator, PrefixUpTo(path, path.Depth, separator), records[at..count]);
        WriteParent(blocks, path, path.Depth, separator);
        ReplaceSplit(lane, path, path.Depth, blocks);
    }

    private void SplitBranch(Lane lane, in TreePath path, int depth)
    {
        TreeNode branch = path.Branch(depth);
        int count = branch.Count;
        bool ends = path.DepthOfNext(depth) < 0 && path.Index(depth) == count - 1;
        int at = ends ? count - 1 : count / 2;
        ReadOnlySpan<byte> separator = Child(branch, at).Fence;
        int leftPrefix = branch.Fence.CommonPrefixLength(separator);
        int rightPrefix = PrefixUpTo(path, depth, separator);
        Span<ChildEntry> children = stackalloc ChildEntry[TreeNode.MaximumChildren];
        Children(branch, 0, at, leftPrefix, children);
        Children(branch, at, count, rightPrefix, children[at..]);
        long total = TotalOf(branch, at);
        ulong left = TreeNode.ShapeOf(branch.Level, at, leftPrefix, branch.FenceLength);
        ulong right = TreeNode.ShapeOf(branch.Level, count - at, rightPrefix, separator.Length);
        Span<long> blocks = stackalloc long[3];
        ReadOnlySpan<long> sizes = [ParentSize(path, depth), TreeNode.SizeOf(left), TreeNode.SizeOf(right)];
        TakeAll(lane, sizes, blocks);
        _writer.WriteBranch(blocks[1], left, branch.Fence, children[..at], total);
        _writer.WriteBranch(blocks[2], right, separator, children[at..count], (long)*branch.TotalWord - total);
        WriteParent(blocks, path, depth, separator);
        ReplaceSplit(lane, path, depth, blocks);
    }

    private void ReplaceSplit(Lane lane, in TreePath path, int depth, ReadOnlySpan<long> blocks)
    {
        ReadOnlySpan<long> old = depth == 0 ? [path.Node(0).Offset]
            : [path.Branch(depth - 1).Offset, path.Node(depth).Offset];
        Replace(lane, path, Math.Max(depth - 1, 0), blocks, old);
    }

    /// <summary>Joins the node at a depth of a path with one beside it, where that leaves few enough.</summary>
    private bool TryJoin(Lane lane, in TreePath path, int depth)
    {
        TreeNode parent = path.Branch(depth - 1);
        int index = path.Index(depth - 1);
        if (SizeOf(path.Node(depth)) > (path.Node(depth).IsLeaf ? FewRecords : FewChildren) || parent.Count < 2)
        {
            return false;
        }

        int first = index + 1 < parent.Count && FitTogether(parent, index) ? index : index - 1;
        if (first < 0 || !FitTogether(parent, first))
        {
            return false;
        }

        try
        {
            Join(lane, path, depth, first);
            return true;
        }
        catch (ArenaOutOfSpaceException)
        {
            return false; // it stays as it is, which is as true
        }
        catch (HeapDamagedException)
        {
            lane.DiscardFilling();
            throw;
        }
    }

    // An empty leaf goes in any case: one that takes its first entries away would leave a row of them.
    private bool FitTogether(in TreeNode parent, int first)
    {
        TreeNode left = Child(parent, first);
        int sizes = SizeOf(left) + SizeOf(Child(parent, first + 1));
        int most = !left.IsLeaf ? ChildrenOfJoined
            : SizeOf(left) == 0 || SizeOf(Child(parent, first + 1)) == 0 ? SlotOrder.Slots
            : RecordsOfJoined;
        return sizes <= most;
    }

    private void Join(Lane lane, in TreePath path, int depth, int first)
    {
        TreeNode parent = path.Branch(depth - 1);
        TreeNode left = Child(parent, first);
        TreeNode right = Child(parent, first + 1);
        int prefix = first + 2 < parent.Count
            ? left.Fence.CommonPrefixLength(Child(parent, first + 2).Fence)
            : PrefixUpTo(path, depth - 1, left.Fence);
        ulong shape = left.IsLeaf
            ? TreeNode.ShapeOf(0, SlotOrder.Slots, prefix, left.FenceLength)
            : TreeNode.ShapeOf(left.Level, left.Count + right.Count, prefix, left.FenceLength);
        bool collapses = depth == 1 && parent.Count == 2; // the topmost branch would have one child
        ulong above = TreeNode.ShapeOf(parent.Level, parent.Count - 1, parent.PrefixLength, parent.FenceLength);
        Span<long> room = stackalloc long[2];
        Span<long> blocks = room[..(collapses ? 1 : 2)];
        ReadOnlySpan<long> sizes = [TreeNode.SizeOf(shape), TreeNode.SizeOf(above)];
        TakeAll(lane, sizes[..blocks.Length], blocks);
        WriteJoined(blocks[0], shape, left, right);
        if (!collapses)
        {
            Span<ChildEntry> children = stackalloc ChildEntry[TreeNode.MaximumChildren];
            Children(parent, 0, parent.Count, parent.PrefixLength, children);
            children[first] = new(blocks[0], children[first].Slice);
            children[(first + 2)..parent.Count].CopyTo(children[(first + 1)..]);
            _writer.WriteBranch(
                blocks[1], above, parent.Fence, children[..(parent.Count - 1)], (long)*parent.TotalWord);
            blocks.Reverse(); // the topmost one first
        }

        ReadOnlySpan<long> old = [parent.Offset, left.Offset, right.Offset];
        Replace(lane, path, depth - 1, blocks, old);
    }

    private void WriteJoined(long block, ulong shape, in TreeNode left, in TreeNode right)
    {
        if (left.IsLeaf)
        {
            Span<long> records = stackalloc long[2 * SlotOrder.Slots];
            int count = Records(left, records);
            count += Records(right, records[count..]);
            _writer.WriteLeaf(block, left.Fence, (ushort)(shape >> 16), records[..count]);
            return;
        }

        Span<ChildEntry> children = stackalloc ChildEntry[2 * TreeNode.MaximumChildren];
        int prefix = (ushort)(shape >> 16);
        Children(left, 0, left.Count, prefix, children);
        Children(right, 0, right.Count, prefix, children[left.Count..]);
        long total = (long)(*left.TotalWord + *right.TotalWord);
        _writer.WriteBranch(block, shape, left.Fence, children[..(left.Count + right.Count)], total);
    }

    /// <summary>
    /// Writes the branch above two nodes that come in the place of one: as it was and the second one, or a new topmost
    /// one.
    /// </summary>
    private void WriteParent(ReadOnlySpan<long> blocks, in TreePath path, int depth, ReadOnlySpan<byte> separator)
    {
        Span<ChildEntry> children = stackalloc ChildEntry[TreeNode.MaximumChildren + 1];
        if (depth == 0)
        {
            TreeNode top = path.Node(0);
            children[0] = new(blocks[1], 0);
            children[1] = new(blocks[2], KeySlice.Of(separator, 0));
            TreeMemory.TryTotal(top, out long total);
            _writer.WriteBranch(blocks[0], TreeNode.ShapeOf(top.Level + 1, 2, 0, 0), [], children[..2], total);
            return;
        }

        TreeNode parent = path.Branch(depth - 1);
        int index = path.Index(depth - 1);
        Children(parent, 0, parent.Count, parent.PrefixLength, children);
        children[(index + 1)..parent.Count].CopyTo(children[(index + 2)..]);
        children[index] = new(blocks[1], children[index].Slice);
        children[index + 1] = new(blocks[2], KeySlice.Of(separator, parent.PrefixLength));
        ulong shape = TreeNode.ShapeOf(parent.Level, parent.Count + 1, parent.PrefixLength, parent.FenceLength);
        _writer.WriteBranch(blocks[0], shape, parent.Fence, children[..(parent.Count + 1)], (long)*parent.TotalWord);
    }

    /// <summary>
    /// Puts written nodes, the topmost first, in the place of old ones, whose topmost is at a depth of the path.
    /// </summary>
    private void Replace(Lane lane, in TreePath path, int depth, ReadOnlySpan<long> blocks, ReadOnlySpan<long> old)
    {
        TreeRoot root = memory.Root;
        if (*root.PendingWord != 0)
        {
            Persist.Publish(root.PendingWord, 0);
        }

        ulong* word = depth == 0 ? root.NodeWord : path.Branch(depth - 1).ChildWord(path.Index(depth - 1));
        long place = memory.OffsetOf(word);
        ulong value = SealedOffset.Seal(blocks[0], place);
        Intent intent = new()
        {
            Slot = place,
            Value = value,
            New = blocks[0],
            MoreNew = blocks[1..],
            Old = old[0],
            MoreOld = old[1..],
        };
        lane.Begin(intent);
        foreach (long block in blocks)
        {
            TreeNode node = Written(block);
            Persist.Publish(node.HeaderWord, node.Header);
        }

        Persist.Publish(word, value); // COMMIT POINT: nodes
        Persist.Publish(root.VersionWord, *root.VersionWord + 1);
        lane.Finish(intent);
        foreach (long block in old)
        {
            memory.Heap.Blocks.Give(lane, block, Written(block).Size);
        }
    }

    private TreeNode Written(long block) =>
        new(memory.At(0), block, (ulong)SealedOffset.Get(*((ulong*)memory.At(block) + 1)));

    private void TakeAll(Lane lane, ReadOnlySpan<long> sizes, Span<long> blocks)
    {
        int taken = 0;
        try
        {
            for (; taken < sizes.Length; taken++)
            {
                blocks[taken] = memory.Heap.Blocks.Take(lane, sizes[taken]);
            }
        }
        catch
        {
            while (--taken >= 0)
            {
                memory.Heap.Blocks.Give(lane, blocks[taken], sizes[taken]);
            }

            throw;
        }

        foreach (long block in blocks)
        {
            lane.BeginFill(block);
        }
    }

    /// <summary>
    /// How many bytes all keys from a fence on share that are below what bounds a path's node at a depth.
    /// </summary>
    private int PrefixUpTo(in TreePath path, int depth, ReadOnlySpan<byte> fence)
    {
        int next = path.DepthOfNext(depth);
        return next < 0 ? 0 : fence.CommonPrefixLength(Child(path.Branch(next), path.Index(next) + 1).Fence);
    }

    /// <summary>Copies children of a branch, their slices under a prefix.</summary>
    private void Children(in TreeNode branch, int from, int until, int prefix, Span<ChildEntry> children)
    {
        bool same = prefix == branch.PrefixLength;
        for (int i = from; i < until; i++)
        {
            bool intact = SealedOffset.TryOpen(*branch.ChildWord(i), branch.ChildPlace(i), out long child);
            children[i - from] = Guard.Holds(intact)
                ? new(child, same ? *branch.Slice(i) : KeySlice.Of(Child(branch, i).Fence, prefix))
                : throw memory.Damaged(branch.ChildPlace(i), "a branch's word of a child does not check");
        }
    }

    /// <summary>How many records are below the first children of a branch.</summary>
    private long TotalOf(in TreeNode branch, int until)
    {
        long total = 0;
        for (int i = 0; i < until; i++)
        {
            TreeMemory.TryTotal(Child(branch, i), out long records);
            total += records;
        }

        return total;
    }

    private TreeNode Child(in TreeNode branch, int index) =>
        memory.TryChild(branch, index, out TreeNode child) ? child
            : throw memory.Damaged(branch.Offset, "a branch of a sorted map leads to what is no node");

    private ReadOnlySpan<byte> KeyOf(long record) => RecordFormat.Key(memory.At(record), *(ulong*)memory.At(record));

    private static long LeafSize(int fenceLength) =>
        TreeNode.SizeOf(TreeNode.ShapeOf(0, SlotOrder.Slots, 0, fenceLength));

    private static long ParentSize(in TreePath path, int depth) =>
        depth == 0 ? TreeNode.SizeOf(TreeNode.ShapeOf(1, 2, 0, 0)) : path.Branch(depth - 1).Size + (2 * sizeof(ulong));

    private static int SizeOf(in TreeNode node) =>
        node.IsLeaf ? node.TryOrder(out SlotOrder order) ? order.Count : SlotOrder.Slots : node.Count;
}
