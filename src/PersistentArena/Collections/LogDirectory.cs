using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// The list of a log's segments: which slots are in use is one word, so that a segment comes and goes with one store.
/// </summary>
internal readonly unsafe struct LogDirectory(byte* heap, long offset, long size)
{
    public const int HeadLength = 16;

    /// <summary>Slots of the smallest one.</summary>
    public const int FewestSlots = 14;

    private const int SpanBits = 24;
    private const int SpanOffset = 8;

    public long Offset => offset;

    public long Size => size;

    public static ulong Header(long size) => BlockHeader.Sized(BlockHeader.TypeLogDirectory, size);

    public int Capacity => (int)Math.Min((size - HeadLength) / sizeof(ulong), (1 << SpanBits) - 1);

    /// <summary>The first slot in use and the one behind the last, in one sealed word.</summary>
    public ulong* SpanWord => (ulong*)(heap + offset + SpanOffset);

    public static long SizeFor(int slots) =>
        SizeClasses.Taken(HeadLength + (sizeof(ulong) * (long)Math.Max(slots, FewestSlots)));

    public ulong SpanFor(int head, int end) =>
        SealedOffset.Seal((uint)head | ((long)end << SpanBits), offset + SpanOffset);

    public bool TrySpan(out int head, out int end)
    {
        bool intact = SealedOffset.TryOpen(Volatile.Read(ref *SpanWord), offset + SpanOffset, out long span);
        head = (int)(span & ((1 << SpanBits) - 1));
        end = (int)(span >> SpanBits);
        return intact && head <= end && end <= Capacity;
    }

    /// <summary>Sealed offset of a segment.</summary>
    public ulong* Slot(int index) => (ulong*)(heap + PlaceOf(index));

    public ulong SlotFor(int index, long segment) => SealedOffset.Seal(segment, PlaceOf(index));

    public bool TrySlot(int index, out long segment) =>
        SealedOffset.TryOpen(Volatile.Read(ref *Slot(index)), PlaceOf(index), out segment);

    private long PlaceOf(int index) => offset + HeadLength + ((long)index * sizeof(ulong));
}
