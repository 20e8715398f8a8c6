using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>What an attach does about changes and groups that a writer left when it died.</summary>
internal sealed unsafe class HeapAttach(HeapState state, HeapHeader header, GroupRollback rollback)
{
    /// <summary>Ends what is in flight; zeroes what is free, where a heap that began to erase was killed.</summary>
    public void Recover()
    {
        BlockEraser? eraser = header.Erases ? state.EraseFromNowOn() : null;
        header.Finish();
        if (state.CountInFlight() > 0)
        {
            // Before anything is freed: a reader of another process that began under the writer before this one looks
            // again.
            Persist.Publish(state.RecoveredWord, state.Space.Epoch);
        }

        EndChanges(eraser);
        foreach (Lane lane in state.Lanes)
        {
            if (lane.IsParked)
            {
                rollback.RollBackWords(lane);
            }
        }

        if (eraser is { IsSwept: false })
        {
            eraser.Sweep();
        }
    }

    private void EndChanges(BlockEraser? eraser)
    {
        HeapRecovery recovery = new(state.Space, eraser);
        HeapRecoveryReport report = default;
        foreach (Lane lane in state.Lanes)
        {
            report = Count(report, recovery.Resolve(lane));
            eraser?.EraseFilling(lane.Words);
            if (GroupLog.Exists(lane))
            {
                GroupLog.Open(state.Space, lane).Check(state.Space);
            }

            switch (GroupLog.StateOf(state.Space, lane))
            {
                case GroupLog.Committed:
                    recovery.FreeReplaced(lane);
                    GroupLog.SetState(lane, GroupLog.Idle, 0);
                    report = report with { GroupsCommitted = report.GroupsCommitted + 1 };
                    break;
                case GroupLog.Opened:
                    lane.TryTake(Environment.CurrentManagedThreadId);
                    lane.IsParked = true;
                    break;
            }
        }

        state.Recovery = report;
    }

    private static HeapRecoveryReport Count(HeapRecoveryReport report, LaneOutcome outcome) => outcome switch
    {
        LaneOutcome.Finished => report with { Finished = report.Finished + 1 },
        LaneOutcome.Undone => report with { Undone = report.Undone + 1 },
        _ => report,
    };
}
