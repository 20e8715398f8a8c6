using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// What the slots and links of a dictionary lead to, each step checked. A reader without a lock may be led anywhere by
/// memory that is in other use meanwhile: what it is told counts only if its look still holds.
/// </summary>
internal static unsafe class RecordChecks
{
    /// <summary>The record that a slot leads to. Under the bucket's lock, or where nothing changes.</summary>
    /// <exception cref="HeapDamagedException">It leads to none.</exception>
    public static byte* RecordOf(this DictionaryState state, ulong slot, out ulong header)
    {
        if (state.TryRecord(slot, out byte* record, out header))
        {
            return record;
        }

        throw state.Damaged(Slot.Offset(slot), "a slot leads here, where there is no record");
    }

    public static bool TryRecord(this DictionaryState state, ulong slot, out byte* record, out ulong header)
    {
        long offset = Slot.Offset(slot);
        record = state.At(offset);
        header = 0;
        if (!Guard.Holds(state.IsInside(offset, sizeof(ulong))))
        {
            return false;
        }

        header = Volatile.Read(ref *(ulong*)record);
        return Guard.Holds(RecordFormat.IsIntact(header) && RecordFormat.IsRecord(header))
            && Guard.Holds(state.IsInside(offset, RecordFormat.Length(header)));
    }

    /// <summary>
    /// A record as its users see it. Where it carries a checksum, that was found right or does not matter.
    /// </summary>
    public static RecordView View(this DictionaryState state, byte* record, ulong header) =>
        RecordView.Of(record, header - state.Checksum);

    /// <summary>
    /// False where the record's checksum is wrong; <see cref="ValueChecksum.Holds"/> says what that is worth.
    /// </summary>
    public static bool IsSound(this DictionaryState state, byte* record, ulong header, ulong hash) =>
        state.Checksum == 0 || Guard.Holds(ValueChecksum.Holds(record, header, hash));

    /// <summary>
    /// As <see cref="IsSound(DictionaryState, byte*, ulong, ulong)"/>, of a record that was not looked for by its key.
    /// </summary>
    public static bool IsSound(this DictionaryState state, byte* record, ulong header) =>
        state.Checksum == 0 || state.IsSound(record, header, state.Hash(RecordFormat.Key(record, header)));

    /// <exception cref="ValueDamagedException">The record's checksum is wrong. Under the bucket's lock.</exception>
    public static void ThrowIfUnsound(this DictionaryState state, byte* record, ulong header)
    {
        if (!state.IsSound(record, header))
        {
            throw state.DamagedValue(record, state.Hash(RecordFormat.Key(record, header)));
        }
    }

    public static ValueDamagedException DamagedValue(this DictionaryState state, byte* record, ulong hash)
    {
        state.ThrowIfGone();
        return new(state.Heap.Space.Name, state.Name, hash, state.OffsetOf(record));
    }

    /// <summary>The node that a link leads to.</summary>
    /// <exception cref="HeapDamagedException">It leads to no overflow block.</exception>
    public static ulong* Follow(this DictionaryState state, ulong link) =>
        state.TryFollow(link, out ulong* node) ? node
            : throw state.Damaged(Slot.Offset(link), "a link leads here, where there is no overflow block");

    public static bool TryFollow(this DictionaryState state, ulong link, out ulong* node)
    {
        long offset = Slot.Offset(link);
        node = Slot.Node(state.At(0), link);
        return Guard.Holds(state.IsInside(offset, Table.BucketLength))
            && Guard.Holds(Volatile.Read(ref *(ulong*)state.At(offset)) == BlockHeader.Sized(BlockHeader.TypeOverflow,
                Table.BucketLength));
    }
}
