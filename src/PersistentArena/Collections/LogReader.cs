namespace GuestMemFs.Collections;

/// <summary>
/// Reading a log without locks: find, copy, and see whether the log's version is what it was. A writer changes it
/// before a block is free, or is written over: bytes that passed the test are of an entry that was true. The
/// checksum tells damage, and an entry that was trimmed and erased meanwhile.
/// </summary>
internal sealed unsafe class LogReader(LogMemory memory)
{
    private enum Look
    {
        Broken,
        Nothing,
        Found,
    }

    /// <summary>The indexes of the first entry and of the one behind the last, at one instant.</summary>
    public (long First, long End) Ends()
    {
        for (SpinWait spin = default; ; spin.SpinOnce())
        {
            ulong version = Begin();
            bool whole = TryEnds(out long first, out long end);
            if (IsStill(version))
            {
                return whole ? (first, end) : throw Damaged();
            }
        }
    }

    /// <summary>The id of the entry that was appended last, trimmed or not; none where there was none.</summary>
    public LogEntryId LastId()
    {
        for (SpinWait spin = default; ; spin.SpinOnce())
        {
            ulong version = Begin();
            Look look = FindLast(out LogPlace place);
            LogEntryId id = look == Look.Found ? place.Segment.IdAt(place.At) : default;
            if (IsStill(version))
            {
                return look == Look.Broken ? throw Damaged() : id;
            }
        }
    }

    /// <summary>The index of the first entry that is not below a key; that behind the last one where all are.</summary>
    public long IndexOf(LogKey key)
    {
        for (SpinWait spin = default; ; spin.SpinOnce())
        {
            ulong version = Begin();
            Look look = Find(key, out LogPlace place);
            bool whole = TryEnds(out long first, out long end) && look != Look.Broken;
            if (IsStill(version))
            {
                return !whole ? throw Damaged() : look == Look.Found ? Math.Max(place.Index, first) : end;
            }
        }
    }

    /// <summary>Copies the entry of an id; false where there is none.</summary>
    public bool TryGet(LogEntryId id, LogBuffer buffer)
    {
        for (SpinWait spin = default; ; spin.SpinOnce())
        {
            ulong version = Begin();
            Look look = Find(LogKey.From(id), out LogPlace place);
            bool isThere = look == Look.Found && place.Segment.IdAt(place.At) == id;
            bool whole = isThere ? TryCopy(place, version, buffer) : look != Look.Broken;
            if (IsStill(version) && (whole || !IsTrimmed(place.Index, isThere)))
            {
                return whole ? isThere : throw Damaged();
            }
        }
    }

    /// <summary>Takes a walk one entry further; false where there is no further one now.</summary>
    public bool MoveNext(LogWalk walk)
    {
        for (SpinWait spin = default; ; spin.SpinOnce())
        {
            ulong version = Begin();
            if (walk.Version != version)
            {
                (walk.IsPlaced, walk.ChunkLength, walk.Version) = (false, 0, version);
            }

            Look look = walk.Descends ? Back(walk, out LogPlace place) : Forth(walk, out place);
            bool whole = look == Look.Found ? TryCopy(place, version, walk.Buffer) : look != Look.Broken;
            if (!IsStill(version) || (!whole && IsTrimmed(place.Index, look == Look.Found)))
            {
                walk.IsPlaced = false;
                continue;
            }

            return !whole ? throw Damaged() : look == Look.Found && TryTake(walk, place);
        }
    }

    /// <summary>Where the entry is that was appended last; no segment where there was none.</summary>
    /// <exception cref="HeapDamagedException">What leads there does not check.</exception>
    public LogPlace Last() => FindLast(out LogPlace place) != Look.Broken ? place : throw Damaged();

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
            throw Damaged();
        }

        if (!place.Segment.Exists)
        {
            return false;
        }

        long number = Math.Clamp(index - place.First, 0, place.Count - 1);
        return TryWalkTo(ref place, (int)number) ? true : throw Damaged();
    }

    public HeapDamagedException Damaged() =>
        memory.Damaged(memory.Root.Offset, "what this log leads to does not check");

    private bool TryEnds(out long first, out long end)
    {
        bool whole = memory.Root.TryFirst(out first);
        Look look = FindLast(out LogPlace last);
        end = look == Look.Found ? last.First + last.Count : first;
        return whole && look != Look.Broken;
    }

    private Look FindLast(out LogPlace place)
    {
        place = default;
        if (!memory.TryDirectory(out LogDirectory directory))
        {
            return Look.Broken;
        }

        if (!TrySpan(directory, out int head, out int end)
            || (head != end && !TrySegment(directory, end - 1, ref place)))
        {
            return Look.Broken;
        }

        return head == end ? Look.Nothing
            : TryWalkTo(ref place, place.Count - 1) ? Look.Found : Look.Broken;
    }

    // Of none where there is no directory yet.
    private static bool TrySpan(in LogDirectory directory, out int head, out int end)
    {
        (head, end) = (0, 0);
        return directory.Offset == 0 || directory.TrySpan(out head, out end);
    }

    // The first entry not below the key, and not trimmed.
    private Look Find(LogKey key, out LogPlace place)
    {
        place = default;
        if (!memory.Root.TryFirst(out long first))
        {
            return Look.Broken;
        }

        Look look = FindAny(key, ref place);
        return look == Look.Found && place.Index < first ? FindAny(LogKey.At(first), ref place) : look;
    }

    private Look FindAny(LogKey key, ref LogPlace place)
    {
        if (!memory.TryDirectory(out LogDirectory directory))
        {
            return Look.Broken;
        }

        if (!TrySpan(directory, out int head, out int end))
        {
            return Look.Broken;
        }

        if (head == end)
        {
            return Look.Nothing;
        }

        int low = head;
        int high = end; // the first segment that begins at the key or above it
        while (low < high)
        {
            int middle = low + ((high - low) / 2);
            if (!TrySegment(directory, middle, ref place) || !place.Segment.TryLength(place.At, place.Used, out _))
            {
                return Look.Broken;
            }

            bool below = key.IsAbove(place.First, place.Segment.IdAt(place.At));
            (low, high) = below ? (middle + 1, high) : (low, middle);
        }

        return FindFrom(directory, Math.Max(low - 1, head), end, key, ref place);
    }

    private Look FindFrom(in LogDirectory directory, int slot, int end, LogKey key, ref LogPlace place)
    {
        if (!TrySegment(directory, slot, ref place))
        {
            return Look.Broken;
        }

        Look look = FindIn(key, ref place);
        return look != Look.Nothing || slot + 1 >= end ? look
            : TrySegment(directory, slot + 1, ref place) ? Look.Found : Look.Broken;
    }

    private static Look FindIn(LogKey key, ref LogPlace place)
    {
        int low = 0;
        int high = (place.Count - 1) / LogSegment.EntriesAMark; // the last mark that is not above the key
        while (low < high)
        {
            int middle = low + ((high - low + 1) / 2);
            if (!place.Segment.TryMark(middle, out long at) || !place.Segment.TryLength(at, place.Used, out _))
            {
                return Look.Broken;
            }

            bool below = key.IsAbove(place.First + (middle * LogSegment.EntriesAMark), place.Segment.IdAt(at));
            (low, high) = below ? (middle, high) : (low, middle - 1);
        }

        if (!TryAtMark(ref place, low))
        {
            return Look.Broken;
        }

        for (; place.Number < place.Count; place.Number++)
        {
            if (!place.Segment.TryLength(place.At, place.Used, out int length))
            {
                return Look.Broken;
            }

            if (!key.IsAbove(place.Index, place.Segment.IdAt(place.At)))
            {
                return Look.Found;
            }

            place.At += LogSegment.Taken(length);
        }

        return Look.Nothing;
    }

    // The place is the segment's first entry then.
    private bool TrySegment(in LogDirectory directory, int slot, ref LogPlace place)
    {
        (place.Number, place.At) = (0, LogSegment.HeadLength);
        return memory.TrySegment(directory, slot, out place.Segment)
            && place.Segment.TryFirst(out place.First)
            && place.Segment.TryTail(out place.Used, out place.Count);
    }

    private static bool TryAtMark(ref LogPlace place, int mark)
    {
        place.Number = mark * LogSegment.EntriesAMark;
        return place.Segment.TryMark(mark, out place.At);
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

    private Look Forth(LogWalk walk, out LogPlace place)
    {
        place = walk.Place;
        Look look = Look.Found;
        if (!walk.IsPlaced)
        {
            look = Find(walk.Next, out place);
        }
        else if (!memory.Root.TryFirst(out long first))
        {
            look = Look.Broken;
        }
        else if (place.Index < first)
        {
            look = Find(LogKey.At(first), out place);
        }
        else if (place.Number == place.Count && !place.Segment.TryTail(out place.Used, out place.Count))
        {
            look = Look.Broken;
        }
        else if (place.Number == place.Count)
        {
            look = Find(LogKey.At(place.Index), out place);
        }

        return look;
    }

    private Look Back(LogWalk walk, out LogPlace place)
    {
        place = default;
        if (!TryEnds(out long first, out long end))
        {
            return Look.Broken;
        }

        if (!walk.IsPlaced)
        {
            Look look = Find(walk.Next, out place);
            if (look == Look.Broken)
            {
                return look;
            }

            walk.Index = (look == Look.Found ? place.Index : end) - 1;
            (walk.IsPlaced, walk.ChunkLength) = (true, 0);
        }

        if (walk.Index < first)
        {
            return Look.Nothing;
        }

        long inChunk = walk.Index - walk.ChunkStart;
        if (inChunk < 0 || inChunk >= walk.ChunkLength)
        {
            return FillChunk(walk, out place);
        }

        place = walk.Place;
        (place.Number, place.At) = ((int)(walk.Index - place.First), walk.Chunk[inChunk]);
        return Look.Found;
    }

    private Look FillChunk(LogWalk walk, out LogPlace place)
    {
        walk.ChunkLength = 0;
        if (Find(LogKey.At(walk.Index), out place) != Look.Found || place.Index != walk.Index)
        {
            return Look.Broken;
        }

        LogPlace at = place;
        int last = place.Number % LogSegment.EntriesAMark;
        if (!TryAtMark(ref at, place.Number / LogSegment.EntriesAMark))
        {
            return Look.Broken;
        }

        for (int i = 0; i <= last; i++)
        {
            walk.Chunk[i] = at.At;
            if (!at.Segment.TryLength(at.At, at.Used, out int length))
            {
                return Look.Broken;
            }

            at.At += LogSegment.Taken(length);
        }

        (walk.Place, walk.ChunkStart, walk.ChunkLength) = (place, place.Index - last, last + 1);
        return Look.Found;
    }

    // What was copied counts. Where it is beyond the range, the walk stays where it is.
    private static bool TryTake(LogWalk walk, in LogPlace place)
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

    private bool TryCopy(in LogPlace place, ulong version, LogBuffer buffer)
    {
        LogSegment segment = place.Segment;
        if (!segment.TryLength(place.At, place.Used, out int length)
            || (length > buffer.Capacity && memory.Version != version)) // so long that it had better be true
        {
            return false;
        }

        Span<byte> value = buffer.Resize(length);
        (buffer.Index, buffer.Id) = (place.Index, segment.IdAt(place.At));
        new ReadOnlySpan<byte>(segment.At(place.At + LogSegment.EntryHeadLength), length).CopyTo(value);
        ulong word = *(ulong*)segment.At(place.At);
        return word == segment.EntryWord(place.At, buffer.Id, value);
    }

    private bool IsTrimmed(long index, bool known) =>
        known && memory.Root.TryFirst(out long first) && index < first;

    private ulong Begin()
    {
        ulong version = memory.Version;
        Volatile.ReadBarrier();
        return version;
    }

    private bool IsStill(ulong version)
    {
        Volatile.ReadBarrier();
        bool still = memory.Version == version;
        memory.Heap.ThrowIfGone();
        return still;
    }
}
