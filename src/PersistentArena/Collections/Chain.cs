using GuestMemFs.Format;

namespace GuestMemFs.Collections;

/// <summary>
/// A bucket and its overflow blocks. Where there is an overflow block, all nodes before the last are full: a removal
/// fills its hole from the chain's end, so empty slots are in the last node only.
/// </summary>
/// <remarks>For writers: the bucket's lock is held.</remarks>
internal readonly unsafe struct Chain(DictionaryState state, ulong* bucket)
{
    /// <summary>More links than any chain has; one with more leads in a circle.</summary>
    public const int MaximumLinks = 1 << 12;

    /// <summary>As many entries as a copy has room for.</summary>
    public const int CopyLength = 96;

    private readonly DictionaryState _state = state;

    public ulong* Bucket { get; } = bucket;

    /// <summary>
    /// The slots of the last node; <paramref name="link"/> is the slot that leads there, or null where that is the
    /// bucket itself.
    /// </summary>
    public ulong* LastNode(out ulong* link)
    {
        ulong* last = null;
        link = null;
        foreach (ulong* node in this)
        {
            link = last == null ? null : last + Slot.Last;
            last = node;
        }

        return last;
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
        foreach (ulong* node in this)
        {
            for (int i = 0; i < Slot.PerNode; i++)
            {
                if (Slot.IsEntry(node[i]) && Slot.Offset(node[i]) == record)
                {
                    return node + i;
                }
            }
        }

        return null;
    }

    /// <summary>The nodes' slots, the bucket's first. Each step checks where it leads.</summary>
    public Nodes GetEnumerator() => new(this);

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
        foreach (ulong* node in this)
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
        }

        return true;
    }

    /// <summary>Walks a chain.</summary>
    public struct Nodes(Chain chain)
    {
        private int _links;

        public ulong* Current { get; private set; }

        /// <exception cref="HeapDamagedException">A link leads nowhere, or in a circle.</exception>
        public bool MoveNext()
        {
            if (Current == null)
            {
                Current = chain.Bucket;
                return true;
            }

            ulong link = Current[Slot.Last];
            if (!Slot.IsLink(link))
            {
                return false;
            }

            Current = Guard.Holds(_links++ < MaximumLinks) ? chain._state.Follow(link)
                : throw chain._state.Damaged(Slot.Offset(link), "a chain of overflow blocks leads in a circle");
            return true;
        }
    }
}
