using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// Atomic groups: while one is open, what is replaced stays where it is and is noted in the log of the group's lane.
/// The commit is one store, after which it is freed. Going back walks the log from its end, and asks each change's
/// owner to undo it.
/// </summary>
/// <remarks>
/// After a crash the words of the application's own are put back when the heap is opened, and each dictionary's changes
/// when that dictionary is opened: nobody sees them before. Until the last owner has come the lane is parked.
/// </remarks>
internal sealed unsafe class HeapGroups(PersistentHeap heap, HeapLanes lanes)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<long, IGroupMember> _members = [];
    private (long Root, IGroupMember? Member) _lastMember;

    /// <summary>The dictionary whose root lies there, where it is open.</summary>
    public IGroupMember? Find(long root)
    {
        lock (_lock)
        {
            return _members.GetValueOrDefault(root);
        }
    }

    public void Join(long root, IGroupMember member)
    {
        lock (_lock)
        {
            _members.Add(root, member);
        }
    }

    /// <summary>True while a thread is in a callback of a dictionary, its records locked.</summary>
    public bool IsAnyHeldBy(int thread)
    {
        lock (_lock)
        {
            return _members.Values.Any(member => member.IsHeldBy(thread));
        }
    }

    public long Begin(int changes)
    {
        Lane lane = lanes.BeginExclusive();
        try
        {
            lane.InGroup = true; // so that its log may use what is kept back for emergencies
            if (!GroupLog.Exists(lane) || !Log(lane).HasOwners || Log(lane).Capacity < changes)
            {
                NewLog(lane, Math.Max(changes, GroupLog.FirstCapacity));
            }

            return lanes.BeginGroup(lane);
        }
        catch
        {
            lanes.EndExclusive(lane);
            throw;
        }
    }

    public void Commit(long number)
    {
        if (lanes.EnterGroup(number) is not { } lane)
        {
            lanes.ThrowIfClosed();
            throw AtomicGroupException.Ended();
        }

        bool done = false;
        try
        {
            Commit(lane);
            done = true;
        }
        finally
        {
            lanes.EndExclusive(lane, parked: !done); // the next attach frees what this one could not
        }
    }

    /// <summary>Goes back, where the group is still open.</summary>
    public void RollBack(long number)
    {
        if (lanes.EnterGroup(number) is { } lane)
        {
            bool done = false;
            try
            {
                TakeBack(lane);
                done = true;
            }
            finally
            {
                // what could not be undone must not become part of a later group
                lanes.EndExclusive(lane, parked: !done);
            }
        }
    }

    /// <summary>Undoes all changes of the lane's group, the last one first.</summary>
    public void TakeBack(Lane lane)
    {
        GroupLog log = Log(lane);
        for (int i = log.Count - 1; i >= 0; i--)
        {
            if (log.Entry(i) is { } entry)
            {
                Revert(lane, entry);
            }

            GroupLog.SetState(lane, i == 0 ? GroupLog.Idle : GroupLog.Opened, i);
        }
    }

    /// <summary>Notes a change before it begins.</summary>
    public void Append(Lane lane, in GroupEntry entry)
    {
        GroupLog log = Log(lane);
        if (log.Count == log.Capacity)
        {
            NewLog(lane, 2 * log.Capacity);
            log = Log(lane);
        }

        log.Write(log.Count, entry);
        GroupLog.SetState(lane, GroupLog.Opened, log.Count + 1);
    }

    /// <summary>
    /// Undoes what an earlier attach's groups, not committed, did in a dictionary that is being opened.
    /// </summary>
    public void RollBackParked(long root, IGroupMember member)
    {
        foreach (Lane lane in lanes.All)
        {
            if (lane.IsParked && GroupLog.StateOf(heap.Space, lane) == GroupLog.Opened)
            {
                RollBackParked(lane, entry => entry.Owner == root, entry => member.Revert(lane, entry.Old, entry.New));
            }
        }
    }

    /// <summary>
    /// Undoes what a group of an earlier attach did to words of the application's own, and forgets what it had noted
    /// and not begun. The lane is parked before.
    /// </summary>
    public void RollBackWords(Lane lane) => RollBackParked(lane, entry => entry.IsOfWord || !IsBegun(entry), entry =>
    {
        if (entry.IsOfWord)
        {
            heap.RevertWord(lane, entry);
        }
    });

    private void RollBackParked(Lane lane, Predicate<GroupEntry> isMine, Action<GroupEntry> revert)
    {
        lane.InGroup = true; // the blocks kept back for emergencies are for this
        try
        {
            GroupLog log = Log(lane);
            int left = 0;
            for (int i = log.Count - 1; i >= 0; i--)
            {
                GroupEntry? entry = log.Entry(i);
                bool mine = entry is { } present && isMine(present);
                left += entry is null || mine ? 0 : 1;
                if (mine)
                {
                    revert(entry!.Value);
                }

                if (left == 0)
                {
                    GroupLog.SetState(lane, i == 0 ? GroupLog.Idle : GroupLog.Opened, i);
                }
                else if (mine && log.HasOwners)
                {
                    log.MarkUndone(i);
                }
            }

            if (left == 0)
            {
                heap.Unpark(lane);
            }
        }
        finally
        {
            lane.InGroup = false;
        }
    }

    // The block that comes has its header once the change has begun. Else it is free, and may be anybody's later.
    private bool IsBegun(in GroupEntry entry) =>
        entry.New == 0 || BlockHeader.IsAllocated(
            Guard.Holds(entry.New > 0 && entry.New <= heap.Space.Length - SizeClasses.Granule)
            ? *(ulong*)heap.At(entry.New)
            : throw new HeapDamagedException(heap.Space.Name, entry.New,
                "a group's log names a block outside the heap"));

    private void Commit(Lane lane)
    {
        GroupLog log = Log(lane);
        if (log.Count == 0)
        {
            return;
        }

        GroupLog.SetState(lane, GroupLog.Committed, log.Count); // COMMIT POINT: group
        ulong reserved = BlockHeader.Reserved(heap.Space.Epoch);
        for (int i = log.Count - 1; i >= 0; i--)
        {
            if (log.Entry(i) is { Old: not 0 } entry)
            {
                long length = LengthOf(entry);
                lane.Erase(entry.Old);
                Persist.Publish((ulong*)heap.At(entry.Old), reserved);
                heap.Blocks.Give(lane, entry.Old, length);
            }
        }

        GroupLog.SetState(lane, GroupLog.Idle, 0);
    }

    private void Revert(Lane lane, in GroupEntry entry)
    {
        if (entry.IsOfWord)
        {
            heap.RevertWord(lane, entry);
        }
        else
        {
            Member(entry).Revert(lane, entry.Old, entry.New);
        }
    }

    private long LengthOf(in GroupEntry entry) =>
        entry.IsOfWord ? BlockHeader.SizeOf(*(ulong*)heap.At(entry.Old)) : Member(entry).LengthOf(entry.Old);

    private IGroupMember Member(in GroupEntry entry)
    {
        if (_lastMember.Root != entry.Owner)
        {
            _lastMember = (entry.Owner, Find(entry.Owner));
        }

        return _lastMember.Member ?? throw new HeapDamagedException(heap.Space.Name, entry.Owner,
            "a group's log names a dictionary that has changed nothing");
    }

    private GroupLog Log(Lane lane) => GroupLog.Open(heap.Space, lane);

    private void NewLog(Lane lane, int capacity)
    {
        heap.Require(HeapFormat.GroupsOfSeveral);
        long old = 0;
        long oldSize = 0;
        long size = GroupLog.BlockSize(capacity);
        long block = heap.Blocks.Take(lane, size);
        GroupLog.WriteHead(heap.At(block));
        if (GroupLog.Exists(lane))
        {
            GroupLog log = Log(lane);
            (old, oldSize) = (log.Offset, log.Size);
            if (log.Count > 0)
            {
                int length = (int)GroupLog.BlockSize(log.Count) - GroupLog.EntriesOffset;
                Persist.Copy(heap.At(block) + GroupLog.EntriesOffset,
                    new ReadOnlySpan<byte>(heap.At(old) + GroupLog.EntriesOffset, length));
            }
        }

        byte* word = (byte*)(lane.Words + IntentWord.GroupLog);
        Intent intent = new() { Slot = word - heap.Base, Value = GroupLog.Word(heap.Space, lane, block), New = block,
            Old = old };
        lane.Begin(intent);
        Persist.Publish((ulong*)heap.At(block), BlockHeader.Sized(BlockHeader.TypeOwnedGroupLog, size));
        Persist.Publish((ulong*)word, intent.Value); // COMMIT POINT: group log
        lane.Finish(intent);
        if (old != 0)
        {
            heap.Blocks.Give(lane, old, oldSize);
        }
    }
}
