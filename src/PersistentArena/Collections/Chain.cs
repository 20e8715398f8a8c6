using System.Runtime.CompilerServices;
using GuestMemFs.Format;

namespace GuestMemFs.Collections;

/// <summary>
/// A bucket and its overflow blocks. Where there is an overflow block, all nodes before the last are full: a removal fills its
/// hole from the chain's end, so empty slots are in the last node only.
/// </summary>
/// <remarks>For writers: the bucket's lock is held.</remarks>
internal readonly unsafe struct Chain(DictionaryCore core, ulong* bucket)
{
    /// <summary>More than any chain has; one that is longer leads in a circle.</summary>
    public const int MaximumLinks = 1 << 12;

    private readonly DictionaryCore _core = core;

    public ulong* Bucket { get; } = bucket;

    /// <summary>The seven slots of the node that a link leads to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong* Follow(byte* heap, ulong link) => (ulong*)(heap + Slot.Offset(link)) + 1;

    /// <summary>The slots of the last node; <paramref name="link"/> is the slot that leads there, or null where that is the bucket itself.</summary>
    public ulong* LastNode(out ulong* link)
    {
        ulong* node = Bucket;
        link = null;
        for (int links = 0; Slot.IsLink(node[Slot.Last]); links++)
        {
            link = node + Slot.Last;
            node = Next(node, links);
        }

        return node;
    }

    /// <summary>An empty slot, or null where the chain is full.</summary>
    public ulong* Empty()
    {
        ulong* node = LastNode(out _);
        for (int i = 0; i < Slot.PerNode; i++)
        {
            if (node[i] == 0)
            {
                return node + i;
            }
        }

        return null;
    }

    /// <summary>The slot that holds a record's offset, or null.</summary>
    public ulong* Holder(long record)
    {
        int links = 0;
        for (ulong* node = Bucket; ; node = Next(node, links++))
        {
            for (int i = 0; i < Slot.PerNode; i++)
            {
                if (Slot.IsEntry(node[i]) && Slot.Offset(node[i]) == record)
                {
                    return node + i;
                }
            }

            if (!Slot.IsLink(node[Slot.Last]))
            {
                return null;
            }
        }
    }

    /// <summary>The node behind one that has a link.</summary>
    /// <exception cref="HeapDamagedException">It leads nowhere, or in a circle.</exception>
    public ulong* Next(ulong* node, int links) =>
        Guard.Holds(links < MaximumLinks) ? _core.Follow(node[Slot.Last]) : throw _core.Damaged(Slot.Offset(node[Slot.Last]), "a chain of overflow blocks leads in a circle");

    /// <summary>The last entry of a node.</summary>
    public static ulong* LastEntry(ulong* node)
    {
        int i = Slot.Last;
        while (i > 0 && node[i] == 0)
        {
            i--;
        }

        return node + i;
    }

    public static int Entries(ulong* node)
    {
        int count = 0;
        for (int i = 0; i < Slot.PerNode; i++)
        {
            count += node[i] != 0 ? 1 : 0;
        }

        return count;
    }

    /// <summary>Copies the entries of the chain; false where they are more than there is room.</summary>
    public bool TryCopyEntries(Span<ulong> to, out int count)
    {
        count = 0;
        int links = 0;
        for (ulong* node = Bucket; ; node = Next(node, links++))
        {
            for (int i = 0; i < Slot.PerNode; i++)
            {
                if (Slot.IsEntry(node[i]))
                {
                    if (count == to.Length)
                    {
                        return false;
                    }

                    to[count++] = node[i];
                }
            }

            if (!Slot.IsLink(node[Slot.Last]))
            {
                return true;
            }
        }
    }
}
