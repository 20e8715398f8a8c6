using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// The way back of an atomic group: for each change what was replaced, what came (0 for none), and whose change it is.
/// The group's lane keeps it until the group is committed. One published word, <see cref="IntentWord.GroupState"/>,
/// says how many entries count and whether the group is committed.
/// </summary>
/// <remarks>
/// An entry is published before its change begins. What was replaced stays allocated until the commit; then it is
/// freed, and what came is freed if the group is rolled back. The state is a sealed word (or 0: none), the log's offset
/// and those of its entries are sealed offsets. A log of the first form has entries without owner: one dictionary,
/// named in its head, made them all.
/// </remarks>
internal readonly unsafe struct GroupLog
{
    public const uint Idle = 0;
    public const uint Opened = 1;
    public const uint Committed = 2;

    /// <summary>Offset, in a log of the first form, of the dictionary that the group is about.</summary>
    public const int OwnerOffset = 8;
    public const int EntriesOffset = 16;
    public const int FirstCapacity = 42;

    private const int EntryWords = 3;
    private const int FirstFormEntryWords = 2;
    private const uint Seed = 0x4752_5550;
    private const int StateBits = 2;

    /// <summary>In the place of the first form's owner: a changed type shows by it.</summary>
    private const long OwnersFollow = 0x4F57_4E45_5253;

    /// <summary>In an owner's place: the change is undone.</summary>
    private const long Undone = 2;

    private readonly string _region;
    private readonly byte* _block;
    private readonly int _entryWords;

    private GroupLog(string region, long offset, byte* block, int count)
    {
        _region = region;
        Offset = offset;
        _block = block;
        _entryWords = WordsOf(*(ulong*)block);
        Count = count;
    }

    /// <summary>Where the log's block lies.</summary>
    public long Offset { get; }

    /// <summary>Entries that count.</summary>
    public int Count { get; }

    /// <summary>The block's type: it tells the form.</summary>
    public byte Type => BlockHeader.TypeOf(*(ulong*)_block);

    /// <summary>True where each entry names its owner.</summary>
    public bool HasOwners => _entryWords == EntryWords;

    /// <summary>The size of the log's block.</summary>
    public long Size => BlockHeader.SizeOf(*(ulong*)_block);

    /// <summary>Entries that the block has room for.</summary>
    public int Capacity => (int)((Size - EntriesOffset) / (_entryWords * sizeof(ulong)));

    private long FirstFormOwner => SealedOffset.TryOpen(*(ulong*)(_block + OwnerOffset), OwnerOffset, out long owner)
        ? owner : 0;

    public static long BlockSize(int entries) => BlockSize(entries, EntryWords);

    public static uint StateOf(IHeapSpace space, Lane lane) => Read(space, lane).State;

    public static void SetState(Lane lane, uint state, int count) =>
        Persist.Publish(lane.Words + IntentWord.GroupState,
            state == Idle ? 0 : SealedWord.Seal(state | ((uint)count << StateBits), Seed + (uint)lane.Index));

    /// <summary>True where the lane has a log, from this group or an earlier one.</summary>
    public static bool Exists(Lane lane) => lane.Words[IntentWord.GroupLog] != 0;

    /// <summary>The word that leads to a lane's log.</summary>
    public static ulong Word(IHeapSpace space, Lane lane, long block) =>
        SealedOffset.Seal(block, (byte*)(lane.Words + IntentWord.GroupLog) - space.Base);

    /// <summary>A lane's log.</summary>
    /// <exception cref="HeapDamagedException">The lane's words do not check, or do not lead to a log.</exception>
    public static GroupLog Open(IHeapSpace space, Lane lane)
    {
        int count = Read(space, lane).Count;
        long place = (byte*)(lane.Words + IntentWord.GroupLog) - space.Base;
        if (Guard.Holds(SealedOffset.TryOpen(*(ulong*)(space.Base + place), place, out long offset)) && offset > 0
            && offset <= space.Length - EntriesOffset)
        {
            ulong header = *(ulong*)(space.Base + offset);
            long least = BlockSize(count, WordsOf(header));
            if (Guard.Holds(BlockHeader.IsGroupLog(header) && BlockHeader.SizeOf(header) >= least
                && BlockHeader.SizeOf(header) <= space.Length - offset))
            {
                return new GroupLog(space.Name, offset, space.Base + offset, count);
            }
        }

        throw new HeapDamagedException(space.Name, place, $"lane {lane.Index} leads to no group log");
    }

    /// <summary>
    /// What is looked at once, at the attach: that the block is as long as its header says, and whose group it is where
    /// there is one.
    /// </summary>
    /// <exception cref="HeapDamagedException">It is not, or nobody's.</exception>
    public void Check(IHeapSpace space)
    {
        new PageTable(space).StartOf(Offset >> HeapFormat.PageShift, out PageDescriptor descriptor);
        long room = descriptor.BlockSize;
        if (!Guard.Holds(SizeClasses.Taken(Size) == room && Size == BlockSize(Capacity, _entryWords)))
        {
            throw new HeapDamagedException(_region, Offset, $"a group's log of {Size} bytes lies in a block of {room}");
        }

        if (!Guard.Holds(HasOwners == (FirstFormOwner == OwnersFollow) && (Count == 0 || FirstFormOwner != 0)))
        {
            throw new HeapDamagedException(_region, Offset + OwnerOffset, $"the group of {Count} changes is nobody's");
        }
    }

    /// <summary>Fills the head of a block that becomes a log.</summary>
    public static void WriteHead(byte* block) =>
        Persist.Store((ulong*)(block + OwnerOffset), SealedOffset.Seal(OwnersFollow, OwnerOffset));

    /// <summary>Writes an entry; it counts once the state says so.</summary>
    public void Write(int index, in GroupEntry entry)
    {
        ulong* words = WordsAt(index);
        long place = (long)EntryWords * index;
        Persist.Store(words, SealedOffset.Seal(entry.Old, place));
        Persist.Store(words + 1, SealedOffset.Seal(entry.New, place + 1));
        Persist.Store(words + 2, SealedOffset.Seal(entry.Owner, place + 2));
    }

    /// <summary>
    /// Notes that an entry's change is undone, where later entries are not: the number of entries says it otherwise.
    /// </summary>
    public void MarkUndone(int index) => Persist.Publish(WordsAt(index) + 2,
        SealedOffset.Seal(Undone, ((long)EntryWords * index) + 2));

    /// <summary>The entry; none where it is marked as undone.</summary>
    /// <exception cref="HeapDamagedException">It does not check.</exception>
    public GroupEntry? Entry(int index)
    {
        ulong* words = WordsAt(index);
        long place = (long)_entryWords * index;
        long owner = HasOwners ? 0 : FirstFormOwner;
        bool intact = SealedOffset.TryOpen(words[0], place, out long old)
            & SealedOffset.TryOpen(words[1], place + 1, out long added) & (old | added) != 0;
        intact &= !HasOwners || SealedOffset.TryOpen(words[2], place + 2, out owner);
        return !Guard.Holds(intact && owner != 0) ? throw new HeapDamagedException(_region,
            (byte*)words - _block + Offset, $"entry {index} of a group's log does not check")
            : owner == Undone ? null
            : new GroupEntry(old, added, owner);
    }

    private static long BlockSize(int entries, int entryWords) =>
        EntriesOffset + ((long)entries * entryWords * sizeof(ulong));

    private static int WordsOf(ulong header) => BlockHeader.TypeOf(header) == BlockHeader.TypeGroupLog
        ? FirstFormEntryWords : EntryWords;

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
            : throw new HeapDamagedException(space.Name, (byte*)(lane.Words + IntentWord.GroupState) - space.Base,
                $"the group state of lane {lane.Index} does not check");
    }

    private ulong* WordsAt(int index) => (ulong*)(_block + EntriesOffset) + ((long)index * _entryWords);
}

/// <summary>A change of an atomic group.</summary>
/// <param name="Old">The block that was replaced; 0 for none. It is freed by the commit, unless it is kept.</param>
/// <param name="New">The block that came; 0 for none. It is freed on the way back, unless it is kept.</param>
/// <param name="Owner">Whose change it is: the offset of a dictionary's root, or that of a word of the application's
/// own, with <see cref="OfWord"/>. The word is the block's header where the block itself comes or goes, and no word
/// leads to it.</param>
internal readonly record struct GroupEntry(long Old, long New, long Owner)
{
    /// <summary>Marks the owner that is the changed word itself: a root or a field.</summary>
    public const long OfWord = 1;

    /// <summary>Marks a word's change that led to a block which was there: the way back does not free it.</summary>
    public const long KeepsNew = 2;

    /// <summary>Marks a word's change that left a block to others: the commit does not free it.</summary>
    public const long KeepsOld = 4;

    private const long Marks = OfWord | KeepsNew | KeepsOld;

    /// <summary>True where the owner is the word that was changed.</summary>
    public bool IsOfWord => (Owner & OfWord) != 0;

    /// <summary>The changed word's offset, where <see cref="IsOfWord"/>.</summary>
    public long Word => Owner & ~Marks;

    /// <summary>True where a block comes or goes that no word leads to.</summary>
    public bool IsOfBlock => IsOfWord && (Word == Old || Word == New);

    /// <summary>True where the heap says that its logs have such entries.</summary>
    public bool KeepsAny => IsOfWord && (Owner & (KeepsNew | KeepsOld)) != 0;

    /// <summary>The block that the commit frees; 0 for none.</summary>
    public long FreedByCommit => IsOfWord && (Owner & KeepsOld) != 0 ? 0 : Old;

    /// <summary>The block that the way back frees; 0 for none.</summary>
    public long FreedByRollback => IsOfWord && (Owner & KeepsNew) != 0 ? 0 : New;
}

/// <summary>What changes in atomic groups, and knows the way back: a dictionary that is open.</summary>
internal interface IGroupMember
{
    /// <summary>The size in bytes of a block of its own.</summary>
    long LengthOf(long block);

    /// <summary>Undoes one change, where it happened and was not undone before.</summary>
    void Revert(Lane lane, long old, long added);

    /// <summary>True while a thread is in a callback of it, its records locked.</summary>
    bool IsHeldBy(int thread);

    /// <summary>It was deleted: each look and each change is told so from now on. The heap is the caller's
    /// alone.</summary>
    void End();
}
