using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// What an atomic group asks of a sorted map: the way back of one change. It puts the old record in the place of the
/// new one.
/// </summary>
internal sealed unsafe class SortedMapGroup(TreeMemory memory, TreeRecords records, WriterGate gate)
{
    public long LengthOf(long block) =>
        memory.TryRecord(block, out _, out ulong header) ? RecordFormat.Length(header)
            : throw memory.Damaged(block, "a group's log leads here, where there is no record");

    /// <summary>Undoes one change of a group, if it happened and was not undone before.</summary>
    public void Revert(Lane lane, long old, long added)
    {
        long witness = added != 0 ? added : old;
        if (!BlockHeader.IsAllocated(*(ulong*)memory.At(witness)))
        {
            return; // the change was never begun, or is undone
        }

        LengthOf(witness); // damage is told of here
        ulong header = *(ulong*)memory.At(witness);
        gate.Enter();
        try
        {
            TreePath path = default;
            Target target = records.Locate(RecordFormat.Key(memory.At(witness), header), ref path);
            bool isThere = target.IsThere && target.Record == memory.At(witness);
            if (added == 0)
            {
                RevertRemoval(lane, ref path, target, old, header);
            }
            else if (isThere && old == 0)
            {
                records.Remove(lane, path, target, frees: true);
            }
            else if (isThere)
            {
                LengthOf(old);
                records.Replace(lane, path, target, old, *(ulong*)memory.At(old), frees: true);
            }
        }
        finally
        {
            gate.Leave();
        }
    }

    // A removed record gets a slot again. Of what came meanwhile in the same group nothing is there any more, so there
    // is a free one.
    private void RevertRemoval(Lane lane, ref TreePath path, in Target target, long old, ulong header)
    {
        if (!target.IsThere)
        {
            records.MakeSlot(lane, RecordFormat.Key(memory.At(old), header), ref path);
            records.Insert(lane, path, old, header, isNew: false);
        }
    }
}
