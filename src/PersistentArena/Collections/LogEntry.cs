using GuestMemFs.Collections;

namespace GuestMemFs;

/// <summary>An entry that a <see cref="LogCursor"/> is at: a copy, good until the cursor moves.</summary>
public readonly ref struct LogEntry
{
    private readonly LogBuffer _buffer;

    internal LogEntry(LogBuffer buffer) => _buffer = buffer;

    /// <summary>The entry's id.</summary>
    public LogEntryId Id => _buffer.Id;

    /// <summary>The entry's number: how many were appended before it in the log's whole life.</summary>
    public long Index => _buffer.Index;

    /// <summary>The entry's bytes.</summary>
    public ReadOnlySpan<byte> Value => _buffer.Value;
}
