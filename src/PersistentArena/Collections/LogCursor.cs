using GuestMemFs.Collections;

namespace GuestMemFs;

/// <summary>
/// Goes through a range of a <see cref="PersistentLog"/>, in one direction, without keeping anybody waiting.
/// </summary>
/// <remarks>
/// It goes on beside appends and trims, of this thread too: what is trimmed before it gets there is left out. At the
/// log's end <see cref="MoveNext"/> says false, and goes on when it is called again after an append. It copies each
/// entry into memory of its own, which it allocates where an entry is longer than those before. For one thread at a
/// time.
/// </remarks>
public sealed class LogCursor
{
    private readonly LogReader _reader;
    private readonly LogWalk _walk;
    private bool _isAtEntry;

    internal LogCursor(LogReader reader, LogWalk walk)
    {
        _reader = reader;
        _walk = walk;
    }

    /// <summary>The entry that the cursor is at.</summary>
    /// <exception cref="InvalidOperationException">It is at none: <see cref="MoveNext"/> was not called, or said
    /// false.</exception>
    public LogEntry Current => _isAtEntry
        ? new LogEntry(_walk.Buffer)
        : throw new InvalidOperationException(
            "The cursor is at no entry. Call MoveNext, and use Current where it returned true.");

    /// <summary>The cursor itself, for <c>foreach</c>.</summary>
    public LogCursor GetEnumerator() => this;

    /// <summary>Goes to the next entry; false where there is none (yet).</summary>
    /// <exception cref="HeapDamagedException">The log is damaged here.</exception>
    public bool MoveNext() => _isAtEntry = _reader.MoveNext(_walk);
}
