namespace GuestMemFs.Collections;

/// <summary>
/// Finds entries of a log by id, index or end: the segment in the directory, then the mark in the segment, then entry
/// by entry. Without a lock, what it says counts only where the log's version is what it was.
/// </summary>
internal sealed unsafe class LogSearch(LogMemory memory)
{
    /// <summary>
    /// The indexes of the first entry and of the one behind the last, of one instant; false for what does not check.
    /// </summary>
    public bool TryEnds(in LogView view, out long first, out long end)
    {
        (first, end) = (view.First, view.End);
        return view.IsBounded || TryEndsOfAll(out first, out end);
    }

    /// <summary>The entry that was appended last, trimmed or not.</summary>
    public LogLook FindLast(in LogView view, out EntryLocation location)
    {
        if (view.IsBounded)
        {
            location = view.Last;
            return !location.Segment.Exists ? LogLook.Nothing
                : TryWalkTo(ref location, location.Count - 1) ? LogLook.Found : LogLook.Broken;
        }

        location = default;
        if (!memory.TryDirectory(out LogDirectory directory))
        {
            return LogLook.Broken;
        }

        if (!TrySpan(directory, out int head, out int end)
            || (head != end && !TrySegment(directory, end - 1, ref location)))
        {
            return LogLook.Broken;
        }

        return head == end ? LogLook.Nothing
            : TryWalkTo(ref location, location.Count - 1) ? LogLook.Found : LogLook.Broken;
    }

    /// <summary>Where the entry is that was appended last; no segment where there was none.</summary>
    /// <exception cref="HeapDamagedException">What leads there does not check.</exception>
    public EntryLocation Last() =>
        FindLast(default, out EntryLocation location) != LogLook.Broken ? location : throw memory.Damaged();

    /// <summary>
    /// An entry of the first segment, trimmed or not: that of an index, or the one closest to it. Under the log's lock.
    /// </summary>
    public bool TryHead(long index, out EntryLocation location)
    {
        location = default;
        if (!memory.TryDirectory(out LogDirectory directory)
            || !TrySpan(directory, out int head, out int end)
            || (head != end && !TrySegment(directory, head, ref location)))
        {
            throw memory.Damaged();
        }

        if (!location.Segment.Exists)
        {
            return false;
        }

        long number = Math.Clamp(index - location.First, 0, location.Count - 1);
        return TryWalkTo(ref location, (int)number) ? true : throw memory.Damaged();
    }

    /// <summary>The first entry that is not below the key, and not trimmed.</summary>
    public LogLook Find(in LogView view, LogKey key, out EntryLocation location)
    {
        location = default;
        LogLook look = FindAny(key, ref location);
        while (look == LogLook.Found)
        {
            // After the search: a segment that it did not see any more was trimmed before. Read ahead of it, the first
            // entry may be one of before a trim, and what is found one behind those that the trim took.
            if (!TryFirst(view, out long first))
            {
                return LogLook.Broken;
            }

            if (location.Index >= first)
            {
                return location.Index < view.End ? LogLook.Found : LogLook.Nothing;
            }

            look = FindAny(LogKey.At(first), ref location);
        }

        return look;
    }

    /// <summary>The index of the first entry that a reader sees.</summary>
    public bool TryFirst(in LogView view, out long first)
    {
        first = view.First;
        return view.IsBounded || memory.Root.TryFirst(out first);
    }

    /// <summary>Moves a location to a mark of its segment; false where that does not check.</summary>
    public static bool TryAtMark(ref EntryLocation location, int mark)
    {
        location.Number = mark * LogSegment.EntriesAMark;
        return location.Segment.TryMark(mark, out location.At);
    }

    private bool TryEndsOfAll(out long first, out long end)
    {
        long before;
        do
        {
            bool whole = memory.Root.TryFirst(out before);
            LogLook look = FindLast(default, out EntryLocation last);
            end = look == LogLook.Found ? last.First + last.Count : before;
            if (!memory.Root.TryFirst(out first) || !whole || look == LogLook.Broken)
            {
                return false;
            }
        }
        while (first != before); // A trim changes no version. Without it: a count of entries that never were together.

        return true;
    }

    private LogLook FindAny(LogKey key, ref EntryLocation location)
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
            if (!TrySegment(directory, middle, ref location)
                || !location.Segment.TryLength(location.At, location.Used, out _))
            {
                return LogLook.Broken;
            }

            bool below = key.IsAbove(location.First, location.Segment.IdAt(location.At));
            (low, high) = below ? (middle + 1, high) : (low, middle);
        }

        return FindFrom(directory, Math.Max(low - 1, head), end, key, ref location);
    }

    private LogLook FindFrom(in LogDirectory directory, int slot, int end, LogKey key, ref EntryLocation location)
    {
        if (!TrySegment(directory, slot, ref location))
        {
            return LogLook.Broken;
        }

        LogLook look = FindIn(key, ref location);
        return look != LogLook.Nothing || slot + 1 >= end ? look
            : TrySegment(directory, slot + 1, ref location) ? LogLook.Found : LogLook.Broken;
    }

    private static LogLook FindIn(LogKey key, ref EntryLocation location)
    {
        int low = 0;
        int high = (location.Count - 1) / LogSegment.EntriesAMark; // the last mark that is not above the key
        while (low < high)
        {
            int middle = low + ((high - low + 1) / 2);
            if (!location.Segment.TryMark(middle, out long at) || !location.Segment.TryLength(at, location.Used, out _))
            {
                return LogLook.Broken;
            }

            bool below = key.IsAbove(location.First + (middle * LogSegment.EntriesAMark), location.Segment.IdAt(at));
            (low, high) = below ? (middle, high) : (low, middle - 1);
        }

        if (!TryAtMark(ref location, low))
        {
            return LogLook.Broken;
        }

        for (; location.Number < location.Count; location.Number++)
        {
            if (!location.Segment.TryLength(location.At, location.Used, out int length))
            {
                return LogLook.Broken;
            }

            if (!key.IsAbove(location.Index, location.Segment.IdAt(location.At)))
            {
                return LogLook.Found;
            }

            location.At += LogSegment.Taken(length);
        }

        return LogLook.Nothing;
    }

    // The location is the segment's first entry then.
    private bool TrySegment(in LogDirectory directory, int slot, ref EntryLocation location)
    {
        (location.Number, location.At) = (0, LogSegment.HeadLength);
        return memory.TrySegment(directory, slot, out location.Segment)
            && location.Segment.TryFirst(out location.First)
            && location.Segment.TryTail(out location.Used, out location.Count);
    }

    private static bool TryWalkTo(ref EntryLocation location, int number)
    {
        if (!TryAtMark(ref location, number / LogSegment.EntriesAMark))
        {
            return false;
        }

        for (; location.Number < number; location.Number++)
        {
            if (!location.Segment.TryLength(location.At, location.Used, out int passed))
            {
                return false;
            }

            location.At += LogSegment.Taken(passed);
        }

        return location.Segment.TryLength(location.At, location.Used, out _);
    }

    // Of none where there is no directory yet.
    private static bool TrySpan(in LogDirectory directory, out int head, out int end)
    {
        (head, end) = (0, 0);
        return directory.Offset == 0 || directory.TrySpan(out head, out end);
    }
}
