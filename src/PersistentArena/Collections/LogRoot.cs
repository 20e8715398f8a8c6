using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// The root object of a log (docs/format.md): where its directory and its positions lie, and which entry is the first.
/// </summary>
internal readonly unsafe struct LogRoot(byte* start, long offset)
{
    /// <summary>Layout hash of the root: changes when another layout needs another library.</summary>
    public const ulong Layout = 0x0001_474F_4C50_4D47;

    public const int Size = 128;

    private const int DirectoryOffset = 8;
    private const int VersionOffset = 16;
    private const int PositionsOffset = 24;
    private const int FirstOffset = 64;
    private const int HighestOffset = 72;
    private const int GroupOffset = 96;
    private const uint HighestSeed = 0x4C4F_4849;

    public static ulong Header => BlockHeader.Sized(BlockHeader.TypeLog, Size);

    public long Offset => offset;

    public ulong* HeaderWord => (ulong*)(start + offset);

    /// <summary>Sealed offset of the directory; 0 before the first entry.</summary>
    public ulong* DirectoryWord => (ulong*)(start + offset + DirectoryOffset);

    /// <summary>Changes before a block that readers may look at can be used again, or its bytes change.</summary>
    public ulong* VersionWord => (ulong*)(start + offset + VersionOffset);

    /// <summary>Sealed offset of the first position; 0 for none.</summary>
    public ulong* PositionsWord => (ulong*)(start + offset + PositionsOffset);

    /// <summary>Sealed index of the first entry that was not trimmed.</summary>
    public ulong* FirstWord => (ulong*)(start + offset + FirstOffset);

    /// <summary>
    /// Sealed offset of the first note of the group that is open, or was last: what readers see until it is committed.
    /// </summary>
    public ulong* GroupWord => (ulong*)(start + offset + GroupOffset);

    /// <summary>
    /// The highest id that went back with its group; none where there was none, or a note of it was not completed.
    /// </summary>
    public LogEntryId Highest
    {
        get
        {
            LogEntryId id = new(HighestWords[0], HighestWords[1]);
            return HighestWords[2] == Check(id) ? id : default;
        }
    }

    private ulong* HighestWords => (ulong*)(start + offset + HighestOffset);

    /// <summary>Notes an id that readers may have seen, and that is about to be no entry's.</summary>
    public void NoteHighest(LogEntryId id)
    {
        Persist.Store(HighestWords, id.Milliseconds);
        Persist.Store(HighestWords + 1, id.Sequence);
        Persist.Store(HighestWords + 2, Check(id));
    }

    public ulong DirectoryFor(long block) => SealedOffset.Seal(block, offset + DirectoryOffset);

    public ulong FirstFor(long index) => SealedOffset.Seal(index, offset + FirstOffset);

    public ulong GroupFor(long note) => SealedOffset.Seal(note, offset + GroupOffset);

    public bool TryGroup(out long note) =>
        SealedOffset.TryOpen(Volatile.Read(ref *GroupWord), offset + GroupOffset, out note);

    public bool TryDirectory(out long block) =>
        SealedOffset.TryOpen(Volatile.Read(ref *DirectoryWord), offset + DirectoryOffset, out block);

    public bool TryFirst(out long index) =>
        SealedOffset.TryOpen(Volatile.Read(ref *FirstWord), offset + FirstOffset, out index);

    private ulong Check(LogEntryId id) =>
        Checksum.Of(id.Sequence, Checksum.Of(id.Milliseconds, HighestSeed ^ (uint)offset));
}
