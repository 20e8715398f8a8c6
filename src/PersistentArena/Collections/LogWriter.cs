using System.Runtime.CompilerServices;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// Appends entries and adds segments, under the log's lock. What it knows of the end of the log is volatile: an attach
/// reads it from the last segment.
/// </summary>
/// <remarks>
/// An entry is filled behind the segment's tail, where nobody looks; the tail is the store that makes it true. An entry
/// that opens a segment is true with the segment: with the directory's span, or with the root's word for a directory.
/// </remarks>
internal sealed unsafe class LogWriter(LogMemory memory)
{
    private const int FewSegments = 2;
    private const int ManySegments = 4;

    private readonly LogSearch _search = new(memory);
    private LogSegment _segment;
    private long _used;
    private long _first;
    private int _count;

    /// <summary>The id of the last entry.</summary>
    public LogEntryId Last { get; private set; }

    /// <summary>
    /// The highest id that readers may have seen, in this process or before: ids that the log gives are above it.
    /// </summary>
    public LogEntryId Highest { get; private set; }

    /// <summary>The index of the next entry.</summary>
    public long End => _first + _count;

    public LogSegment Segment => _segment;

    /// <summary>The last segment's bytes in use.</summary>
    public long Used => _used;

    /// <summary>The last segment's entries.</summary>
    public int Count => _count;

    /// <summary>True where an entry of so many bytes needs no new segment.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Fits(int length) =>
        _used + LogSegment.Taken(length) + LogSegment.MarksOf(_count + 1) <= _segment.Size;

    /// <summary>Looks where the log ends.</summary>
    public void Load()
    {
        EntryLocation last = _search.Last();
        (_segment, _used, _first, _count) = (last.Segment, last.Used, last.First, last.Count);
        Last = last.Segment.Exists ? last.Segment.IdAt(last.At) : default;
        Highest = Max(Last, Max(Highest, memory.Root.Highest));
    }

    private static LogEntryId Max(LogEntryId one, LogEntryId other) => one > other ? one : other;

    /// <summary>Appends an entry whose id is above the last one's.</summary>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Append(Lane lane, LogEntryId id, ReadOnlySpan<byte> value)
    {
        long at = _used;
        long used = at + LogSegment.Taken(value.Length);
        int count = _count + 1;
        LogSegment segment = _segment;
        if (!Fits(value.Length))
        {
            AddSegment(lane, id, value);
            return;
        }

        Write(segment, at, _count, id, value);
        Persist.Publish(segment.TailWord, segment.TailFor(used, count)); // COMMIT POINT: log entry
        (_used, _count, Last) = (used, count, id);
        Highest = id > Highest ? id : Highest;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(LogSegment segment, long at, int number, LogEntryId id, ReadOnlySpan<byte> value)
    {
        ulong* entry = (ulong*)segment.At(at);
        if (number % LogSegment.EntriesAMark == 0)
        {
            int mark = number / LogSegment.EntriesAMark;
            Persist.Store(segment.Mark(mark), segment.MarkFor(mark, at));
        }

        Persist.Store(entry, segment.EntryWord(at, id, value));
        Persist.Store(entry + 1, id.Milliseconds);
        Persist.Store(entry + 2, id.Sequence);
        Persist.Copy(entry + 3, value);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AddSegment(Lane lane, LogEntryId id, ReadOnlySpan<byte> value)
    {
        (int head, int end) = (0, 0);
        if (!memory.TryDirectory(out LogDirectory directory)
            || (directory.Offset != 0 && !directory.TrySpan(out head, out end)))
        {
            throw memory.Damaged();
        }

        long used = LogSegment.HeadLength + LogSegment.Taken(value.Length);
        (long block, long size) = TakeSegment(lane, used + LogSegment.MarksOf(1), end - head);
        LogSegment segment = new(memory.At(0), block, size);
        long first = End;
        try
        {
            lane.BeginFill(block);
            Persist.Store(segment.TailWord, segment.TailFor(used, 1));
            Persist.Store(segment.FirstWord, segment.FirstFor(first));
            Write(segment, LogSegment.HeadLength, 0, id, value);
            if (end < directory.Capacity)
            {
                PublishSlot(lane, segment, directory, head, end);
            }
            else
            {
                PublishDirectory(lane, segment, directory, head, end);
            }
        }
        catch (Exception error)
        {
            RecordFiller.TakeBack(memory.Heap, lane, error, block, size);
            throw;
        }

        (_segment, _used, _first, _count, Last) = (segment, used, first, 1, id);
        Highest = id > Highest ? id : Highest;
    }

    // Sizes follow the log's: it has a few segments or, at the longest size, many. As little as is needed where there
    // is no room for more.
    private (long Block, long Size) TakeSegment(Lane lane, long needed, int segments)
    {
        long last = _segment.Size;
        long like = segments < FewSegments ? last / 2 : segments < ManySegments ? last : 2 * last;
        long size = SizeClasses.Taken(Math.Clamp(like, LogSegment.Shortest, LogSegment.Longest));
        long least = SizeClasses.Taken(needed);
        if (size > least)
        {
            try
            {
                return (memory.Heap.Blocks.Take(lane, size), size);
            }
            catch (ArenaOutOfSpaceException)
            {
                // The least is asked for below.
            }
        }

        return (memory.Heap.Blocks.Take(lane, least), least);
    }

    private void PublishSlot(Lane lane, in LogSegment segment, in LogDirectory directory, int head, int end)
    {
        ulong span = directory.SpanFor(head, end + 1);
        Intent intent = new() { Slot = memory.OffsetOf(directory.SpanWord), Value = span, New = segment.Offset };
        lane.Begin(intent);
        Persist.Publish((ulong*)segment.At(0), LogSegment.Header(segment.Size));
        Persist.Store(directory.Slot(end), directory.SlotFor(end, segment.Offset));
        Persist.Publish(directory.SpanWord, span); // COMMIT POINT: log segment
        lane.Finish(intent);
    }

    // Without the slots that are not in use any more, and with as many free ones.
    private void PublishDirectory(Lane lane, in LogSegment segment, in LogDirectory old, int head, int end)
    {
        long size = LogDirectory.SizeFor(2 * (end - head + 1));
        long block = memory.Heap.Blocks.Take(lane, size);
        LogDirectory directory = new(memory.At(0), block, size);
        lane.BeginFill(block);
        int slots = 0;
        for (int i = head; i < end; i++, slots++)
        {
            if (!old.TrySlot(i, out long kept))
            {
                HeapDamagedException damaged = memory.Damaged();
                RecordFiller.TakeBack(memory.Heap, lane, damaged, block, size);
                throw damaged;
            }

            Persist.Store(directory.Slot(slots), directory.SlotFor(slots, kept));
        }

        Persist.Store(directory.Slot(slots), directory.SlotFor(slots, segment.Offset));
        Persist.Store(directory.SpanWord, directory.SpanFor(0, slots + 1));
        ulong word = memory.Root.DirectoryFor(block);
        Intent intent = new()
        {
            Slot = memory.OffsetOf(memory.Root.DirectoryWord),
            Value = word,
            New = segment.Offset,
            MoreNew = [block],
            Old = old.Offset,
        };
        lane.Begin(intent);
        Persist.Publish((ulong*)segment.At(0), LogSegment.Header(segment.Size));
        Persist.Publish((ulong*)memory.At(block), LogDirectory.Header(size));
        Persist.Publish(memory.Root.DirectoryWord, word); // COMMIT POINT: log directory
        memory.Bump();
        lane.Finish(intent);
        if (old.Offset != 0)
        {
            memory.Heap.Blocks.Give(lane, old.Offset, old.Size);
        }
    }
}
