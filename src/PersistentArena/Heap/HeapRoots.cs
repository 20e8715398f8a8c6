using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// The heap's named entry points: name, layout hash, and the offset of the root object, which is the word that
/// publishes it.
/// </summary>
internal readonly unsafe struct HeapRoots(IHeapSpace space)
{
    public const int MaximumNameLength = 31;

    private const int LayoutOffset = 32;
    private const int CrcOffset = 40;
    private const int OffsetOffset = 48;

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
        for (int i = 0; i < HeapFormat.RootCount; i++)
        {
            byte* root = At(i);
            ulong word = *(ulong*)(root + OffsetOffset);
            bool named = *(ulong*)(root + CrcOffset) != 0;
            if (word == 0 && (!named || !settled))
            {
                continue;
            }

            if (!Guard.Holds(*(ulong*)(root + CrcOffset) == Crc(root)))
            {
                throw new HeapDamagedException(_region, root - _base, "a root's name or layout does not check");
            }

            if (!Guard.Holds(SealedOffset.TryOpen(word, root + OffsetOffset - _base, out long offset) && offset != 0))
            {
                throw new HeapDamagedException(_region, root + OffsetOffset - _base,
                    $"where root '{Encoding.UTF8.GetString(NameOf(root))}' lies does not check");
            }
        }
    }

    /// <summary>Offset of the word that publishes the root of that name, or 0 where there is none.</summary>
    public long Find(ReadOnlySpan<byte> name, out ulong layoutHash)
    {
        for (int i = 0; i < HeapFormat.RootCount; i++)
        {
            byte* root = At(i);
            if (*(ulong*)(root + OffsetOffset) != 0 && NameOf(root).SequenceEqual(name))
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
    public long FindFree()
    {
        for (int i = 0; i < HeapFormat.RootCount; i++)
        {
            byte* root = At(i);
            if (*(ulong*)(root + OffsetOffset) == 0)
            {
                return root + OffsetOffset - _base;
            }
        }

        return 0;
    }

    /// <summary>
    /// Writes name and layout into a free entry, under an intent that names its word: what is not published after all
    /// is taken back by <see cref="Forget"/>.
    /// </summary>
    public void Write(long slot, ReadOnlySpan<byte> name, ulong layoutHash)
    {
        byte* root = _base + slot - OffsetOffset;
        Span<byte> entry = stackalloc byte[CrcOffset];
        entry.Clear();
        name.CopyTo(entry);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[LayoutOffset..], layoutHash);
        Persist.Copy(root, entry);
        Persist.Store((ulong*)(root + CrcOffset), Crc(root));
    }

    /// <summary>
    /// Takes the name back of an entry whose publication did not happen. A word that is no root's is left alone, and so
    /// is a root that was to lead to another object: it leads to the one before.
    /// </summary>
    public static void Forget(byte* heapBase, long slot)
    {
        if (IsRoot(slot) && *(ulong*)(heapBase + slot) == 0)
        {
            Persist.Store((ulong*)(heapBase + slot - OffsetOffset + CrcOffset), 0);
        }
    }

    /// <summary>
    /// True for the offset of a word that publishes a root: it holds a sealed offset, unlike the fields of an
    /// application's objects.
    /// </summary>
    public static bool IsRoot(long slot) => slot >= HeapFormat.RootsOffset
        && slot < HeapFormat.RootsOffset + (HeapFormat.RootCount * HeapFormat.RootLength);

    /// <summary>The root object that a word found by <see cref="Find"/> leads to.</summary>
    /// <param name="slot">The word.</param>
    /// <param name="length">How many bytes have to be there at least: a collection's root is not looked at before it is
    /// followed.</param>
    /// <exception cref="HeapDamagedException">The word does not check, or leads outside.</exception>
    public long Follow(long slot, long length = HeapFormat.RootLength) =>
        Guard.Holds(SealedOffset.TryOpen(Volatile.Read(ref *(ulong*)(_base + slot)), slot, out long offset))
            && offset > 0 && (offset & (SizeClasses.Granule - 1)) == 0
            && (offset <= _space.Length - length || offset <= _space.Follow() - length)
            ? offset
            : throw new HeapDamagedException(_region, slot, "where a root lies does not check");

    /// <summary>Offsets and layouts of the root objects.</summary>
    public List<(long Offset, ulong Layout)> All()
    {
        List<(long, ulong)> all = [];
        for (int i = 0; i < HeapFormat.RootCount; i++)
        {
            if (*(ulong*)(At(i) + OffsetOffset) != 0)
            {
                all.Add((Follow(At(i) + OffsetOffset - _base, SizeClasses.Granule), *(ulong*)(At(i) + LayoutOffset)));
            }
        }

        return all;
    }

    /// <summary>The names in use.</summary>
    public List<string> Names()
    {
        List<string> names = [];
        for (int i = 0; i < HeapFormat.RootCount; i++)
        {
            if (*(ulong*)(At(i) + OffsetOffset) != 0)
            {
                names.Add(Encoding.UTF8.GetString(NameOf(At(i))));
            }
        }

        return names;
    }

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

    private byte* At(int index) => _base + HeapFormat.RootsOffset + (index * HeapFormat.RootLength);
}
