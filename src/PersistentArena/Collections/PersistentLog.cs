using System.Buffers;
using System.Runtime.CompilerServices;
using GuestMemFs.Collections;

namespace GuestMemFs;

/// <summary>
/// A crash-safe log of byte strings in a <see cref="PersistentHeap"/>: entries are appended under ids that rise, read
/// by ranges of ids, and trimmed from the head. An append that has returned is there after SIGKILL; one that was in
/// flight is whole or absent. Opening takes the same time whatever it holds.
/// </summary>
/// <remarks>
/// <para>Thread-safe. Reads and cursors take no lock and never wait for a writer, in this process or in another one.
/// Writers of one log take turns.</para>
/// <para>What a group does to it is seen by the group's thread alone until the commit, but for positions: readers, here
/// and in other processes, never have an entry that goes back.</para>
/// <para>Each entry carries a checksum, which every read compares.</para>
/// <para>Trims are one store. The memory is given back by segments, of up to 1 MiB: some by each trim and by appends,
/// the rest by <see cref="CollectGarbage"/> or when room is needed. The last segment stays, and with it the last id. In
/// a heap that erases, a trim returns when all that it trimmed is zeros.</para>
/// </remarks>
public sealed class PersistentLog
{
    /// <summary>Longest entry, in bytes.</summary>
    public const int MaximumEntryLength = LogSegment.MaximumEntryLength;

    /// <summary>Longest name of a position, in bytes of UTF-8.</summary>
    public const int MaximumPositionNameLength = LogPosition.MaximumNameLength;

    private static readonly TimeSpan s_shortestPause = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromMilliseconds(16);

    private readonly LogCore _core;

    private PersistentLog(LogCore core) => _core = core;

    internal PersistentHeap Heap => _core.Heap;

    /// <summary>The number of entries.</summary>
    public long Count
    {
        get
        {
            (long first, long end) = _core.Reader.Ends();
            return end - first;
        }
    }

    /// <summary>
    /// The id of the entry that was appended last, also where it was trimmed; <see cref="LogEntryId.None"/> where there
    /// never was one.
    /// </summary>
    public LogEntryId LastId => _core.Reader.LastId();

    /// <summary>The names of the positions, the one that was added last first.</summary>
    public IReadOnlyList<string> Positions => _core.Positions.Names();

    /// <summary>
    /// Opens the log of that name (1 to 31 bytes of UTF-8) in the heap, or creates it. All openings in one heap share
    /// one log. The first one has no other writer of the heap beside it: it waits for an open group.
    /// </summary>
    /// <exception cref="HeapLayoutException">The name is taken by something else.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room for a new log.</exception>
    /// <exception cref="DictionaryOptionsException">It is open in this process already, with another <see
    /// cref="TimeProvider"/> than these options name.</exception>
    public static PersistentLog OpenOrCreate(PersistentHeap heap, string name, PersistentLogOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(heap);
        ArgumentNullException.ThrowIfNull(name);
        return new PersistentLog(LogCore.Open(heap, name, options?.TimeProvider));
    }

    /// <summary>
    /// Appends an entry, under the present time or, where the last id is not below that, the id after the last one.
    /// </summary>
    /// <returns>The entry's id.</returns>
    /// <exception cref="ArgumentException">The entry is too long.</exception>
    /// <exception cref="OverflowException">The last id is the highest there is.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    public LogEntryId Append(ReadOnlySpan<byte> value) => _core.Appender.Append(value);

    /// <summary>Appends an entry under an id of the caller's.</summary>
    /// <exception cref="ArgumentException">The id is not above the last one, or the entry is too long.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    public void Append(LogEntryId id, ReadOnlySpan<byte> value)
    {
        if (!_core.Appender.TryAppend(id, value))
        {
            throw LogErrors.NotAbove(id, LastId);
        }
    }

    /// <summary>
    /// As <see cref="Append(LogEntryId, ReadOnlySpan{byte})"/>; false where the id is not above the last one.
    /// </summary>
    /// <exception cref="ArgumentException">The entry is too long.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    public bool TryAppend(LogEntryId id, ReadOnlySpan<byte> value) => _core.Appender.TryAppend(id, value);

    /// <summary>The bytes of an entry, or null where there is none of that id.</summary>
    public byte[]? Get(LogEntryId id)
    {
        LogBuffer buffer = new();
        return _core.Reader.TryGet(id, buffer) ? buffer.Value.ToArray() : null;
    }

    /// <summary>Appends the bytes of an entry to a writer; false where there is none of that id.</summary>
    public bool TryGet(LogEntryId id, IBufferWriter<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        LogBuffer buffer = new();
        bool found = _core.Reader.TryGet(id, buffer);
        if (found)
        {
            destination.Write(buffer.Value);
        }

        return found;
    }

    /// <summary>The first entry that was not trimmed.</summary>
    public bool TryGetFirst(out KeyValuePair<LogEntryId, byte[]> entry) => TryOne(Read(), out entry);

    /// <summary>The last entry, where it was not trimmed.</summary>
    public bool TryGetLast(out KeyValuePair<LogEntryId, byte[]> entry) => TryOne(ReadDescending(), out entry);

    /// <summary>All entries, in the order in which they were appended.</summary>
    public LogCursor Read() => Read(LogEntryId.None, LogEntryId.MaxValue);

    /// <summary>
    /// The entries from one id to another one, both included, in the order in which they were appended.
    /// </summary>
    public LogCursor Read(LogEntryId from, LogEntryId to) =>
        new(_core.Reader, new LogWalk(LogKey.From(from), to, descends: false));

    /// <summary>The entries behind an id.</summary>
    public LogCursor ReadAfter(LogEntryId id) =>
        new(_core.Reader, new LogWalk(LogKey.After(id), LogEntryId.MaxValue, descends: false));

    /// <summary>All entries, the last one first.</summary>
    public LogCursor ReadDescending() => ReadDescending(LogEntryId.None, LogEntryId.MaxValue);

    /// <summary>
    /// The entries of the same range as <see cref="Read(LogEntryId, LogEntryId)"/>'s, the last one first.
    /// </summary>
    public LogCursor ReadDescending(LogEntryId from, LogEntryId to) =>
        new(_core.Reader, new LogWalk(LogKey.After(to), from, descends: true));

    /// <summary>
    /// The entries behind an id, and those that come: waits for more at the log's end, until it is cancelled.
    /// </summary>
    /// <remarks>
    /// It looks again after 1 to 16 milliseconds, in the writer's process as in others: a writer does nothing for it.
    /// </remarks>
    public async IAsyncEnumerable<KeyValuePair<LogEntryId, byte[]>> FollowAsync(
        LogEntryId after, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        LogCursor cursor = ReadAfter(after);
        TimeSpan pause = s_shortestPause;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (cursor.MoveNext())
            {
                pause = s_shortestPause;
                yield return Copy(cursor);
                continue;
            }

            await Task.Delay(pause, _core.Time, cancellationToken).ConfigureAwait(false);
            pause = Longer(pause);
        }
    }

    /// <summary>Waits until there is an entry behind an id, in the way of <see cref="FollowAsync"/>.</summary>
    public async Task WaitAsync(LogEntryId after, CancellationToken cancellationToken = default)
    {
        for (TimeSpan pause = s_shortestPause; LastId <= after; pause = Longer(pause))
        {
            await Task.Delay(pause, _core.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Trims all entries with ids below one; returns how many.</summary>
    /// <exception cref="AtomicGroupException">In an atomic group of a heap that erases.</exception>
    public long TrimBefore(LogEntryId id) => _core.Trims.Trim(LogKey.From(id));

    /// <summary>Trims all entries whose ids are of an earlier time; returns how many.</summary>
    /// <exception cref="AtomicGroupException">In an atomic group of a heap that erases.</exception>
    public long TrimBefore(DateTimeOffset time) => TrimBefore(LogEntryId.At(time));

    /// <summary>Trims all but the last <paramref name="count"/> entries; returns how many.</summary>
    /// <exception cref="AtomicGroupException">In an atomic group of a heap that erases.</exception>
    public long TrimToCount(long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        return _core.Trims.TrimToCount(count);
    }

    /// <summary>Trims all entries. Ids go on rising, and positions stay.</summary>
    /// <exception cref="AtomicGroupException">In an atomic group of a heap that erases.</exception>
    public void Clear() => _core.Trims.TrimToCount(0);

    /// <summary>Gives up to so many trimmed segments back; true where there are more. For a timer.</summary>
    public bool CollectGarbage(int segments)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(segments);
        return _core.Trims.CollectGarbage(segments);
    }

    /// <summary>Sets a named position, or adds it: what a consumer has done with.</summary>
    /// <exception cref="ArgumentException">The name has no bytes, or more than 63.</exception>
    /// <exception cref="ArenaOutOfSpaceException">It is new, and there is no room; nothing was changed.</exception>
    public void SetPosition(string name, LogEntryId id)
    {
        ArgumentNullException.ThrowIfNull(name);
        _core.PositionChanges.Set(LogPosition.Bytes(name), id);
    }

    /// <summary>Reads a named position; false where there is none of that name.</summary>
    public bool TryGetPosition(string name, out LogEntryId id)
    {
        ArgumentNullException.ThrowIfNull(name);
        return _core.Positions.TryGet(LogPosition.Bytes(name), out id);
    }

    /// <summary>Removes a named position; false where there is none of that name.</summary>
    public bool RemovePosition(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return _core.PositionChanges.Remove(LogPosition.Bytes(name));
    }

    /// <summary>
    /// Starts a group of changes of the log's heap: <see cref="PersistentHeap.BeginAtomic"/>, which may be of several
    /// collections.
    /// </summary>
    /// <param name="changes">How many changes its log has room for from the start.</param>
    /// <exception cref="ArenaOutOfSpaceException">There is no room for the log. No group was started.</exception>
    /// <exception cref="AtomicGroupException">This thread has one open already.</exception>
    public AtomicGroup BeginAtomic(int changes = 0) => _core.Heap.BeginAtomic(changes);

    private static TimeSpan Longer(TimeSpan pause) => pause < s_longestPause ? 2 * pause : pause;

    private static bool TryOne(LogCursor cursor, out KeyValuePair<LogEntryId, byte[]> entry)
    {
        bool found = cursor.MoveNext();
        entry = found ? Copy(cursor) : default;
        return found;
    }

    private static KeyValuePair<LogEntryId, byte[]> Copy(LogCursor cursor) =>
        new(cursor.Current.Id, cursor.Current.Value.ToArray());
}

/// <summary>Options of a log.</summary>
public sealed class PersistentLogOptions
{
    /// <summary>Where the time in ids comes from.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;
}
