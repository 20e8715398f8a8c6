using System.Numerics;
using System.Runtime.CompilerServices;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>Which way to a leaf.</summary>
internal enum Way
{
    /// <summary>To the leaf in whose range the key is.</summary>
    To,

    /// <summary>To the last leaf with room for keys below the key.</summary>
    Below,

    /// <summary>To the last leaf.</summary>
    Last,
}

/// <summary>
/// Finds its way in a sorted map's tree. All of it may run beside a writer: what it says counts where nothing changed
/// meanwhile, and where it says false then, there is damage.
/// </summary>
internal sealed unsafe class TreeSearch(TreeMemory memory)
{
    private readonly LeavesAhead _ahead = new(memory);

    /// <summary>The leaf in whose range a key is.</summary>
    public bool TryLeaf(ReadOnlySpan<byte> key, out TreeNode node)
    {
        bool whole = memory.TryTop(out node);
        while (whole && !node.IsLeaf)
        {
            TreeNode branch = node;
            whole = TryIndex(branch, key, Way.To, out int index) && TryDown(branch, index, out node);
        }

        return whole;
    }

    /// <summary>The way to a leaf.</summary>
    public bool TryPath(ReadOnlySpan<byte> key, Way way, ref TreePath path)
    {
        path.Begin(memory.At(0));
        bool whole = memory.TryTop(out TreeNode node);
        while (whole && !node.IsLeaf)
        {
            TreeNode branch = node;
            whole = TryIndex(branch, key, way, out int index) && TryDown(branch, index, out node);
            path.Add(branch, index);
        }

        path.End(node);
        return whole;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryDown(in TreeNode branch, int index, out TreeNode child)
    {
        if (branch.Level == 1)
        {
            _ahead.BringLeaf(branch, index);
        }

        return memory.TryChild(branch, index, out child);
    }

    /// <summary>
    /// Leads a path to the leaf beside its own, the next one or the one before; false where none is there, or a node
    /// does not check.
    /// </summary>
    public bool TryBeside(bool before, ref TreePath path)
    {
        int depth = before ? path.DepthOfBefore() : path.DepthOfNext(path.Depth);
        if (depth < 0)
        {
            return false;
        }

        TreeNode branch = path.Branch(depth);
        int index = path.Index(depth) + (before ? -1 : 1);
        path.BackTo(depth);
        path.Add(branch, index);
        bool whole = memory.TryChild(branch, index, out TreeNode node);
        while (whole && !node.IsLeaf)
        {
            branch = node;
            index = before ? branch.Count - 1 : 0;
            whole = branch.Count > 0 && memory.TryChild(branch, index, out node);
            path.Add(branch, index);
        }

        path.End(node);
        return whole;
    }

    /// <summary>The child of a branch in whose range the key is; of several the last one.</summary>
    public bool TryIndex(in TreeNode branch, ReadOnlySpan<byte> key, Way way, out int index)
    {
        index = branch.Count - 1;
        if (way == Way.Last || index <= 0)
        {
            return index >= 0;
        }

        ulong slice = KeySlice.Of(key, branch.PrefixLength);
        int low = branch.FirstChildNotBelow(slice);
        int high = low < branch.Count && *branch.Slice(low) == slice ? branch.FirstChildAbove(slice) : low;
        while (low < high) // the slices say nothing, the fences do
        {
            int middle = (low + high) >> 1;
            if (!memory.TryChild(branch, middle, out TreeNode child))
            {
                return false;
            }

            int order = child.Fence.SequenceCompareTo(key);
            if (order > 0 || (order == 0 && way == Way.Below))
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        index = low - 1;
        return true;
    }

    /// <summary>The slot of a leaf that holds a key, or -1.</summary>
    /// <returns>False where a slot leads to no record: the key may be behind it.</returns>
    public bool TrySlot(in TreeNode leaf, ReadOnlySpan<byte> key, out int slot, out byte* record, out ulong header)
    {
        bool whole = leaf.TryOrder(out SlotOrder order);
        for (uint matches = leaf.Matches(KeySlice.Of(key, leaf.PrefixLength)); matches != 0; matches &= matches - 1)
        {
            slot = BitOperations.TrailingZeroCount(matches);
            if (!order.Contains(slot))
            {
                continue;
            }

            if (!memory.TryRecord(leaf, slot, out record, out header))
            {
                whole = false;
            }
            else if (RecordFormat.Key(record, header).SequenceEqual(key))
            {
                return whole;
            }
        }

        slot = -1;
        record = null;
        header = 0;
        return whole;
    }

    /// <summary>
    /// The first position of a leaf's order whose key is not below; <paramref name="equal"/> where it is this key.
    /// </summary>
    public bool TryPosition(in TreeNode leaf, SlotOrder order, ReadOnlySpan<byte> key, out int position, out bool equal)
    {
        ulong slice = KeySlice.Of(key, leaf.PrefixLength);
        int low = 0;
        int high = order.Count;
        equal = false;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (!TryCompare(leaf, order[middle], slice, key, out int compared))
            {
                position = 0;
                return false;
            }

            equal |= compared == 0;
            if (compared < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        position = low;
        return true;
    }

    // Whether a slot's key is below (negative), equal to or above a key.
    private bool TryCompare(in TreeNode leaf, int slot, ulong slice, ReadOnlySpan<byte> key, out int compared)
    {
        ulong own = slot < SlotOrder.Slots ? *leaf.Slice(slot) : 0;
        compared = own < slice ? -1 : 1;
        if (own != slice || slot >= SlotOrder.Slots)
        {
            return slot < SlotOrder.Slots;
        }

        bool whole = memory.TryRecord(leaf, slot, out byte* record, out ulong header);
        compared = whole ? RecordFormat.Key(record, header).SequenceCompareTo(key) : 0;
        return whole;
    }
}
