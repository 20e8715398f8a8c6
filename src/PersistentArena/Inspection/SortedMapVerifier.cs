using GuestMemFs.Collections;
using GuestMemFs.Heap;

namespace GuestMemFs.Inspection;

/// <summary>
/// Notes that something leads to a block; true where it is one that can be followed, and nothing led to it before.
/// </summary>
internal delegate bool ReachBlock(long offset, byte type, string what, long length);

/// <summary>
/// Checks a sorted map that stands still: its nodes form a tree, its keys are in order and within the fences above
/// them, slices and totals are what they should be, and the counters are what is there.
/// </summary>
internal sealed unsafe class SortedMapVerifier(PersistentHeap heap, ReachBlock reach, Action<string> problem)
{
    private readonly HashSet<long> _leaves = [];
    private TreeMemory _memory = null!;
    private long _keys;
    private long _bytes;
    private long _expiring;

    /// <summary>Checks the map whose root object lies there.</summary>
    public void Check(long offset, CancellationToken cancellationToken)
    {
        TreeRoot root = new(heap.Base, offset);
        if (root.IsUnfinished)
        {
            return;
        }

        _memory = new TreeMemory(heap, root);
        if (!_memory.TryTop(out TreeNode top))
        {
            problem($"sorted map at {offset}: its topmost node does not check");
            return;
        }

        CheckNode(top, [], null, cancellationToken);
        if (_keys != (long)root.Counters[0] || _bytes != (long)root.Counters[1] || _expiring != (long)root.Counters[2])
        {
            string counted = $"{root.Counters[0]} keys, {root.Counters[1]} bytes, {root.Counters[2]} expiring";
            problem($"sorted map at {offset}: it counts {counted}; there are {_keys}, {_bytes}, {_expiring}");
        }

        if (!root.TryPending(out long pending) || (pending != 0 && !_leaves.Contains(pending)))
        {
            problem($"sorted map at {offset}: the leaf that was changed last, {pending}, is none of its leaves");
        }

        if ((*root.ChangesWord & 1) != 0)
        {
            problem($"sorted map at {offset}: a change of its totals was not ended");
        }
    }

    /// <summary>Checks a node and all below it; returns its records.</summary>
    private long CheckNode(in TreeNode node, ReadOnlySpan<byte> low, byte[]? high, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        string what = $"node {node.Offset} of a sorted map";
        if (!reach(node.Offset, BlockHeader.TypeOf(node.Header), what, node.Size))
        {
            return 0;
        }

        if (!node.Fence.SequenceEqual(low))
        {
            problem($"{what} has another fence than where it lies");
        }

        int shared = high is null ? 0 : low.CommonPrefixLength(high);
        if (node.PrefixLength > shared)
        {
            problem($"{what} says that its keys share {node.PrefixLength} bytes; its fences share {shared}");
            return 0;
        }

        return node.IsLeaf ? CheckLeaf(node, what, high) : CheckBranch(node, what, high, cancellationToken);
    }

    private long CheckBranch(in TreeNode branch, string what, byte[]? high, CancellationToken cancellationToken)
    {
        if (branch.Count is 0 or > TreeNode.MaximumChildren)
        {
            problem($"{what} has {branch.Count} children");
            return 0;
        }

        long total = 0;
        ReadOnlySpan<byte> low = branch.Fence;
        for (int i = 0; i < branch.Count; i++)
        {
            byte[]? next = high;
            if (!_memory.TryChild(branch, i, out TreeNode child)
                || (i + 1 < branch.Count && !TryFence(branch, i + 1, out next)))
            {
                problem($"{what}: child {i} or the one behind it is no node");
                return total;
            }

            if (*branch.Slice(i) != KeySlice.Of(child.Fence, branch.PrefixLength))
            {
                problem($"{what}: the slice of child {i} is not its fence's");
            }

            if (next is not null && low.SequenceCompareTo(next) >= 0)
            {
                problem($"{what}: the fence behind child {i} is not above it");
            }

            total += CheckNode(child, low, next, cancellationToken);
            low = next;
        }

        if (total != (long)*branch.TotalWord)
        {
            problem($"{what}: it says that {*branch.TotalWord} records are below it; there are {total}");
        }

        return total;
    }

    private long CheckLeaf(in TreeNode leaf, string what, byte[]? high)
    {
        _leaves.Add(leaf.Offset);
        if (!leaf.TryOrder(out SlotOrder order) || !order.IsValid())
        {
            problem($"{what}: the order of its slots makes no sense");
            return 0;
        }

        ReadOnlySpan<byte> least = leaf.Fence;
        for (int i = 0; i < order.Count; i++)
        {
            if (!_memory.TryRecord(leaf, order[i], out byte* record, out ulong header))
            {
                problem($"{what}: slot {order[i]} leads to no record");
                continue;
            }

            CheckRecord(record, header, what);
            ReadOnlySpan<byte> key = RecordFormat.Key(record, header);
            int compared = least.SequenceCompareTo(key);
            if (compared > 0 || (compared == 0 && i > 0) || (high is not null && key.SequenceCompareTo(high) >= 0))
            {
                problem($"{what}: the key of slot {order[i]} is out of order");
            }

            if (*leaf.Slice(order[i]) != KeySlice.Of(key, leaf.PrefixLength))
            {
                problem($"{what}: the slice of slot {order[i]} is not its key's");
            }

            least = key;
        }

        return order.Count;
    }

    private void CheckRecord(byte* record, ulong header, string what)
    {
        long length = RecordFormat.Length(header);
        if (reach(_memory.OffsetOf(record), (byte)header, $"record of {what}", length))
        {
            _keys++;
            _bytes += SizeClasses.Taken(length);
            _expiring += RecordFormat.ExpiresAt(record, header) != RecordView.NoExpiry ? 1 : 0;
        }
    }

    private bool TryFence(in TreeNode branch, int index, out byte[]? fence)
    {
        bool whole = _memory.TryChild(branch, index, out TreeNode child);
        fence = whole ? child.Fence.ToArray() : null;
        return whole;
    }
}
