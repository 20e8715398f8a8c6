using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// The way back of an atomic group: for each change the record that was replaced and the one that came (0 for none), kept by the group's lane until the
/// group is committed. One published word, <see cref="IntentWord.GroupState"/>, says how many entries count and whether the group is committed.
/// </summary>
/// <remarks>
/// An entry is published before its change begins. Replaced records stay allocated until the commit; then they are freed, and new records
/// are freed if the group is rolled back.
/// </remarks>
internal static unsafe class GroupLog
{
    public const ulong Idle = 0;
    public const ulong Open = 1;
    public const ulong Committed = 2;

    /// <summary>Offset, in the log's block, of the dictionary that the group is about.</summary>
    public const int OwnerOffset = 8;
    public const int EntriesOffset = 16;
    public const int EntryLength = 16;
    public const int FirstCapacity = 62;

    public static long BlockSize(int entries) => EntriesOffset + ((long)entries * EntryLength);

    public static ulong StateOf(Lane lane) => lane.Words[IntentWord.GroupState] & 0xFF;

    public static int CountOf(Lane lane) => (int)(lane.Words[IntentWord.GroupState] >> 8);

    public static void SetState(Lane lane, ulong state, int count) =>
        Persist.Publish(lane.Words + IntentWord.GroupState, state | ((ulong)count << 8));

    public static (long Old, long New) Entry(byte* log, int index)
    {
        ulong* entry = (ulong*)(log + EntriesOffset + ((long)index * EntryLength));
        return ((long)entry[0], (long)entry[1]);
    }
}
