namespace GuestMemFs.Collections;

/// <summary>
/// The steps of a cursor of a log, forth or back. Without a lock: where a step leads counts only where the log's
/// version is what it was.
/// </summary>
internal sealed class LogSteps(LogMemory memory)
{
    private readonly LogSearch _search = new(memory);

    /// <summary>Where a walk's next entry is.</summary>
    public LogLook Next(LogWalk walk, out LogPlace place) =>
        walk.Descends ? Back(walk, out place) : Forth(walk, out place);

    /// <summary>
    /// Takes the walk to the entry that was copied; false, and it stays where it is, where that is beyond its range.
    /// </summary>
    public static bool TryTake(LogWalk walk, in LogPlace place)
    {
        LogBuffer entry = walk.Buffer;
        if (walk.Descends)
        {
            if (entry.Id < walk.End)
            {
                return false;
            }

            walk.Index = place.Index - 1;
            walk.Next = LogKey.From(entry.Id);
            return true;
        }

        walk.Place = place;
        walk.IsPlaced = true;
        if (entry.Id > walk.End)
        {
            return false;
        }

        walk.Place.At += LogSegment.Taken(entry.Length);
        walk.Place.Number++;
        walk.Next = LogKey.After(entry.Id);
        return true;
    }

    private LogLook Forth(LogWalk walk, out LogPlace place)
    {
        place = walk.Place;
        LogLook look = LogLook.Found;
        if (!walk.IsPlaced)
        {
            look = _search.Find(walk.Next, out place);
        }
        else if (!memory.Root.TryFirst(out long first))
        {
            look = LogLook.Broken;
        }
        else if (place.Index < first)
        {
            look = _search.Find(LogKey.At(first), out place);
        }
        else if (place.Number == place.Count && !place.Segment.TryTail(out place.Used, out place.Count))
        {
            look = LogLook.Broken;
        }
        else if (place.Number == place.Count)
        {
            look = _search.Find(LogKey.At(place.Index), out place);
        }

        return look;
    }

    private LogLook Back(LogWalk walk, out LogPlace place)
    {
        place = default;
        if (!_search.TryEnds(out long first, out long end))
        {
            return LogLook.Broken;
        }

        if (!walk.IsPlaced)
        {
            LogLook look = _search.Find(walk.Next, out place);
            if (look == LogLook.Broken)
            {
                return look;
            }

            walk.Index = (look == LogLook.Found ? place.Index : end) - 1;
            (walk.IsPlaced, walk.ChunkLength) = (true, 0);
        }

        if (walk.Index < first)
        {
            return LogLook.Nothing;
        }

        long inChunk = walk.Index - walk.ChunkStart;
        if (inChunk < 0 || inChunk >= walk.ChunkLength)
        {
            return FillChunk(walk, out place);
        }

        place = walk.Place;
        (place.Number, place.At) = ((int)(walk.Index - place.First), walk.Chunk[inChunk]);
        return LogLook.Found;
    }

    private LogLook FillChunk(LogWalk walk, out LogPlace place)
    {
        walk.ChunkLength = 0;
        LogLook look = _search.Find(LogKey.At(walk.Index), out place);
        if (look != LogLook.Found || place.Index != walk.Index)
        {
            // A trim is one store, and the log's version changes only with what it frees later.
            bool isTrimmed = look != LogLook.Broken && memory.Root.TryFirst(out long first) && walk.Index < first;
            return isTrimmed ? LogLook.Nothing : LogLook.Broken;
        }

        LogPlace at = place;
        int last = place.Number % LogSegment.EntriesAMark;
        if (!LogSearch.TryAtMark(ref at, place.Number / LogSegment.EntriesAMark))
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

        (walk.Place, walk.ChunkStart, walk.ChunkLength) = (place, place.Index - last, last + 1);
        return LogLook.Found;
    }
}
