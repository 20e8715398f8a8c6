using GuestMemFs.Collections;
using GuestMemFs.Heap;

namespace GuestMemFs.Inspection;

/// <summary>
/// Checks a log that stands still: segments follow each other without a gap, ids rise, marks and checksums are right,
/// and the positions are a list.
/// </summary>
internal sealed unsafe class LogVerifier(PersistentHeap heap, ReachBlock reach, Action<string> problem)
{
    private LogEntryId _last;
    private bool _hasLast;
    private long _index;

    /// <summary>Checks the log whose root object lies there.</summary>
    public void Check(long offset, CancellationToken cancellationToken)
    {
        LogRoot root = new(heap.Base, offset);
        LogMemory memory = new(heap, root);
        string what = $"log at {offset}";
        if (!root.TryFirst(out long first))
        {
            problem($"{what}: the word for its first entry does not check");
        }

        if (!root.TryGroup(out _))
        {
            problem($"{what}: the word for its open group does not check");
        }

        if (!memory.TryDirectory(out LogDirectory directory))
        {
            problem($"{what}: its directory does not check");
        }
        else if (directory.Offset != 0
            && reach(directory.Offset, BlockHeader.TypeLogDirectory, $"directory of the {what}", directory.Size))
        {
            CheckSegments(memory, directory, first, what, cancellationToken);
        }

        if (first > _index)
        {
            problem($"{what}: its first entry would be {first}, and there are {_index}");
        }

        CheckPositions(memory, what);
    }

    private void CheckSegments(
        LogMemory memory, in LogDirectory directory, long first, string what, CancellationToken cancellationToken)
    {
        if (!directory.TrySpan(out int head, out int end))
        {
            problem($"{what}: the span of its directory does not check");
            return;
        }

        for (int i = head; i < end; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!memory.TrySegment(directory, i, out LogSegment segment) || !segment.TryFirst(out long begins)
                || !segment.TryTail(out long used, out int count))
            {
                problem($"{what}: segment {i} of its directory does not check");
                return;
            }

            string name = $"segment {segment.Offset} of the {what}";
            if (!reach(segment.Offset, BlockHeader.TypeLogSegment, name, segment.Size))
            {
                return;
            }

            if (i == head)
            {
                _index = begins;
            }
            else if (begins != _index)
            {
                problem($"{name}: it begins with entry {begins}, and the one before ends before {_index}");
                _index = begins;
            }

            CheckEntries(segment, used, count, first, name);
        }
    }

    private void CheckEntries(in LogSegment segment, long used, int count, long first, string name)
    {
        long at = LogSegment.HeadLength;
        for (int number = 0; number < count; number++, _index++)
        {
            if (number % LogSegment.EntriesAMark == 0
                && (!segment.TryMark(number / LogSegment.EntriesAMark, out long mark) || mark != at))
            {
                problem($"{name}: the mark of entry {_index} is wrong");
            }

            if (!segment.TryLength(at, used, out int length))
            {
                problem($"{name}: entry {_index} does not end within what is in use");
                _index += count - number;
                return;
            }

            LogEntryId id = segment.IdAt(at);
            if (_hasLast && id <= _last)
            {
                problem($"{name}: the id of entry {_index}, {id}, is not above the one before, {_last}");
            }

            // What was trimmed may be erased.
            ReadOnlySpan<byte> value = new(segment.At(at + LogSegment.EntryHeadLength), length);
            if (_index >= first && *(ulong*)segment.At(at) != segment.EntryWord(at, id, value))
            {
                problem($"{name}: entry {_index}, {id}, does not match its checksum");
            }

            (_last, _hasLast) = (id, true);
            at += LogSegment.Taken(length);
        }

        if (at != used)
        {
            problem($"{name}: {used} bytes are in use, and its entries end at {at}");
        }
    }

    private void CheckPositions(LogMemory memory, string what)
    {
        bool intact = true;
        bool whole = new LogPositions(memory).TryWalk(position =>
        {
            reach(position.Offset, BlockHeader.TypeLogPosition, $"position of the {what}", LogPosition.Size);
            intact &= position.TryId(out _, out _);
        });
        if (!whole || !intact)
        {
            problem($"{what}: its list of positions does not check");
        }
    }
}
