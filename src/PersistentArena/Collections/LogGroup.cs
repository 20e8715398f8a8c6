using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// A log's part in atomic groups. The first change of a group, and the first one behind each savepoint, notes where the
/// log begins and ends; the way back puts both there again, and frees the segments that came. Under the log's lock.
/// </summary>
internal sealed unsafe class LogGroup(LogMemory memory, LogWriter writer, LogTrimmer trimmer)
{
    // The first and the newest note of the group that is open, or was last.
    private LogNote _first;
    private LogNote _newest;
    private long _firstEnd;
    private long _group;
    private int _notedAt; // savepoints before the newest note

    /// <summary>
    /// Entries below this one may be given up: while a group is open, none that it may bring back.
    /// </summary>
    /// <remarks>
    /// The segment that was the last one before stays, where all of it is trimmed too: the way back leads there.
    /// </remarks>
    public long Collectable =>
        IsNote(_first) ? Math.Min(Math.Min(_first.Ends.First, _firstEnd - 1), trimmer.First) : trimmer.First;

    /// <summary>Before a change of a group: notes what there is, once behind each savepoint.</summary>
    /// <exception cref="ArenaOutOfSpaceException">There is no room for the note; nothing was changed.</exception>
    public void Note(Lane lane)
    {
        if (lane.Group != _group)
        {
            (_group, _first, _newest) = (lane.Group, default, default);
        }

        if (!IsNote(_newest) || _notedAt != lane.Savepoints)
        {
            LogNote note = Take(lane);
            note.FillEnds(memory.Root.Offset, trimmer.First, writer.Segment, writer.Used, writer.Count);
            Append(lane, note);
            (_newest, _notedAt) = (note, lane.Savepoints);
            if (!IsNote(_first))
            {
                (_first, _firstEnd) = (note, writer.End);
                Hide(note);
            }
        }
    }

    /// <summary>
    /// Before a change that is no group's: a group has ended, and readers see all of the log, though its end failed
    /// and its note is still there.
    /// </summary>
    public void ShowAll()
    {
        if (*memory.Root.GroupWord != 0)
        {
            Persist.Publish(memory.Root.GroupWord, 0);
        }
    }

    /// <summary>Before a group changes a position: notes its id.</summary>
    public void Note(Lane lane, in LogPosition position)
    {
        if (!position.TryId(out _, out LogEntryId id))
        {
            throw memory.Damaged();
        }

        LogNote note = Take(lane);
        note.FillPosition(memory.Root.Offset, position.Offset, id);
        Append(lane, note);
    }

    /// <summary>Undoes what a note is of, where that was not done before, and frees the note.</summary>
    public void Revert(Lane lane, long block, LogPositions positions)
    {
        LogNote note = new(memory.At(0), block);
        if (!note.IsOf(memory.Root.Offset))
        {
            throw memory.Damaged(block, "a group's log leads here, where there is no note of this log");
        }

        if (note.Kind == LogNote.OfEnds)
        {
            RevertEnds(lane, note);
        }
        else
        {
            (long at, LogEntryId id) = note.Position;
            positions.Set(new LogPosition(memory.At(0), at), id);
        }

        Free(lane, block);
    }

    // The version rises after the word, and both before the first change. Without it: a reader that has looked at the
    // word before takes what this group changes for committed.
    private void Hide(in LogNote first)
    {
        Persist.Publish(memory.Root.GroupWord, memory.Root.GroupFor(first.Offset));
        memory.Bump();
    }

    // Once the group has ended, the block is free, or another note.
    private bool IsNote(in LogNote note) =>
        note.Offset != 0 && note.IsOf(memory.Root.Offset) && note.Kind == LogNote.OfEnds;

    private LogNote Take(Lane lane)
    {
        long block = memory.Heap.Blocks.Take(lane, LogNote.Size);
        lane.BeginFill(block);
        return new LogNote(memory.At(0), block);
    }

    // The header comes after the entry: until then the block is free, and the entry of a change that was not begun.
    private void Append(Lane lane, in LogNote note)
    {
        try
        {
            memory.Heap.GroupLogs.Append(lane, new GroupEntry(note.Offset, note.Offset, memory.Root.Offset));
        }
        catch (Exception error)
        {
            RecordFiller.TakeBack(memory.Heap, lane, error, note.Offset, LogNote.Size);
            throw;
        }

        Intent intent = new() { Slot = note.Offset, Value = LogNote.Header, New = note.Offset };
        lane.Begin(intent);
        Persist.Publish(note.HeaderWord, LogNote.Header); // COMMIT POINT: log note
        lane.Finish(intent);
    }

    // By an intent, since the note is zeroed before it is free where the heap erases. Its store is the next version.
    private void Free(Lane lane, long block)
    {
        _newest = default;
        _first = block == _first.Offset ? default : _first;
        ulong* version = memory.Root.VersionWord;
        Intent intent = new() { Slot = memory.OffsetOf(version), Value = *version + 1, Old = block };
        lane.Begin(intent);
        Persist.Publish(version, intent.Value); // COMMIT POINT: log note out
        lane.Finish(intent);
        memory.Heap.Blocks.Give(lane, block, LogNote.Size);
    }

    private void RevertEnds(Lane lane, in LogNote note)
    {
        (long first, long segment, long used, int count) = note.Ends;
        if (writer.Highest > memory.Root.Highest)
        {
            // Before any entry goes. Without it: the next process gives the id of what a reader saw to another entry.
            // A note that is not complete does no harm: the entries are there then, and the next attach is here again.
            memory.Root.NoteHighest(writer.Highest);
        }

        Persist.Publish(memory.Root.FirstWord, memory.Root.FirstFor(first)); // COMMIT POINT: log trim back
        while (TryDropLast(lane, segment))
        {
            // One segment after the other.
        }

        if (segment != 0)
        {
            if (!memory.TrySegment(segment, out LogSegment last))
            {
                throw memory.Damaged();
            }

            Persist.Publish(last.TailWord, last.TailFor(used, count)); // COMMIT POINT: log entries back
        }

        memory.Bump();
        writer.Load();
        if (memory.Heap.Erases)
        {
            trimmer.EraseBehind();
        }
    }

    private bool TryDropLast(Lane lane, long kept)
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

        if (head == end)
        {
            return false;
        }

        if (!memory.TrySegment(directory, end - 1, out LogSegment last))
        {
            throw memory.Damaged();
        }

        if (last.Offset == kept)
        {
            return false;
        }

        ulong span = head == end - 1 ? directory.SpanFor(0, 0) : directory.SpanFor(head, end - 1);
        Intent intent = new() { Slot = memory.OffsetOf(directory.SpanWord), Value = span, Old = last.Offset };
        long size = last.Size;
        lane.Begin(intent);
        Persist.Publish(directory.SpanWord, span); // COMMIT POINT: log segment back
        memory.Bump();
        lane.Finish(intent);
        memory.Heap.Blocks.Give(lane, last.Offset, size);
        return true;
    }
}
