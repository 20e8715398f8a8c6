using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>Trims of a log, and the return of trimmed segments: takes the locks, erases where the heap does.</summary>
internal sealed class LogTrims(LogParts parts, WriterGate gate, LogReader reader)
{
    // Segments that a call gives back, where the heap does not erase.
    private const int SegmentsATrim = 64;

    private readonly PersistentHeap _heap = parts.Memory.Heap;
    private readonly LogTrimmer _trimmer = parts.Trimmer;
    private readonly LogGroup _group = parts.Group;

    /// <summary>Trims the entries before the first one that is not below a key; returns how many.</summary>
    public long Trim(LogKey key) => TrimTo(key, long.MaxValue);

    /// <summary>Trims all but the last so many; returns how many.</summary>
    public long TrimToCount(long count) => TrimTo(null, count);

    /// <summary>Gives trimmed segments back; true where there are more.</summary>
    public bool CollectGarbage(int segments)
    {
        Lane lane = _heap.TakeLane();
        try
        {
            return Collect(lane, segments);
        }
        finally
        {
            PersistentHeap.ReleaseLane(lane);
        }
    }

    /// <summary>The same, on a lane that the caller has.</summary>
    public bool Collect(Lane lane, int segments)
    {
        gate.Enter();
        try
        {
            return _trimmer.Collect(lane, _group.Collectable, segments);
        }
        finally
        {
            gate.Leave();
        }
    }

    /// <summary>
    /// Where the heap erases, before a trim returns: all that was trimmed. Under the log's lock, or alone.
    /// </summary>
    public void Erase(Lane lane)
    {
        _trimmer.Collect(lane, _group.Collectable, int.MaxValue);
        _trimmer.EraseTrimmed();
    }

    private long TrimTo(LogKey? key, long count)
    {
        Lane lane = _heap.TakeLane();
        try
        {
            gate.Enter();
            try
            {
                if (!lane.InGroup)
                {
                    _group.ShowAll();
                }

                (long first, long end) = reader.Ends();
                long to = key is { } from ? reader.IndexOf(from) : Math.Max(first, end - count);
                if (to > first)
                {
                    TrimLocked(lane, to);
                }

                return to - first;
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

    private void TrimLocked(Lane lane, long to)
    {
        if (lane.InGroup)
        {
            if (_heap.Erases)
            {
                throw AtomicGroupException.TrimsAndErases(_heap.Space.Name);
            }

            _group.Note(lane);
            _trimmer.Trim(to);
            return;
        }

        _trimmer.Trim(to);
        if (_heap.Erases)
        {
            Erase(lane);
        }
        else
        {
            _trimmer.Collect(lane, to, SegmentsATrim);
        }
    }
}
