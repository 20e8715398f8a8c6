using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>Notes the changes of a group in the log of its lane, and makes the log longer.</summary>
internal sealed unsafe class GroupLogWriter(HeapState state, HeapHeader header)
{
    /// <summary>Sees to a log with room for so many changes, before a group begins.</summary>
    public void Prepare(Lane lane, int changes)
    {
        if (!GroupLog.Exists(lane) || !Log(lane).HasOwners || Log(lane).Capacity < changes)
        {
            NewLog(lane, Math.Max(changes, GroupLog.FirstCapacity));
        }
    }

    /// <summary>Notes a change before it begins.</summary>
    public void Append(Lane lane, in GroupEntry entry)
    {
        if (entry.KeepsAny)
        {
            header.Require(HeapFormat.LinkedObjects);
        }

        GroupLog log = Log(lane);
        if (log.Count == log.Capacity)
        {
            NewLog(lane, 2 * log.Capacity);
            log = Log(lane);
        }

        log.Write(log.Count, entry);
        GroupLog.SetState(lane, GroupLog.Opened, log.Count + 1);
    }

    private GroupLog Log(Lane lane) => GroupLog.Open(state.Space, lane);

    private void NewLog(Lane lane, int capacity)
    {
        header.Require(HeapFormat.GroupsOfSeveral);
        long old = 0;
        long oldSize = 0;
        long size = GroupLog.BlockSize(capacity);
        long block = state.Blocks.Take(lane, size);
        GroupLog.WriteHead(state.At(block));
        if (GroupLog.Exists(lane))
        {
            GroupLog log = Log(lane);
            (old, oldSize) = (log.Offset, log.Size);
            if (log.Count > 0)
            {
                int length = (int)GroupLog.BlockSize(log.Count) - GroupLog.EntriesOffset;
                Persist.Copy(state.At(block) + GroupLog.EntriesOffset,
                    new ReadOnlySpan<byte>(state.At(old) + GroupLog.EntriesOffset, length));
            }
        }

        byte* word = (byte*)(lane.Words + IntentWord.GroupLog);
        Intent intent = new() { Slot = word - state.Base, Value = GroupLog.Word(state.Space, lane, block), New = block,
            Old = old };
        lane.Begin(intent);
        Persist.Publish((ulong*)state.At(block), BlockHeader.Sized(BlockHeader.TypeOwnedGroupLog, size));
        Persist.Publish((ulong*)word, intent.Value); // COMMIT POINT: group log
        lane.Finish(intent);
        if (old != 0)
        {
            state.Blocks.Give(lane, old, oldSize);
        }
    }
}
