using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// Atomic groups: while one is open, what is replaced stays where it is and is noted in the log of the group's lane.
/// The commit is one store, after which it is freed.
/// </summary>
/// <param name="state">The heap.</param>
/// <param name="lanes">Which thread has the heap.</param>
/// <param name="members">Which collection knows how long a replaced block is.</param>
/// <param name="logs">Makes the lane's log.</param>
/// <param name="rollback">The way back.</param>
internal sealed unsafe class HeapGroups(
    HeapState state, HeapLanes lanes, GroupMembers members, GroupLogWriter logs, GroupRollback rollback)
{
    public long Begin(int changes)
    {
        Lane lane = lanes.BeginExclusive();
        try
        {
            lane.InGroup = true; // so that its log may use what is kept back for emergencies
            logs.Prepare(lane, changes);
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
        Lane lane = Enter(number);
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
                rollback.TakeBack(lane);
                done = true;
            }
            finally
            {
                // what could not be undone must not become part of a later group
                lanes.EndExclusive(lane, parked: !done);
            }
        }
    }

    /// <summary>A point to go back to: how many changes the group has so far.</summary>
    /// <exception cref="AtomicGroupException">It has ended, or is another thread's.</exception>
    public int SetSavepoint(long number)
    {
        Lane lane = Enter(number);
        int count = GroupLog.Open(state.Space, lane).Count;
        lane.Savepoints++;
        HeapLanes.Give(lane);
        return count;
    }

    /// <summary>The same of this thread's open group.</summary>
    public int SetSavepoint() => SetSavepoint(lanes.OpenGroup);

    /// <summary>Undoes the group's changes but for so many, the last one first; the group stays open.</summary>
    /// <exception cref="AtomicGroupException">It has ended, is another thread's, or has fewer changes.</exception>
    public void RollBackTo(long number, int count)
    {
        Lane lane = Enter(number);
        try
        {
            if (count > GroupLog.Open(state.Space, lane).Count)
            {
                throw AtomicGroupException.SavepointGone(state.Space.Name);
            }

            rollback.TakeBack(lane, count);
        }
        finally
        {
            HeapLanes.Give(lane);
        }
    }

    /// <summary>The same of this thread's open group.</summary>
    public void RollBackTo(int count) => RollBackTo(lanes.OpenGroup, count);

    private Lane Enter(long number)
    {
        if (lanes.EnterGroup(number) is { } lane)
        {
            return lane;
        }

        lanes.ThrowIfClosed();
        throw AtomicGroupException.Ended();
    }

    private void Commit(Lane lane)
    {
        GroupLog log = GroupLog.Open(state.Space, lane);
        if (log.Count == 0)
        {
            return;
        }

        GroupLog.SetState(lane, GroupLog.Committed, log.Count); // COMMIT POINT: group
        ulong reserved = BlockHeader.Reserved(state.Space.Epoch);
        for (int i = log.Count - 1; i >= 0; i--)
        {
            if (log.Entry(i) is { FreedByCommit: not 0 } entry && IsInUse(entry.Old)) // it may be released twice
            {
                long length = LengthOf(entry);
                lane.Erase(entry.Old);
                Persist.Publish((ulong*)state.At(entry.Old), reserved);
                if (entry.IsOfWord)
                {
                    state.KeptObjects.Give(state.Blocks, lane, entry.Old, length);
                }
                else
                {
                    state.Blocks.Give(lane, entry.Old, length);
                }
            }
        }

        GroupLog.SetState(lane, GroupLog.Idle, 0);
    }

    private bool IsInUse(long block) => BlockHeader.IsAllocated(*(ulong*)state.At(block));

    private long LengthOf(in GroupEntry entry) =>
        entry.IsOfWord ? BlockHeader.SizeOf(*(ulong*)state.At(entry.Old)) : members.Of(entry).LengthOf(entry.Old);
}
