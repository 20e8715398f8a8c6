using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>What a look at totals is worth.</summary>
internal enum TotalsLook
{
    /// <summary>Nodes were replaced meanwhile.</summary>
    Useless,

    /// <summary>Off by as many records at most as came or went meanwhile.</summary>
    Rough,

    /// <summary>Nothing came or went.</summary>
    Exact,
}

/// <summary>
/// How many keys are below a key, and which key has how many below it, by the totals of the branches. Expired records
/// count until they are removed.
/// </summary>
internal sealed unsafe class TreeRanks(TreeMemory memory)
{
    private readonly TreeSearch _search = new(memory);

    /// <summary>The number of keys below a key, by one look.</summary>
    /// <exception cref="HeapDamagedException">Nothing changed, and the way does not check.</exception>
    public TotalsLook Rank(ReadOnlySpan<byte> key, out long rank)
    {
        ulong changes = Volatile.Read(ref *memory.Root.ChangesWord);
        ulong version = memory.Version;
        Volatile.ReadBarrier();
        bool whole = TryCount(key, out LeafLook leaf, out rank);
        return leaf.IsStill ? Judge(changes, version, whole) : TotalsLook.Useless;
    }

    /// <summary>
    /// The key with so many keys below it, copied, by one look; an empty batch where there are fewer.
    /// </summary>
    public TotalsLook Select(long rank, SortedBatch batch)
    {
        ulong changes = Volatile.Read(ref *memory.Root.ChangesWord);
        ulong version = memory.Version;
        Volatile.ReadBarrier();
        bool whole = memory.TryTop(out TreeNode node);
        LeafLook leaf = default;
        while (whole && !node.IsLeaf)
        {
            TreeNode branch = node;
            whole = TryChildWith(branch, ref rank, out node);
        }

        if (whole)
        {
            leaf = new LeafLook(node);
            whole = TryCopy(node, rank, batch);
        }

        return leaf.IsStill ? Judge(changes, version, whole) : TotalsLook.Useless;
    }

    private bool TryCount(ReadOnlySpan<byte> key, out LeafLook leaf, out long rank)
    {
        rank = 0;
        leaf = default;
        bool whole = memory.TryTop(out TreeNode node);
        while (whole && !node.IsLeaf)
        {
            TreeNode branch = node;
            whole = _search.TryIndex(branch, key, Way.To, out int index);
            for (int i = 0; whole && i <= index; i++)
            {
                long total = 0;
                whole = memory.TryChild(branch, i, out node) && TreeMemory.TryTotal(node, out total);
                rank += i < index ? total : 0;
            }
        }

        if (!whole)
        {
            return false;
        }

        int position = 0;
        leaf = new LeafLook(node);
        whole = node.TryOrder(out SlotOrder order) && _search.TryPosition(node, order, key, out position, out _);
        rank += position;
        return whole;
    }

    // The child in which the entry is, and its rank there. Behind the last entry it is the last child.
    private bool TryChildWith(in TreeNode branch, ref long rank, out TreeNode child)
    {
        child = default;
        for (int i = 0; i < branch.Count; i++)
        {
            if (!memory.TryChild(branch, i, out child) || !TreeMemory.TryTotal(child, out long total))
            {
                return false;
            }

            if (rank < total)
            {
                return true;
            }

            rank -= i + 1 < branch.Count ? total : 0;
        }

        return branch.Count > 0;
    }

    private bool TryCopy(in TreeNode leaf, long rank, SortedBatch batch)
    {
        if (!leaf.TryOrder(out SlotOrder order))
        {
            return false;
        }

        if (rank >= order.Count)
        {
            return true;
        }

        int slot = order[(int)rank];
        if (slot >= SlotOrder.Slots || !memory.TryRecord(leaf, slot, out byte* record, out ulong header))
        {
            return false;
        }

        batch.Add(record, header, hasExpired: false);
        return true;
    }

    private TotalsLook Judge(ulong changes, ulong version, bool whole)
    {
        if (memory.Version != version)
        {
            return TotalsLook.Useless;
        }

        bool exact = (changes & 1) == 0 && *memory.Root.ChangesWord == changes;
        return whole ? exact ? TotalsLook.Exact : TotalsLook.Rough
            : exact ? throw memory.Damaged(memory.Root.Offset, "a way in the sorted map here does not check")
            : TotalsLook.Useless;
    }
}
