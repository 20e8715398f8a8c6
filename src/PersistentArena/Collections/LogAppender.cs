using System.Runtime.CompilerServices;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>Appends of a log, one at a time: takes the locks, gives ids, makes room where there is none.</summary>
internal sealed class LogAppender(LogParts parts, WriterGate gate, TimeProvider time)
{
    // Others may take what was made before this does.
    private const int MostTries = 64;

    // Segments that a call gives back, where the heap does not erase.
    private const int SegmentsAnAppend = 2;

    private readonly PersistentHeap _heap = parts.Memory.Heap;
    private readonly LogWriter _writer = parts.Writer;

    /// <summary>Appends an entry under the next id.</summary>
    public LogEntryId Append(ReadOnlySpan<byte> value)
    {
        LogEntryId id = default;
        Append(ref id, value, gives: true);
        return id;
    }

    /// <summary>Appends an entry under an id; false where the last one is not below it.</summary>
    public bool TryAppend(LogEntryId id, ReadOnlySpan<byte> value) => Append(ref id, value, gives: false);

    private bool Append(ref LogEntryId id, ReadOnlySpan<byte> value, bool gives)
    {
        if (value.Length > LogSegment.MaximumEntryLength)
        {
            throw LogErrors.TooLong(value.Length);
        }

        Lane lane = _heap.TakeLane();
        try
        {
            ArenaOutOfSpaceException? refused = TryOnce(lane, ref id, value, gives, out bool done);
            for (int tries = 1; refused is not null; tries++)
            {
                if (tries > MostTries || !_heap.MakeRoom(lane, refused.Requested))
                {
                    throw refused;
                }

                refused = TryOnce(lane, ref id, value, gives, out done);
            }

            return done;
        }
        finally
        {
            lane.TakesAnything = false;
            PersistentHeap.ReleaseLane(lane);
        }
    }

    /// <summary>
    /// One try under the log's lock; what it gives back is the refusal of a block, after which nothing was changed.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ArenaOutOfSpaceException? TryOnce(
        Lane lane, ref LogEntryId id, ReadOnlySpan<byte> value, bool gives, out bool done)
    {
        gate.Enter();
        try
        {
            done = false;
            if (gives)
            {
                id = NextId();
            }
            else if (id <= _writer.Last)
            {
                return null;
            }

            if (lane.InGroup)
            {
                parts.Group.Note(lane);
            }
            else
            {
                parts.Group.ShowAll();
            }

            if (!_writer.Fits(value.Length))
            {
                parts.Trimmer.Collect(lane, parts.Group.Collectable, SegmentsAnAppend);
            }

            _writer.Append(lane, id, value);
            done = true;
            return null;
        }
        catch (ArenaOutOfSpaceException refused)
        {
            done = false;
            return refused;
        }
        finally
        {
            gate.Leave();
        }
    }

    private LogEntryId NextId()
    {
        ulong now = (ulong)Math.Max(0, time.GetUtcNow().ToUnixTimeMilliseconds());
        LogEntryId highest = _writer.Highest;
        return now > highest.Milliseconds ? new(now, 0) : highest.Next();
    }
}
