using System.Text;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// A named position: a block with room for two ids. The one that counts is told by a number, whose last bit it is; a
/// new id goes into the other place, and the next number makes it true.
/// </summary>
internal readonly unsafe struct LogPosition(byte* heap, long offset)
{
    public const int Size = 128;
    public const int MaximumNameLength = 63;

    private const int NextOffset = 8;
    private const int NumberOffset = 16;
    private const int IdsOffset = 24;
    private const int NameOffset = 56;
    private const int NameRoom = MaximumNameLength + 1;
    private const int NameCheckOffset = NameOffset + NameRoom;
    private const uint Seed = 0x4C50_4F53;

    public static ulong Header => BlockHeader.Sized(BlockHeader.TypeLogPosition, Size);

    public long Offset => offset;

    public ulong* HeaderWord => (ulong*)(heap + offset);

    /// <summary>Sealed offset of the next position.</summary>
    public ulong* NextWord => (ulong*)(heap + offset + NextOffset);

    public ulong* NumberWord => (ulong*)(heap + offset + NumberOffset);

    public ReadOnlySpan<byte> Name =>
        new(heap + offset + NameOffset + 1, Math.Min((int)heap[offset + NameOffset], MaximumNameLength));

    public bool HasName => *(ulong*)(heap + offset + NameCheckOffset) == NameCheck;

    private ulong NameCheck =>
        Checksum.Of(new ReadOnlySpan<byte>(heap + offset + NameOffset, NameRoom), Seed) | (1UL << 32);

    public ulong NextFor(long block) => SealedOffset.Seal(block, offset + NextOffset);

    public bool TryNext(out long block) =>
        SealedOffset.TryOpen(Volatile.Read(ref *NextWord), offset + NextOffset, out block);

    /// <summary>Where an id lies under a number.</summary>
    public ulong* IdAt(long number) => (ulong*)(heap + offset + IdsOffset + ((number & 1) * 2 * sizeof(ulong)));

    public ulong NumberFor(long number, LogEntryId id) => SealedOffset.Seal(number, PlaceFor(id));

    /// <summary>The number and the id that counts under it; false where they do not fit each other.</summary>
    public bool TryId(out long number, out LogEntryId id)
    {
        ulong word = Volatile.Read(ref *NumberWord);
        number = SealedOffset.Get(word);
        id = new LogEntryId(IdAt(number)[0], IdAt(number)[1]);
        return number != 0 && word == NumberFor(number, id);
    }

    /// <summary>Writes a name and a first id into a block that nobody looks at.</summary>
    public void Fill(ReadOnlySpan<byte> name, LogEntryId id)
    {
        Span<byte> bytes = stackalloc byte[NameRoom];
        bytes.Clear();
        bytes[0] = (byte)name.Length;
        name.CopyTo(bytes[1..]);
        Persist.Copy(heap + offset + NameOffset, bytes);
        Persist.Store((ulong*)(heap + offset + NameCheckOffset), NameCheck);
        Persist.Store(IdAt(1), id.Milliseconds);
        Persist.Store(IdAt(1) + 1, id.Sequence);
        Persist.Store(NumberWord, NumberFor(1, id));
    }

    public static byte[] Bytes(string name)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        return bytes.Length is > 0 and <= MaximumNameLength ? bytes
            : throw new ArgumentException(
                $"A position's name has 1 to {MaximumNameLength} bytes of UTF-8; '{name}' has {bytes.Length}.",
                nameof(name));
    }

    // The id is part of what is sealed, so that a damaged one shows.
    private long PlaceFor(LogEntryId id) =>
        offset + NumberOffset + ((long)Checksum.Of(id.Sequence, Checksum.Of(id.Milliseconds, Seed)) << 16);
}
