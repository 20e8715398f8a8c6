using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// The way back of a group: walks its log from the end, and asks each change's owner to undo it.
/// </summary>
/// <remarks>
/// After a crash the words of the application's own are put back when the heap is opened, and each dictionary's changes
/// when that dictionary is opened: nobody sees them before. Until the last owner has come the lane is parked.
/// </remarks>
internal sealed unsafe class GroupRollback(HeapState state, GroupMembers members, ObjectRecords records)
{
    /// <summary>Undoes all changes of the lane's group but for so many, the last one first.</summary>
    public void TakeBack(Lane lane, int but = 0)
    {
        GroupLog log = Log(lane);
        for (int i = log.Count - 1; i >= but; i--)
        {
            if (log.Entry(i) is { } entry)
            {
                Revert(lane, entry);
            }

            GroupLog.SetState(lane, i == 0 ? GroupLog.Idle : GroupLog.Opened, i);
        }
    }

    /// <summary>
    /// Undoes what an earlier attach's groups, not committed, did in a collection that is being opened.
    /// </summary>
    public void RollBackParked(long root, IGroupMember member)
    {
        foreach (Lane lane in state.Lanes)
        {
            if (lane.IsParked && GroupLog.StateOf(state.Space, lane) == GroupLog.Opened)
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
            records.Revert(lane, entry);
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
                Unpark(lane);
            }
        }
        finally
        {
            lane.InGroup = false;
        }
    }

    private void Unpark(Lane lane)
    {
        lane.IsParked = false;
        lane.Release();
        state.Recovery = state.Recovery with { GroupsRolledBack = state.Recovery.GroupsRolledBack + 1 };
    }

    // The block that comes has its header once the change has begun. Else it is free, and may be anybody's later.
    private bool IsBegun(in GroupEntry entry) =>
        entry.New == 0 || BlockHeader.IsAllocated(
            Guard.Holds(entry.New > 0 && entry.New <= state.Space.Length - SizeClasses.Granule)
            ? *(ulong*)state.At(entry.New)
            : throw new HeapDamagedException(state.Space.Name, entry.New,
                "a group's log names a block outside the heap"));

    private void Revert(Lane lane, in GroupEntry entry)
    {
        if (entry.IsOfWord)
        {
            records.Revert(lane, entry);
        }
        else
        {
            members.Of(entry).Revert(lane, entry.Old, entry.New);
        }
    }

    private GroupLog Log(Lane lane) => GroupLog.Open(state.Space, lane);
}
