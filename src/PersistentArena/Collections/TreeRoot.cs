using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// The root object of a sorted map (docs/format.md): two cache lines, one for what readers look at and one for what
/// each change of the number of records stores.
/// </summary>
internal readonly unsafe struct TreeRoot(byte* start, long offset)
{
    /// <summary>Layout hash of the root: changes when another layout needs another library.</summary>
    public const ulong Layout = 0x0001_4453_4944_4D47;

    public const int Size = 128;
    public const int NodeOffset = 8;
    public const int CountersOffset = 64;

    private const int VersionOffset = 16;
    private const int ChangesOffset = 88;
    private const int PendingOffset = 96;

    public static ulong Header => BlockHeader.Sized(BlockHeader.TypeSortedMap, Size);

    public long Offset => offset;

    public ulong* HeaderWord => (ulong*)(start + offset);

    /// <summary>Sealed offset of the topmost node.</summary>
    public ulong* NodeWord => (ulong*)(start + offset + NodeOffset);

    /// <summary>
    /// Changes before nodes that were replaced can be used again: what a reader saw under one version was whole.
    /// </summary>
    public ulong* VersionWord => (ulong*)(start + offset + VersionOffset);

    /// <summary>Keys, bytes that their blocks take, records with an expiry.</summary>
    public ulong* Counters => (ulong*)(start + offset + CountersOffset);

    /// <summary>
    /// Rises by one before the number of records changes, and by one after all totals are right again.
    /// </summary>
    public ulong* ChangesWord => (ulong*)(start + offset + ChangesOffset);

    /// <summary>
    /// Sealed offset of the leaf above which totals may be behind, or 0. It is always a leaf of the tree.
    /// </summary>
    public ulong* PendingWord => (ulong*)(start + offset + PendingOffset);

    /// <summary>
    /// True where the map's making was cut off, by a kill or for want of room: there is no leaf yet, and nothing in it.
    /// The next writer's open that has room ends it.
    /// </summary>
    public bool IsUnfinished => *NodeWord == 0 && Counters[0] == 0 && Counters[1] == 0 && Counters[2] == 0;

    /// <summary>The word for a leaf in the place of <see cref="PendingWord"/>.</summary>
    public ulong PendingFor(long leaf) => SealedOffset.Seal(leaf, offset + PendingOffset);

    /// <summary>The word for a node in the place of <see cref="NodeWord"/>.</summary>
    public ulong NodeFor(long node) => SealedOffset.Seal(node, offset + NodeOffset);

    /// <summary>The leaf above which totals may be behind; 0 for none.</summary>
    public bool TryPending(out long leaf) => SealedOffset.TryOpen(*PendingWord, offset + PendingOffset, out leaf);
}
