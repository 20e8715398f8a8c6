using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// Trims a log from its head, and gives the segments back that are trimmed whole, one after the other; the last one
/// stays. Under the log's lock.
/// </summary>
internal sealed unsafe class LogTrimmer(LogMemory memory, LogWriter writer)
{
    private readonly LogSearch _search = new(memory);

    // Where the heap erases: entries below it are zeros.
    private long _erased;

    /// <summary>The index of the first entry that was not trimmed.</summary>
    public long First => memory.Root.TryFirst(out long first) ? first : throw memory.Damaged();

    /// <summary>Trims the entries before an index; one store, whatever they are.</summary>
    public void Trim(long index) =>
        Persist.Publish(memory.Root.FirstWord, memory.Root.FirstFor(index)); // COMMIT POINT: log trim

    /// <summary>Gives segments back whose entries are all below an index.</summary>
    /// <returns>True where there are more.</returns>
    public bool Collect(Lane lane, long below, int segments)
    {
        for (; segments > 0; segments--)
        {
            if (!TryCollect(lane, below, frees: true))
            {
                return false;
            }
        }

        return TryCollect(lane, below, frees: false);
    }

    /// <summary>Where the heap erases: zeroes the values of trimmed entries of the segment that stays.</summary>
    public void EraseTrimmed()
    {
        long first = First;
        if (!_search.TryHead(_erased, out EntryLocation location))
        {
            return;
        }

        for (; location.Index < first && location.Number < location.Count; location.Number++)
        {
            if (!location.Segment.TryLength(location.At, location.Used, out int length))
            {
                throw memory.Damaged();
            }

            Zero(location.Segment.At(location.At + LogSegment.EntryHeadLength), length);
            location.At += LogSegment.Taken(length);
        }

        _erased = first;
    }

    /// <summary>Where the heap erases: zeroes what was filled behind the last entry, and is none.</summary>
    public void EraseBehind()
    {
        LogSegment last = writer.Segment;
        if (last.Exists)
        {
            Zero(last.At(writer.Used), last.Size - LogSegment.MarksOf(writer.Count) - writer.Used);
        }
    }

    private static void Zero(byte* from, long length)
    {
        if (new ReadOnlySpan<byte>(from, (int)length).ContainsAnyExcept((byte)0))
        {
            Persist.Fill(from, length, 0);
        }
    }

    private bool TryCollect(Lane lane, long below, bool frees)
    {
        if (!memory.TryDirectory(out LogDirectory directory))
        {
            throw memory.Damaged();
        }

        if (directory.Offset == 0)
        {
            return false;
        }

        if (!directory.TrySpan(out int head, out int end))
        {
            throw memory.Damaged();
        }

        if (end - head < 2)
        {
            return false;
        }

        if (!memory.TrySegment(directory, head + 1, out LogSegment next) || !next.TryFirst(out long first))
        {
            throw memory.Damaged();
        }

        if (first > below)
        {
            return false;
        }

        if (frees)
        {
            Free(lane, directory, head, end);
        }

        return true;
    }

    private void Free(Lane lane, in LogDirectory directory, int head, int end)
    {
        if (!memory.TrySegment(directory, head, out LogSegment segment))
        {
            throw memory.Damaged();
        }

        ulong span = directory.SpanFor(head + 1, end);
        Intent intent = new() { Slot = memory.OffsetOf(directory.SpanWord), Value = span, Old = segment.Offset };
        long size = segment.Size;
        lane.Begin(intent);
        Persist.Publish(directory.SpanWord, span); // COMMIT POINT: log segment out
        memory.Bump();
        lane.Finish(intent);
        memory.Heap.Blocks.Give(lane, segment.Offset, size);
    }
}
