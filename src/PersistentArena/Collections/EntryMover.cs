using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>Moving a record of a sorted map for the heap's compaction. Nodes do not move.</summary>
internal sealed unsafe class EntryMover(TreeMemory memory, TreeRecords records, WriterGate gate)
{
    public MoveOutcome TryMove(Lane lane, long block, long room)
    {
        gate.Enter();
        try
        {
            // Until a slot has been seen to name it, the block may be anybody's: its key is only a guess at the way.
            if (!memory.TryRecord(block, out byte* record, out ulong header) || RecordFormat.Length(header) > room)
            {
                return MoveOutcome.NotMine;
            }

            TreePath path = default;
            Target target = records.Locate(RecordFormat.Key(record, header), ref path);
            if (target.Record != record || !target.IsThere)
            {
                return MoveOutcome.NotMine;
            }

            long copy = memory.Heap.Blocks.TakeForMove(lane, RecordFormat.Length(target.Header));
            if (copy == 0)
            {
                return MoveOutcome.NoRoom;
            }

            records.Move(lane, path, target, copy);
            return MoveOutcome.Moved;
        }
        finally
        {
            gate.Leave();
        }
    }
}
