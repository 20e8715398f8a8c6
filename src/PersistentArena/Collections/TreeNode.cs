using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// A node of a sorted map's tree where it lies (docs/format.md). A leaf has twelve slots for records and a word that
/// says which are in use and in what order; a branch has its children in order, and changes only in where they lie and
/// in its total. Each node has its fence: the key that is not above any of its keys, empty for the first of a level.
/// </summary>
internal readonly unsafe struct TreeNode
{
    public const int MaximumChildren = 60;
    public const int MaximumLevel = 20;
    public const int HeadLength = 32;

    private const int ShapeOffset = 8;
    private const int OrderOffset = 16;
    private const int TotalOffset = 16;
    private const int VersionOffset = 24;
    private const int LeafSlices = HeadLength + (SlotOrder.Slots * sizeof(ulong));
    private const int LeafFence = LeafSlices + (SlotOrder.Slots * sizeof(ulong));

    private readonly byte* _at;
    private readonly ulong _shape;

    public TreeNode(byte* start, long offset, ulong shape)
    {
        _at = start + offset;
        _shape = shape;
        Offset = offset;
    }

    public long Offset { get; }

    /// <summary>What the shape word says.</summary>
    public ulong Shape => _shape;

    /// <summary>0 for a leaf.</summary>
    public int Level => (byte)_shape;

    public bool IsLeaf => Level == 0;

    /// <summary>A branch's children.</summary>
    public int Count => (byte)(_shape >> 8);

    /// <summary>Bytes that all keys below share.</summary>
    public int PrefixLength => (ushort)(_shape >> 16);

    public int FenceLength => (ushort)(_shape >> 32);

    public long Size => SizeOf(_shape);

    public ulong Header => BlockHeader.Sized(IsLeaf ? BlockHeader.TypeLeaf : BlockHeader.TypeBranch, Size);

    public ulong* HeaderWord => (ulong*)_at;

    public ulong* ShapeWord => (ulong*)(_at + ShapeOffset);

    public ReadOnlySpan<byte> Fence => new(FenceAt, FenceLength);

    public byte* FenceAt => _at + (IsLeaf ? LeafFence : HeadLength + (2 * sizeof(ulong) * Count));

    /// <summary>A leaf's sealed <see cref="SlotOrder"/>: the word that makes a record part of it.</summary>
    public ulong* OrderWord => (ulong*)(_at + OrderOffset);

    /// <summary>How many records are below a branch.</summary>
    public ulong* TotalWord => (ulong*)(_at + TotalOffset);

    /// <summary>
    /// A leaf's version: it changes after a slot that was in use did, and before what it held can be used again.
    /// </summary>
    public ulong* VersionWord => (ulong*)(_at + VersionOffset);

    public static ulong ShapeOf(int level, int count, int prefixLength, int fenceLength) =>
        (uint)level | ((ulong)(uint)count << 8) | ((ulong)(uint)prefixLength << 16) | ((ulong)(uint)fenceLength << 32);

    public static long SizeOf(ulong shape) =>
        ((byte)shape == 0 ? LeafFence : HeadLength + (2 * sizeof(ulong) * (byte)(shape >> 8))) + (ushort)(shape >> 32);

    /// <summary>Sealed offset of a slot's record.</summary>
    public ulong* RecordWord(int slot) => (ulong*)(_at + HeadLength) + slot;

    /// <summary>The offset of a record's word.</summary>
    public long RecordPlace(int slot) => Offset + HeadLength + (slot * sizeof(ulong));

    /// <summary>Sealed offset of a child.</summary>
    public ulong* ChildWord(int index) => (ulong*)(_at + HeadLength) + Count + index;

    /// <summary>The offset of a child's word.</summary>
    public long ChildPlace(int index) => Offset + HeadLength + ((long)(Count + index) * sizeof(ulong));

    /// <summary>A slot's or a child's <see cref="KeySlice"/>.</summary>
    public ulong* Slice(int index) => (ulong*)(_at + (IsLeaf ? LeafSlices : HeadLength)) + index;

    /// <summary>The word that makes an order a leaf's.</summary>
    public ulong OrderFor(SlotOrder order) => SealedOffset.Seal((long)order.Value, Offset + OrderOffset);

    public bool TryOrder(out SlotOrder order)
    {
        bool intact = SealedOffset.TryOpen(Volatile.Read(ref *OrderWord), Offset + OrderOffset, out long bits);
        order = new((ulong)bits);
        return Guard.Holds(intact && bits != 0);
    }

    /// <summary>A bit for each slot of a leaf with that slice, in use or not.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Matches(ulong slice)
    {
        Vector256<ulong> wanted = Vector256.Create(slice);
        ulong* slices = (ulong*)(_at + LeafSlices);
        return Vector256.Equals(Vector256.Load(slices), wanted).ExtractMostSignificantBits()
            | (Vector256.Equals(Vector256.Load(slices + 4), wanted).ExtractMostSignificantBits() << 4)
            | (Vector256.Equals(Vector256.Load(slices + 8), wanted).ExtractMostSignificantBits() << 8);
    }

    /// <summary>
    /// The first child from the second on whose slice is not below; the number of children where all are.
    /// </summary>
    public int FirstChildNotBelow(ulong slice) => Math.Max(1, SlicesBelow(slice));

    /// <summary>
    /// The first child from the second on whose slice is above; the number of children where none is.
    /// </summary>
    public int FirstChildAbove(ulong slice) => slice == ulong.MaxValue ? Count : Math.Max(1, SlicesBelow(slice + 1));

    // All of them are compared: a search in halves would guess wrong at every other step, and wait for each line.
    private int SlicesBelow(ulong slice)
    {
        ulong* slices = (ulong*)(_at + HeadLength);
        int count = Count;
        int i = 0;
        Vector256<ulong> wanted = Vector256.Create(slice);
        Vector256<ulong> counts = default;
        for (; i + Vector256<ulong>.Count <= count; i += Vector256<ulong>.Count)
        {
            counts -= Vector256.LessThan(Vector256.Load(slices + i), wanted);
        }

        int below = (int)Vector256.Sum(counts);
        for (; i < count; i++)
        {
            below += slices[i] < slice ? 1 : 0;
        }

        return below;
    }
}
