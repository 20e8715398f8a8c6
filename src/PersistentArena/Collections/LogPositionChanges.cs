using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>Changes of a log's named positions: takes the locks, and the block of a new one.</summary>
internal sealed unsafe class LogPositionChanges(LogParts parts, WriterGate gate)
{
    private readonly LogMemory _memory = parts.Memory;
    private readonly PersistentHeap _heap = parts.Memory.Heap;
    private readonly LogPositions _positions = parts.Positions;

    /// <summary>Sets a position, or adds it.</summary>
    public void Set(ReadOnlySpan<byte> name, LogEntryId id)
    {
        Lane lane = _heap.TakeLane();
        try
        {
            if (!TrySet(lane, name, id, block: 0))
            {
                Add(lane, name, id);
            }
        }
        finally
        {
            PersistentHeap.ReleaseLane(lane);
        }
    }

    /// <summary>Removes a position; false where there is none of that name.</summary>
    public bool Remove(ReadOnlySpan<byte> name)
    {
        Lane lane = _heap.TakeLane();
        try
        {
            gate.Enter();
            try
            {
                LogPosition position = _positions.Find(name);
                if (position.Offset == 0)
                {
                    return false;
                }

                if (lane.InGroup)
                {
                    _heap.GroupLogs.Append(lane, new GroupEntry(position.Offset, 0, _memory.Root.Offset));
                }

                _positions.Remove(lane, name, frees: !lane.InGroup);
                return true;
            }
            finally
            {
                gate.Leave();
            }
        }
        finally
        {
            PersistentHeap.ReleaseLane(lane);
        }
    }

    /// <summary>
    /// Takes back that a group added a position, or removed it, where that is so. Under the log's lock.
    /// </summary>
    public void Revert(Lane lane, long block, bool isNew)
    {
        if (_positions.Contains(block) != isNew)
        {
            return;
        }

        if (isNew)
        {
            LogPosition position = new(_memory.At(0), block);
            _positions.Remove(lane, position.Name, frees: true);
        }
        else
        {
            _positions.AddBack(block);
        }
    }

    private bool TrySet(Lane lane, ReadOnlySpan<byte> name, LogEntryId id, long block)
    {
        gate.Enter();
        try
        {
            LogPosition position = _positions.Find(name);
            if (position.Offset == 0 && block == 0)
            {
                return false;
            }

            if (position.Offset == 0)
            {
                _positions.Fill(lane, block, name, id);
                if (lane.InGroup)
                {
                    _heap.GroupLogs.Append(lane, new GroupEntry(0, block, _memory.Root.Offset));
                }

                _positions.Add(lane, block);
                return true;
            }

            if (lane.InGroup)
            {
                parts.Group.Note(lane, position);
            }

            _positions.Set(position, id);
            return block == 0;
        }
        finally
        {
            gate.Leave();
        }
    }

    // The block is taken without the lock: room may have to be made for it, and by this log too.
    private void Add(Lane lane, ReadOnlySpan<byte> name, LogEntryId id)
    {
        long block = _heap.TakeMakingRoom(lane, LogPosition.Size);
        bool used = false;
        try
        {
            used = TrySet(lane, name, id, block);
        }
        catch (Exception error)
        {
            RecordFiller.TakeBack(_heap, lane, error, block, LogPosition.Size);
            throw;
        }

        if (!used)
        {
            _heap.Blocks.Give(lane, block, LogPosition.Size); // another thread added it meanwhile, and it was set
        }
    }
}
