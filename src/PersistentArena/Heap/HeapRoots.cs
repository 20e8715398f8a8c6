using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// The heap's named entry points: name, layout hash, and the offset of the root object, which is the word that publishes it.
/// </summary>
internal readonly unsafe struct HeapRoots(IHeapSpace space)
{
    public const int MaximumNameLength = 31;

    private const int LayoutOffset = 32;
    private const int CrcOffset = 40;
    private const int OffsetOffset = 48;

    private readonly byte* _base = space.Base;
    private readonly string _region = space.Name;

    /// <summary>Offset of the word that publishes the root of that name, or 0 where there is none.</summary>
    public long Find(ReadOnlySpan<byte> name, out ulong layoutHash)
    {
        for (int i = 0; i < HeapFormat.RootCount; i++)
        {
            byte* root = At(i);
            if (*(ulong*)(root + OffsetOffset) != 0 && NameOf(root).SequenceEqual(name))
            {
                if (*(uint*)(root + CrcOffset) != Crc(root))
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

    /// <summary>Writes name and layout into a free entry and gives the offset of the word that will publish it; 0 where all are taken.</summary>
    public long Prepare(ReadOnlySpan<byte> name, ulong layoutHash)
    {
        for (int i = 0; i < HeapFormat.RootCount; i++)
        {
            byte* root = At(i);
            if (*(ulong*)(root + OffsetOffset) == 0)
            {
                Span<byte> entry = stackalloc byte[CrcOffset];
                entry.Clear();
                name.CopyTo(entry);
                BinaryPrimitives.WriteUInt64LittleEndian(entry[LayoutOffset..], layoutHash);
                Persist.Copy(root, entry);
                Persist.Store((ulong*)(root + CrcOffset), Crc(root));
                return root + OffsetOffset - _base;
            }
        }

        return 0;
    }

    /// <summary>Offsets and layouts of the root objects.</summary>
    public List<(long Offset, ulong Layout)> All()
    {
        List<(long, ulong)> all = [];
        for (int i = 0; i < HeapFormat.RootCount; i++)
        {
            long offset = *(long*)(At(i) + OffsetOffset);
            if (offset != 0)
            {
                all.Add((offset, *(ulong*)(At(i) + LayoutOffset)));
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

    private static uint Crc(byte* root)
    {
        uint crc = 0x524F_4F54;
        for (int i = 0; i < CrcOffset; i += sizeof(ulong))
        {
            crc = BitOperations.Crc32C(crc, *(ulong*)(root + i));
        }

        return crc;
    }

    private byte* At(int index) => _base + HeapFormat.RootsOffset + (index * HeapFormat.RootLength);
}
