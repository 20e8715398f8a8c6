using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// The way back of an atomic group: for each change the record that was replaced and the one that came (0 for none), kept by the group's lane until the
/// group is committed. One published word, <see cref="IntentWord.GroupState"/>, says how many entries count and whether the group is committed.
/// </summary>
/// <remarks>
/// An entry is published before its change begins. Replaced records stay allocated until the commit; then they are freed, and new records
/// are freed if the group is rolled back. The state is a sealed word (or 0: none), the log's offset and those of its entries are sealed offsets.
/// </remarks>
internal readonly unsafe struct GroupLog
{
    public const uint Idle = 0;
    public const uint Opened = 1;
    public const uint Committed = 2;

    /// <summary>Offset, in the log's block, of the dictionary that the group is about.</summary>
    public const int OwnerOffset = 8;
    public const int EntriesOffset = 16;
    public const int EntryLength = 16;
    public const int FirstCapacity = 62;

    private const uint Seed = 0x4752_5550;
    private const int StateBits = 2;

    private readonly string _region;
    private readonly byte* _block;

    private GroupLog(string region, long offset, byte* block, int count)
    {
        _region = region;
        Offset = offset;
        _block = block;
        Count = count;
    }

    /// <summary>Where the log's block lies.</summary>
    public long Offset { get; }

    /// <summary>Entries that count.</summary>
    public int Count { get; }

    /// <summary>The size of the log's block.</summary>
    public long Size => BlockHeader.SizeOf(*(ulong*)_block);

    /// <summary>Entries that the block has room for.</summary>
    public int Capacity => (int)((Size - EntriesOffset) / EntryLength);

    /// <summary>Offset of the root object of the dictionary that the group is about.</summary>
    public long Owner => SealedOffset.TryOpen(*(ulong*)(_block + OwnerOffset), OwnerOffset, out long owner) ? owner : 0;

    public static long BlockSize(int entries) => EntriesOffset + ((long)entries * EntryLength);

    public static uint StateOf(IHeapSpace space, Lane lane) => Read(space, lane).State;

    public static void SetState(Lane lane, uint state, int count) =>
        Persist.Publish(lane.Words + IntentWord.GroupState, state == Idle ? 0 : SealedWord.Seal(state | ((uint)count << StateBits), Seed + (uint)lane.Index));

    /// <summary>True where the lane has a log, from this group or an earlier one.</summary>
    public static bool Exists(Lane lane) => lane.Words[IntentWord.GroupLog] != 0;

    /// <summary>The word that leads to a lane's log.</summary>
    public static ulong Word(IHeapSpace space, Lane lane, long block) => SealedOffset.Seal(block, (byte*)(lane.Words + IntentWord.GroupLog) - space.Base);

    /// <summary>A lane's log.</summary>
    /// <exception cref="HeapDamagedException">The lane's words do not check, or do not lead to a log.</exception>
    public static GroupLog Open(IHeapSpace space, Lane lane)
    {
        int count = Read(space, lane).Count;
        long place = (byte*)(lane.Words + IntentWord.GroupLog) - space.Base;
        if (Guard.Holds(SealedOffset.TryOpen(*(ulong*)(space.Base + place), place, out long offset)) && offset > 0 && offset <= space.Length - BlockSize(count))
        {
            ulong header = *(ulong*)(space.Base + offset);
            if (Guard.Holds(BlockHeader.TypeOf(header) == BlockHeader.TypeGroupLog && BlockHeader.SizeOf(header) >= BlockSize(count) && BlockHeader.SizeOf(header) <= space.Length - offset))
            {
                return new GroupLog(space.Name, offset, space.Base + offset, count);
            }
        }

        throw new HeapDamagedException(space.Name, place, $"lane {lane.Index} leads to no group log");
    }

    /// <summary>What is looked at once, at the attach: that the block is as long as its header says, and whose group it is where there is one.</summary>
    /// <exception cref="HeapDamagedException">It is not, or nobody's.</exception>
    public void Check(IHeapSpace space)
    {
        new PageTable(space).StartOf(Offset >> HeapFormat.PageShift, out PageDescriptor descriptor);
        long room = descriptor.Kind == PageKind.Slab ? SizeClasses.SizeOf(descriptor.SizeClass) : descriptor.Count << HeapFormat.PageShift;
        if (!Guard.Holds(SizeClasses.Taken(Size) == room && Size == BlockSize(Capacity)))
        {
            throw new HeapDamagedException(_region, Offset, $"a group's log of {Size} bytes lies in a block of {room}");
        }

        if (!Guard.Holds(Count == 0 || Owner != 0))
        {
            throw new HeapDamagedException(_region, Offset + OwnerOffset, $"the group of {Count} changes is nobody's");
        }
    }

    /// <summary>Writes an entry; it counts once the state says so.</summary>
    public void Write(int index, long old, long added)
    {
        ulong* entry = EntryAt(index);
        Persist.Store(entry, SealedOffset.Seal(old, 2L * index));
        Persist.Store(entry + 1, SealedOffset.Seal(added, (2L * index) + 1));
    }

    public void WriteOwner(long root) => Persist.Store((ulong*)(_block + OwnerOffset), SealedOffset.Seal(root, OwnerOffset));

    /// <exception cref="HeapDamagedException">It does not check.</exception>
    public (long Old, long New) Entry(int index)
    {
        ulong* entry = EntryAt(index);
        bool intact = SealedOffset.TryOpen(entry[0], 2L * index, out long old) & SealedOffset.TryOpen(entry[1], (2L * index) + 1, out long added) & (old | added) != 0;
        return Guard.Holds(intact) ? (old, added) : throw new HeapDamagedException(_region, Offset + BlockSize(index), $"entry {index} of a group's log does not check");
    }

    private static (uint State, int Count) Read(IHeapSpace space, Lane lane)
    {
        ulong word = lane.Words[IntentWord.GroupState];
        if (word == 0)
        {
            return (Idle, 0);
        }

        bool intact = SealedWord.TryOpen(word, Seed + (uint)lane.Index, out uint value);
        return Guard.Holds(intact) && (value & ((1 << StateBits) - 1)) is Opened or Committed
            ? (value & ((1 << StateBits) - 1), (int)(value >> StateBits))
            : throw new HeapDamagedException(space.Name, (byte*)(lane.Words + IntentWord.GroupState) - space.Base, $"the group state of lane {lane.Index} does not check");
    }

    private ulong* EntryAt(int index) => (ulong*)(_block + EntriesOffset + ((long)index * EntryLength));
}
