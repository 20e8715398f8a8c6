using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// The heap's named entry points: name, layout hash, and the offset of the root object, which is the word that
/// publishes it.
/// </summary>
/// <remarks>
/// <para>The word's lower bits, which an offset has no need of, say what has become of a root that was deleted:</para>
/// <code>
///   0 --new root--> live --root dropped--> dropped --root given back--> 0 (an object) or spare (a collection)
///   spare --new root--> live
/// </code>
/// <para>Readers without a lock may look at a collection's root object long after it was deleted. So it stays one: the
/// next collection of its kind gets it, and readers see by the entry's <see cref="LifeOf"/> that it is not
/// theirs.</para>
/// </remarks>
internal readonly unsafe struct HeapRoots(IHeapSpace space)
{
    public const int MaximumNameLength = 31;

    private const int LayoutOffset = 32;
    private const int CrcOffset = 40;
    private const int OffsetOffset = 48;
    private const int LifeOffset = 56;

    // In the word: deleted, and not yet emptied; emptied, and kept for the next one of its kind.
    private const long Dropped = 1;
    private const long Spare = 2;

    private readonly byte* _base = space.Base;
    private readonly IHeapSpace _space = space;
    private readonly string _region = space.Name;

    /// <summary>
    /// Looks at all entries: each is free or whole. One whose name is damaged would not be found, and a new, empty root
    /// be made in its place.
    /// </summary>
    /// <param name="settled">True where no creation can be under way: a named entry without an object is damage
    /// then.</param>
    public void Check(bool settled)
    {
        RootEntries entries = new(_space);
        while (entries.MoveNext())
        {
            Check(entries.Current, settled);
        }
    }

    private void Check(byte* root, bool settled)
    {
        ulong word = *(ulong*)(root + OffsetOffset);
        bool named = *(ulong*)(root + CrcOffset) != 0;
        if (word == 0 && (!named || !settled))
        {
            return;
        }

        bool spare = StateOf(root) == Spare && RootEntries.MayHaveMore(_space);
        if (!Guard.Holds(spare || *(ulong*)(root + CrcOffset) == Crc(root)))
        {
            throw new HeapDamagedException(_region, root - _base, "a root's name or layout does not check");
        }

        if (!Guard.Holds(SealedOffset.TryOpen(word, root + OffsetOffset - _base, out long offset) && offset != 0))
        {
            throw new HeapDamagedException(_region, root + OffsetOffset - _base,
                $"where root '{Encoding.UTF8.GetString(NameOf(root))}' lies does not check");
        }
    }

    /// <summary>Offset of the word that publishes the root of that name, or 0 where there is none.</summary>
    public long Find(ReadOnlySpan<byte> name, out ulong layoutHash)
    {
        RootEntries entries = new(_space);
        while (entries.MoveNext())
        {
            byte* root = entries.Current;
            if (IsLive(root) && NameOf(root).SequenceEqual(name))
            {
                if (!Guard.Holds(*(ulong*)(root + CrcOffset) == Crc(root)))
                {
                    throw new HeapDamagedException(_region, root - _base, "a root's name or layout does not check");
                }

                layoutHash = *(ulong*)(root + LayoutOffset);
                return root + OffsetOffset - _base;
            }
        }

        layoutHash = 0;
        return 0;
    }

    /// <summary>The offset of the word that will publish a further root; 0 where all are taken.</summary>
    /// <param name="link">The word that will lead to a further block of entries, where all are taken.</param>
    public long FindFree(out long link)
    {
        RootEntries entries = new(_space);
        while (entries.MoveNext())
        {
            if (*(ulong*)(entries.Current + OffsetOffset) == 0)
            {
                link = 0;
                return entries.Current + OffsetOffset - _base;
            }
        }

        link = entries.Link;
        return 0;
    }

    /// <summary>The word of an entry that keeps a root object with that header; 0 for none.</summary>
    public long FindSpare(ulong header, out long block)
    {
        RootEntries entries = new(_space);
        while (entries.MoveNext())
        {
            if (StateOf(entries.Current) == Spare)
            {
                long slot = entries.Current + OffsetOffset - _base;
                block = Follow(slot);
                if (*(ulong*)(_base + block) == header)
                {
                    return slot;
                }
            }
        }

        block = 0;
        return 0;
    }

    /// <summary>
    /// Writes name and layout into a free entry, under an intent that names its word: what is not published after all
    /// is taken back by <see cref="Forget"/>.
    /// </summary>
    /// <param name="slot">The word that will publish the root.</param>
    /// <param name="name">Its name.</param>
    /// <param name="layoutHash">Its layout.</param>
    /// <param name="shape">The block with its shape; 0 for a collection.</param>
    public void Write(long slot, ReadOnlySpan<byte> name, ulong layoutHash, long shape = 0)
    {
        if (shape != 0)
        {
            Persist.Store((ulong*)(_base + LifeOf(slot)), SealedOffset.Seal(shape, LifeOf(slot)));
        }

        byte* root = _base + slot - OffsetOffset;
        Span<byte> entry = stackalloc byte[CrcOffset];
        entry.Clear();
        name.CopyTo(entry);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[LayoutOffset..], layoutHash);
        Persist.Copy(root, entry);
        Persist.Store((ulong*)(root + CrcOffset), Crc(root));
    }

    /// <summary>
    /// Takes the name back of an entry that leads nowhere: its publication did not happen, or it was given back. A word
    /// that is no root's is left alone, and so is a root that was to lead to another object: it leads to the one
    /// before.
    /// </summary>
    public void Forget(long slot)
    {
        if (IsRoot(slot) && (*(ulong*)(_base + slot) == 0 || StateOf(_base + slot - OffsetOffset) == Spare))
        {
            if (*(ulong*)(_base + slot) == 0 && *(ulong*)(_base + LifeOf(slot)) != 0)
            {
                Persist.Store((ulong*)(_base + LifeOf(slot)), 0); // Its shape's: the next root here has another one.
            }

            Persist.Store((ulong*)(_base + slot - OffsetOffset + CrcOffset), 0);
        }
    }

    /// <summary>The block with the shape of an application's root; 0 where there is none, or its word is
    /// damaged.</summary>
    public long ShapeOf(long slot) => SealedOffset.TryOpen(
        *(ulong*)(_base + LifeOf(slot)), LifeOf(slot), out long shape) ? shape : 0;

    /// <summary>
    /// True for the offset of a word that publishes a root: it holds a sealed offset, unlike the fields of an
    /// application's objects.
    /// </summary>
    public bool IsRoot(long slot) => (slot & (HeapFormat.RootLength - 1)) == OffsetOffset && (slot
        < HeapFormat.LanesOffset ? slot >= HeapFormat.RootsOffset
            && slot < HeapFormat.RootsOffset + (HeapFormat.RootCount * HeapFormat.RootLength)
        : RootEntries.AreAt(_space, slot));

    /// <summary>The root object that a word found by <see cref="Find"/> leads to.</summary>
    /// <param name="slot">The word.</param>
    /// <param name="length">How many bytes have to be there at least: a collection's root is not looked at before it is
    /// followed.</param>
    /// <exception cref="HeapDamagedException">The word does not check, or leads outside.</exception>
    public long Follow(long slot, long length = HeapFormat.RootLength)
    {
        bool intact = SealedOffset.TryOpen(Volatile.Read(ref *(ulong*)(_base + slot)), slot, out long offset);
        offset &= RootEntries.MayHaveMore(_space) ? ~(Dropped | Spare) : ~0L;
        return Guard.Holds(intact)
            && offset > 0 && (offset & (SizeClasses.Granule - 1)) == 0
            && (offset <= _space.Length - length || offset <= _space.Follow() - length)
            ? offset
            : throw new HeapDamagedException(_region, slot, "where a root lies does not check");
    }

    /// <summary>The root objects.</summary>
    public List<FoundRoot> All()
    {
        List<FoundRoot> all = [];
        RootEntries entries = new(_space);
        while (entries.MoveNext())
        {
            byte* root = entries.Current;
            if (*(ulong*)(root + OffsetOffset) != 0)
            {
                long slot = root + OffsetOffset - _base;
                all.Add(new FoundRoot(Follow(slot, SizeClasses.Granule), *(ulong*)(root + LayoutOffset), slot,
                    StateOf(root) switch { Dropped => RootState.Dropped, Spare => RootState.Spare, _ => default }));
            }
        }

        return all;
    }

    /// <summary>The names in use.</summary>
    public List<string> Names()
    {
        List<string> names = [];
        RootEntries entries = new(_space);
        while (entries.MoveNext())
        {
            if (IsLive(entries.Current))
            {
                names.Add(Encoding.UTF8.GetString(NameOf(entries.Current)));
            }
        }

        return names;
    }

    /// <summary>True where a root's object lies there.</summary>
    public bool IsObject(long offset)
    {
        RootEntries entries = new(_space);
        while (entries.MoveNext())
        {
            if ((SealedOffset.Get(*(ulong*)(entries.Current + OffsetOffset)) & ~(Dropped | Spare)) == offset)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The word that an entry gets when its root is deleted.</summary>
    public ulong DroppedFor(long slot) => DroppedFor(Follow(slot, SizeClasses.Granule), slot);

    /// <summary>The same, where another root object comes into the entry.</summary>
    public static ulong DroppedFor(long root, long slot) => SealedOffset.Seal(root | Dropped, slot);

    /// <summary>The word that an entry gets that keeps its root object for the next one of its kind.</summary>
    public ulong SpareFor(long slot) => SealedOffset.Seal(Follow(slot) | Spare, slot);

    /// <summary>
    /// How often a collection of this entry was deleted: a reader whose root it is looks whether it has risen. Of an
    /// application's root it leads to its shape.
    /// </summary>
    public static long LifeOf(long slot) => slot - OffsetOffset + LifeOffset;

    /// <summary>What tells a root from those of other names and layouts.</summary>
    public ulong MarkOf(long slot) => Volatile.Read(ref *(ulong*)(_base + slot - OffsetOffset + CrcOffset));

    /// <summary>True where the word leads to a root that was not deleted.</summary>
    public bool IsLive(long slot) => IsLive(_base + slot - OffsetOffset);

    private bool IsLive(byte* root) => *(ulong*)(root + OffsetOffset) != 0
        && (StateOf(root) == 0 || !RootEntries.MayHaveMore(_space));

    private static long StateOf(byte* root) =>
        SealedOffset.Get(Volatile.Read(ref *(ulong*)(root + OffsetOffset))) & (Dropped | Spare);

    private static ReadOnlySpan<byte> NameOf(byte* root)
    {
        ReadOnlySpan<byte> name = new(root, MaximumNameLength + 1);
        int end = name.IndexOf((byte)0);
        return end < 0 ? name : name[..end];
    }

    // With a bit that is always set: an entry without a name has 0 here.
    private static ulong Crc(byte* root)
    {
        uint crc = 0x524F_4F54;
        for (int i = 0; i < CrcOffset; i += sizeof(ulong))
        {
            crc = BitOperations.Crc32C(crc, *(ulong*)(root + i));
        }

        return crc | (1UL << 32);
    }
}

/// <summary>A root object.</summary>
/// <param name="Offset">Where it lies.</param>
/// <param name="Layout">The hash of its layout.</param>
/// <param name="Slot">The word that leads to it.</param>
/// <param name="State">Whether it was deleted.</param>
internal readonly record struct FoundRoot(long Offset, ulong Layout, long Slot, RootState State);

/// <summary>What has become of a root.</summary>
internal enum RootState
{
    Live,

    /// <summary>It was deleted, and may hold something still.</summary>
    Dropped,

    /// <summary>It was deleted and emptied; its object is kept for the next one of its kind.</summary>
    Spare,
}
