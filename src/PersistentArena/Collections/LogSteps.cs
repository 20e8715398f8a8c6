namespace GuestMemFs.Collections;

/// <summary>
/// The steps of a cursor of a log, forth or back. Without a lock: where a step leads counts only where the log's
/// version is what it was.
/// </summary>
internal sealed class LogSteps(LogMemory memory)
{
    private readonly LogSearch _search = new(memory);

    /// <summary>Where a walk's next entry is.</summary>
    public LogLook Next(LogWalk walk, in LogView view, out EntryLocation location) =>
        walk.Descends ? Back(walk, view, out location) : Forth(walk, view, out location);

    /// <summary>
    /// Takes the walk to the entry that was copied; false, and it stays where it is, where that is beyond its range.
    /// </summary>
    public static bool TryTake(LogWalk walk, in EntryLocation location)
    {
        LogBuffer entry = walk.Buffer;
        if (walk.Descends)
        {
            if (entry.Id < walk.End)
            {
                return false;
            }

            walk.Index = location.Index - 1;
            walk.Next = LogKey.From(entry.Id);
            return true;
        }

        walk.Location = location;
        walk.IsLocated = true;
        if (entry.Id > walk.End)
        {
            return false;
        }

        walk.Location.At += LogSegment.Taken(entry.Length);
        walk.Location.Number++;
        walk.Next = LogKey.After(entry.Id);
        return true;
    }

    private LogLook Forth(LogWalk walk, in LogView view, out EntryLocation location)
    {
        location = walk.Location;
        LogLook look = LogLook.Found;
        if (!walk.IsLocated)
        {
            look = _search.Find(view, walk.Next, out location);
        }
        else if (!_search.TryFirst(view, out long first))
        {
            look = LogLook.Broken;
        }
        else if (location.Index < first)
        {
            look = _search.Find(view, LogKey.At(first), out location);
        }
        else if (location.Number == location.Count && !location.Segment.TryTail(out location.Used, out location.Count))
        {
            look = LogLook.Broken;
        }
        else if (location.Number == location.Count)
        {
            look = _search.Find(view, LogKey.At(location.Index), out location);
        }

        return look == LogLook.Found && location.Index >= view.End ? LogLook.Nothing : look;
    }

    private LogLook Back(LogWalk walk, in LogView view, out EntryLocation location)
    {
        while (true)
        {
            bool begins = !walk.IsLocated;
            location = default;
            if (!_search.TryEnds(view, out long first, out long end)
                || (begins && !TryLocate(walk, view, end)))
            {
                return LogLook.Broken;
            }

            if (walk.Index < first)
            {
                return LogLook.Nothing;
            }

            LogLook look = InChunk(walk, view, out location);
            if (look != LogLook.Nothing || !begins)
            {
                return look;
            }

            // The entry that was the last one is trimmed: so another one may have come. Without it: a log that never
            // was empty has no last entry.
            walk.IsLocated = false;
        }
    }

    private bool TryLocate(LogWalk walk, in LogView view, long end)
    {
        LogLook look = _search.Find(view, walk.Next, out EntryLocation location);
        walk.Index = (look == LogLook.Found ? location.Index : end) - 1;
        walk.IsLocated = look != LogLook.Broken;
        walk.ChunkLength = 0;
        return walk.IsLocated;
    }

    private LogLook InChunk(LogWalk walk, in LogView view, out EntryLocation location)
    {
        long inChunk = walk.Index - walk.ChunkStart;
        if (inChunk < 0 || inChunk >= walk.ChunkLength)
        {
            return FillChunk(walk, view, out location);
        }

        location = walk.Location;
        (location.Number, location.At) = ((int)(walk.Index - location.First), walk.Chunk[inChunk]);
        return LogLook.Found;
    }

    private LogLook FillChunk(LogWalk walk, in LogView view, out EntryLocation location)
    {
        walk.ChunkLength = 0;
        LogLook look = _search.Find(view, LogKey.At(walk.Index), out location);
        if (look != LogLook.Found || location.Index != walk.Index)
        {
            // A trim is one store, and the log's version changes only with what it frees later.
            bool isTrimmed = look != LogLook.Broken && _search.TryFirst(view, out long first) && walk.Index < first;
            return isTrimmed ? LogLook.Nothing : LogLook.Broken;
        }

        EntryLocation at = location;
        int last = location.Number % LogSegment.EntriesAMark;
        if (!LogSearch.TryAtMark(ref at, location.Number / LogSegment.EntriesAMark))
        {
            return LogLook.Broken;
        }

        for (int i = 0; i <= last; i++)
        {
            walk.Chunk[i] = at.At;
            if (!at.Segment.TryLength(at.At, at.Used, out int length))
            {
                return LogLook.Broken;
            }

            at.At += LogSegment.Taken(length);
        }

        (walk.Location, walk.ChunkStart, walk.ChunkLength) = (location, location.Index - last, last + 1);
        return LogLook.Found;
    }
}
