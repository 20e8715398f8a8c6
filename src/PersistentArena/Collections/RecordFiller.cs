using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// Fills blocks that become records, all but their headers: nobody looks at them before. For every collection of
/// records.
/// </summary>
internal static unsafe class RecordFiller
{
    /// <summary>Fills the expiry, where the header has one, and the key; returns the record.</summary>
    public static byte* FillKey(
        Lane lane, byte* heap, long block, ulong header, ReadOnlySpan<byte> key, long expiresAt)
    {
        lane.BeginFill(block);
        byte* record = heap + block;
        if ((RecordFormat.Flags(header) & RecordFormat.HasExpiry) != 0)
        {
            Persist.Store(RecordFormat.ExpiryWord(record), (ulong)expiresAt);
        }

        Persist.Copy(record + RecordFormat.KeyOffset(header), key);
        return record;
    }

    /// <summary>Fills the integer or the value of a record whose key is filled with those of another one.</summary>
    public static void FillValue(byte* record, ulong header, byte* other, ulong otherHeader, ReadOnlySpan<byte> value)
    {
        if ((RecordFormat.Flags(header) & RecordFormat.IsInteger) != 0)
        {
            Persist.Store(RecordFormat.IntegerWord(record, header), *RecordFormat.IntegerWord(other, otherHeader));
        }
        else
        {
            Persist.Copy(record + RecordFormat.KeyOffset(header) + RecordFormat.KeyLength(header), value);
        }
    }

    /// <summary>Fills a block with what another one of that length has behind its header.</summary>
    public static void FillCopy(Lane lane, byte* heap, long copy, long block, long length)
    {
        lane.BeginFill(copy);
        int behindHeader = checked((int)(length - sizeof(ulong))); // of HeapFormat.MaximumBlock at most
        Persist.Copy(heap + copy + sizeof(ulong),
            new ReadOnlySpan<byte>(heap + block + sizeof(ulong), behindHeader));
    }

    /// <summary>
    /// After a failure, gives back a block that was filled: nothing half-done stays. Not where an intent names it; and
    /// behind damage it stays taken until the next attach.
    /// </summary>
    public static void TakeBack(PersistentHeap heap, Lane lane, Exception error, long block, long length)
    {
        if (lane.Words[IntentWord.Operation] == 0)
        {
            lane.Discard(block);
            if (error is not HeapDamagedException)
            {
                heap.Blocks.Give(lane, block, length);
            }
        }
    }
}
