using System.Numerics;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>What a search goes by: an entry's index, or its id.</summary>
internal readonly struct LogKey
{
    private readonly LogEntryId _id;
    private readonly bool _passes;

    private LogKey(LogEntryId id, bool passes, long index)
    {
        _id = id;
        _passes = passes;
        Index = index;
    }

    /// <summary>The index; -1 where it goes by id.</summary>
    public long Index { get; }

    /// <summary>Entries before that one are below it.</summary>
    public static LogKey At(long index) => new(default, false, index);

    /// <summary>Entries with lower ids are below it.</summary>
    public static LogKey From(LogEntryId id) => new(id, false, -1);

    /// <summary>Entries with lower ids, and the one with this, are below it.</summary>
    public static LogKey After(LogEntryId id) => new(id, true, -1);

    public bool IsAbove(long index, LogEntryId id) =>
        Index >= 0 ? index < Index : id < _id || (_passes && id == _id);
}

/// <summary>Where an entry is, or the next one will be.</summary>
internal struct EntryLocation
{
    public LogSegment Segment;

    /// <summary>The index of the segment's first entry.</summary>
    public long First;

    /// <summary>As much of the segment was in use at the last look.</summary>
    public long Used;
    public int Count;

    /// <summary>The entry's number in the segment, and where it lies there.</summary>
    public int Number;
    public long At;

    public readonly long Index => First + Number;
}

/// <summary>An entry's bytes, copied.</summary>
internal sealed class LogBuffer
{
    private byte[] _bytes = [];

    public int Capacity => _bytes.Length;

    public long Index { get; set; }

    public LogEntryId Id { get; set; }

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Value => _bytes.AsSpan(0, Length);

    /// <summary>Makes room for so many bytes.</summary>
    public Span<byte> Resize(int length)
    {
        if (length > _bytes.Length)
        {
            _bytes = new byte[Math.Min((long)BitOperations.RoundUpToPowerOf2((uint)length), Array.MaxLength)];
        }

        Length = length;
        return _bytes.AsSpan(0, length);
    }
}

/// <summary>How far a cursor has come.</summary>
internal sealed class LogWalk(LogKey start, LogEntryId end, bool descends)
{
    /// <summary>Rising: the next entry is the first one not below. Falling: it is the last one below.</summary>
    public LogKey Next { get; set; } = start;

    /// <summary>The last entry's id, if there is one of that id.</summary>
    public LogEntryId End => end;

    public bool Descends => descends;

    public LogBuffer Buffer { get; } = new();

    /// <summary>The log's version at which <see cref="Location"/> and what follows it were right.</summary>
    public ulong Version { get; set; }

    public bool IsLocated { get; set; }

    /// <summary>Rising: where the next entry is.</summary>
    public EntryLocation Location;

    /// <summary>Falling: the next entry's index.</summary>
    public long Index { get; set; }

    /// <summary>Falling: where the entries lie from <see cref="ChunkStart"/> on, which has a mark.</summary>
    public long[] Chunk { get; } = descends ? new long[LogSegment.EntriesAMark] : [];

    public long ChunkStart { get; set; }

    /// <summary>How many of the chunk are known; 0 for none.</summary>
    public int ChunkLength { get; set; }
}
