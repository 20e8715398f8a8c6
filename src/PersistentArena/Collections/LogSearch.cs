namespace GuestMemFs.Collections;

/// <summary>
/// Finds entries of a log by id, index or end: the segment in the directory, then the mark in the segment, then entry
/// by entry. Without a lock, what it says counts only where the log's version is what it was.
/// </summary>
internal sealed unsafe class LogSearch(LogMemory memory)
{
    /// <summary>The indexes of the first entry and of the one behind the last; false for what does not check.</summary>
    public bool TryEnds(out long first, out long end)
    {
        bool whole = memory.Root.TryFirst(out first);
        LogLook look = FindLast(out LogPlace last);
        end = look == LogLook.Found ? last.First + last.Count : first;
        return whole && look != LogLook.Broken;
    }

    /// <summary>The entry that was appended last, trimmed or not.</summary>
    public LogLook FindLast(out LogPlace place)
    {
        place = default;
        if (!memory.TryDirectory(out LogDirectory directory))
        {
            return LogLook.Broken;
        }

        if (!TrySpan(directory, out int head, out int end)
            || (head != end && !TrySegment(directory, end - 1, ref place)))
        {
            return LogLook.Broken;
        }

        return head == end ? LogLook.Nothing
            : TryWalkTo(ref place, place.Count - 1) ? LogLook.Found : LogLook.Broken;
    }

    /// <summary>Where the entry is that was appended last; no segment where there was none.</summary>
    /// <exception cref="HeapDamagedException">What leads there does not check.</exception>
    public LogPlace Last() => FindLast(out LogPlace place) != LogLook.Broken ? place : throw memory.Damaged();

    /// <summary>
    /// An entry of the first segment, trimmed or not: that of an index, or the one closest to it. Under the log's lock.
    /// </summary>
    public bool TryHead(long index, out LogPlace place)
    {
        place = default;
        if (!memory.TryDirectory(out LogDirectory directory)
            || !TrySpan(directory, out int head, out int end)
            || (head != end && !TrySegment(directory, head, ref place)))
        {
            throw memory.Damaged();
        }

        if (!place.Segment.Exists)
        {
            return false;
        }

        long number = Math.Clamp(index - place.First, 0, place.Count - 1);
        return TryWalkTo(ref place, (int)number) ? true : throw memory.Damaged();
    }

    /// <summary>The first entry that is not below the key, and not trimmed.</summary>
    public LogLook Find(LogKey key, out LogPlace place)
    {
        place = default;
        if (!memory.Root.TryFirst(out long first))
        {
            return LogLook.Broken;
        }

        LogLook look = FindAny(key, ref place);
        return look == LogLook.Found && place.Index < first ? FindAny(LogKey.At(first), ref place) : look;
    }

    /// <summary>Takes a place to a mark of its segment; false where that does not check.</summary>
    public static bool TryAtMark(ref LogPlace place, int mark)
    {
        place.Number = mark * LogSegment.EntriesAMark;
        return place.Segment.TryMark(mark, out place.At);
    }

    private LogLook FindAny(LogKey key, ref LogPlace place)
    {
        if (!memory.TryDirectory(out LogDirectory directory))
        {
            return LogLook.Broken;
        }

        if (!TrySpan(directory, out int head, out int end))
        {
            return LogLook.Broken;
        }

        if (head == end)
        {
            return LogLook.Nothing;
        }

        int low = head;
        int high = end; // the first segment that begins at the key or above it
        while (low < high)
        {
            int middle = low + ((high - low) / 2);
            if (!TrySegment(directory, middle, ref place) || !place.Segment.TryLength(place.At, place.Used, out _))
            {
                return LogLook.Broken;
            }

            bool below = key.IsAbove(place.First, place.Segment.IdAt(place.At));
            (low, high) = below ? (middle + 1, high) : (low, middle);
        }

        return FindFrom(directory, Math.Max(low - 1, head), end, key, ref place);
    }

    private LogLook FindFrom(in LogDirectory directory, int slot, int end, LogKey key, ref LogPlace place)
    {
        if (!TrySegment(directory, slot, ref place))
        {
            return LogLook.Broken;
        }

        LogLook look = FindIn(key, ref place);
        return look != LogLook.Nothing || slot + 1 >= end ? look
            : TrySegment(directory, slot + 1, ref place) ? LogLook.Found : LogLook.Broken;
    }

    private static LogLook FindIn(LogKey key, ref LogPlace place)
    {
        int low = 0;
        int high = (place.Count - 1) / LogSegment.EntriesAMark; // the last mark that is not above the key
        while (low < high)
        {
            int middle = low + ((high - low + 1) / 2);
            if (!place.Segment.TryMark(middle, out long at) || !place.Segment.TryLength(at, place.Used, out _))
            {
                return LogLook.Broken;
            }

            bool below = key.IsAbove(place.First + (middle * LogSegment.EntriesAMark), place.Segment.IdAt(at));
            (low, high) = below ? (middle, high) : (low, middle - 1);
        }

        if (!TryAtMark(ref place, low))
        {
            return LogLook.Broken;
        }

        for (; place.Number < place.Count; place.Number++)
        {
            if (!place.Segment.TryLength(place.At, place.Used, out int length))
            {
                return LogLook.Broken;
            }

            if (!key.IsAbove(place.Index, place.Segment.IdAt(place.At)))
            {
                return LogLook.Found;
            }

            place.At += LogSegment.Taken(length);
        }

        return LogLook.Nothing;
    }

    // The place is the segment's first entry then.
    private bool TrySegment(in LogDirectory directory, int slot, ref LogPlace place)
    {
        (place.Number, place.At) = (0, LogSegment.HeadLength);
        return memory.TrySegment(directory, slot, out place.Segment)
            && place.Segment.TryFirst(out place.First)
            && place.Segment.TryTail(out place.Used, out place.Count);
    }

    private static bool TryWalkTo(ref LogPlace place, int number)
    {
        if (!TryAtMark(ref place, number / LogSegment.EntriesAMark))
        {
            return false;
        }

        for (; place.Number < number; place.Number++)
        {
            if (!place.Segment.TryLength(place.At, place.Used, out int passed))
            {
                return false;
            }

            place.At += LogSegment.Taken(passed);
        }

        return place.Segment.TryLength(place.At, place.Used, out _);
    }

    // Of none where there is no directory yet.
    private static bool TrySpan(in LogDirectory directory, out int head, out int end)
    {
        (head, end) = (0, 0);
        return directory.Offset == 0 || directory.TrySpan(out head, out end);
    }
}
