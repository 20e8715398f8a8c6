namespace GuestMemFs.Collections;

/// <summary>
/// Reading a log without locks: find, copy, and see whether the log's version is what it was. A writer changes it
/// before a block is free, or is written over: bytes that passed the test are of an entry that was true. The
/// checksum tells damage, and an entry that was trimmed and erased meanwhile. What another thread's group has changed
/// is not seen before its commit (<see cref="LogView"/>).
/// </summary>
internal sealed unsafe class LogReader(LogMemory memory)
{
    private readonly LogSearch _search = new(memory);
    private readonly LogSteps _steps = new(memory);

    /// <summary>The indexes of the first entry and of the one behind the last, at one instant.</summary>
    public (long First, long End) Ends()
    {
        for (SpinWait spin = default; ; spin.SpinOnce())
        {
            ulong version = Begin(out LogView view, out bool whole);
            whole &= _search.TryEnds(view, out long first, out long end);
            if (IsStill(version))
            {
                return whole ? (first, end) : throw memory.Damaged();
            }
        }
    }

    /// <summary>The id of the entry that was appended last, trimmed or not; none where there was none.</summary>
    public LogEntryId LastId()
    {
        for (SpinWait spin = default; ; spin.SpinOnce())
        {
            ulong version = Begin(out LogView view, out bool whole);
            LogLook look = _search.FindLast(view, out EntryLocation location);
            LogEntryId id = look == LogLook.Found ? location.Segment.IdAt(location.At) : default;
            if (IsStill(version))
            {
                return !whole || look == LogLook.Broken ? throw memory.Damaged() : id;
            }
        }
    }

    /// <summary>The index of the first entry that is not below a key; that behind the last one where all are.</summary>
    public long IndexOf(LogKey key)
    {
        for (SpinWait spin = default; ; spin.SpinOnce())
        {
            ulong version = Begin(out LogView view, out bool whole);
            LogLook look = _search.Find(view, key, out EntryLocation location);
            whole &= _search.TryEnds(view, out long first, out long end) && look != LogLook.Broken;
            if (IsStill(version))
            {
                return !whole ? throw memory.Damaged() : look == LogLook.Found ? Math.Max(location.Index, first) : end;
            }
        }
    }

    /// <summary>Copies the entry of an id; false where there is none.</summary>
    public bool TryGet(LogEntryId id, LogBuffer buffer)
    {
        for (SpinWait spin = default; ; spin.SpinOnce())
        {
            ulong version = Begin(out LogView view, out bool whole);
            LogLook look = _search.Find(view, LogKey.From(id), out EntryLocation location);
            bool isThere = look == LogLook.Found && location.Segment.IdAt(location.At) == id;
            whole &= isThere ? TryCopy(location, version, buffer) : look != LogLook.Broken;
            if (IsStill(version) && (whole || !IsTrimmed(view, location.Index, isThere)))
            {
                return whole ? isThere : throw memory.Damaged();
            }
        }
    }

    /// <summary>Takes a walk one entry further; false where there is no further one now.</summary>
    public bool MoveNext(LogWalk walk)
    {
        for (SpinWait spin = default; ; spin.SpinOnce())
        {
            ulong version = Begin(out LogView view, out bool whole);
            if (walk.Version != version)
            {
                (walk.IsLocated, walk.ChunkLength, walk.Version) = (false, 0, version);
            }

            LogLook look = _steps.Next(walk, view, out EntryLocation location);
            whole &= look == LogLook.Found ? TryCopy(location, version, walk.Buffer) : look != LogLook.Broken;
            if (!IsStill(version) || (!whole && IsTrimmed(view, location.Index, look == LogLook.Found)))
            {
                walk.IsLocated = false;
                continue;
            }

            return !whole ? throw memory.Damaged() : look == LogLook.Found && LogSteps.TryTake(walk, location);
        }
    }

    private bool TryCopy(in EntryLocation location, ulong version, LogBuffer buffer)
    {
        LogSegment segment = location.Segment;
        if (!segment.TryLength(location.At, location.Used, out int length)
            || (length > buffer.Capacity && memory.Version != version)) // so long that it had better be true
        {
            return false;
        }

        Span<byte> value = buffer.Resize(length);
        (buffer.Index, buffer.Id) = (location.Index, segment.IdAt(location.At));
        new ReadOnlySpan<byte>(segment.At(location.At + LogSegment.EntryHeadLength), length).CopyTo(value);
        ulong word = *(ulong*)segment.At(location.At);
        return word == segment.EntryWord(location.At, buffer.Id, value);
    }

    // A group trims only where nothing is erased. Without it: a damaged entry that one has trimmed is looked at until
    // the group ends.
    private bool IsTrimmed(in LogView view, long index, bool known) =>
        known && (!view.IsBounded || memory.Heap.Erases) && memory.Root.TryFirst(out long first) && index < first;

    private ulong Begin(out LogView view, out bool whole)
    {
        ulong version = memory.Version;
        Volatile.ReadBarrier();
        whole = LogView.TryGet(memory, out view);
        return version;
    }

    private bool IsStill(ulong version)
    {
        Volatile.ReadBarrier();
        bool still = memory.Version == version;
        memory.ThrowIfGone();
        return still;
    }
}
