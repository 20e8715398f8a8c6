using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// What a reader sees of a log: all of it or, where another thread's group has changed it and is not committed, what
/// was there before the group. That is what the group's first note says, to which a word of the root leads.
/// </summary>
/// <remarks>
/// The word is published, and the log's version raised, before the group's first change. So a reader that finds no
/// group sees by the version that one has begun since; and one that finds a group has a view that stays true: what was
/// there is given up only after the group, and then the version rises. The commit frees the first note last.
/// </remarks>
internal readonly unsafe struct LogView
{
    private LogView(long first, EntryLocation last)
    {
        IsBounded = true;
        First = first;
        Last = last;
    }

    /// <summary>True where it is not all of the log.</summary>
    public bool IsBounded { get; }

    /// <summary>Where it is bounded: the index of the first entry.</summary>
    public long First { get; }

    /// <summary>Where it is bounded: the last segment as it was; no segment where there was no entry.</summary>
    public EntryLocation Last { get; }

    /// <summary>The index behind the last entry.</summary>
    public long End => IsBounded ? Last.First + Last.Count : long.MaxValue;

    /// <summary>What the calling thread sees now; false for what does not check.</summary>
    public static bool TryGet(LogMemory memory, out LogView view)
    {
        view = default;
        return memory.Root.TryGroup(out long note)
            && (note == 0 || TryGetBounded(memory, new LogNote(memory.At(0), note), ref view));
    }

    // A block that is no note any more, or another log's, is of a group that has ended.
    private static bool TryGetBounded(LogMemory memory, LogNote note, ref LogView view)
    {
        if (!memory.TryBlock(note.Offset, BlockHeader.TypeLogNote, out _)
            || !note.TryEnds(memory.Root.Offset, out LogEnds ends)
            || memory.Heap.HasGroup)
        {
            return true;
        }

        EntryLocation last = new() { Used = ends.Used, Count = ends.Count };
        if (ends.Segment != 0
            && !(memory.TrySegment(ends.Segment, out last.Segment) && last.Segment.TryFirst(out last.First)))
        {
            return false;
        }

        view = new LogView(ends.First, last);
        return true;
    }
}
