using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using GuestMemFs.Typed;

namespace GuestMemFs;

/// <summary>
/// A <see cref="PersistentLog"/> of typed entries: each is appended under an id that rises, and is there after SIGKILL
/// once the append has returned.
/// </summary>
/// <remarks>
/// Thread-safe, as the log of bytes. A serializer is called outside of its lock, and may use other collections. Entries
/// are copies: a change of an object that was appended or read is a change of the object alone.
/// </remarks>
/// <typeparam name="T">
/// The entries' type; one has at most <see cref="PersistentLog.MaximumEntryLength"/> bytes.
/// </typeparam>
public sealed class PersistentLog<T> : IEnumerable<KeyValuePair<LogEntryId, T>>
{
    private readonly IPersistentSerializer<T> _serializer;

    internal PersistentLog(PersistentLog bytes, IPersistentSerializer<T> serializer)
    {
        Bytes = bytes;
        _serializer = serializer;
    }

    /// <summary>The log of bytes that this is made of: for positions, trims and groups.</summary>
    public PersistentLog Bytes { get; }

    /// <summary>The number of entries.</summary>
    public long Count => Bytes.Count;

    /// <inheritdoc cref="PersistentLog.LastId"/>
    public LogEntryId LastId => Bytes.LastId;

    /// <inheritdoc cref="PersistentLog.Append(ReadOnlySpan{byte})"/>
    public LogEntryId Append(T value)
    {
        using Scratch bytes = Scratch.Of(_serializer, value);
        return Bytes.Append(bytes.Written);
    }

    /// <inheritdoc cref="PersistentLog.Append(LogEntryId, ReadOnlySpan{byte})"/>
    public void Append(LogEntryId id, T value)
    {
        using Scratch bytes = Scratch.Of(_serializer, value);
        Bytes.Append(id, bytes.Written);
    }

    /// <inheritdoc cref="PersistentLog.TryAppend"/>
    public bool TryAppend(LogEntryId id, T value)
    {
        using Scratch bytes = Scratch.Of(_serializer, value);
        return Bytes.TryAppend(id, bytes.Written);
    }

    /// <summary>Reads an entry; false where there is none of that id.</summary>
    public bool TryGetValue(LogEntryId id, [MaybeNullWhen(false)] out T value)
    {
        using var bytes = Scratch.Rent();
        bool found = Bytes.TryGet(id, bytes.Writer);
        value = found ? _serializer.Read(bytes.Written) : default;
        return found;
    }

    /// <summary>The first entry that was not trimmed; false where there is none.</summary>
    public bool TryGetFirst(out KeyValuePair<LogEntryId, T> entry) => TryOne(Bytes.Read(), out entry);

    /// <summary>The last entry; false where there is none, or it was trimmed.</summary>
    public bool TryGetLast(out KeyValuePair<LogEntryId, T> entry) => TryOne(Bytes.ReadDescending(), out entry);

    /// <summary>All entries, in the order in which they were appended.</summary>
    public IEnumerator<KeyValuePair<LogEntryId, T>> GetEnumerator() => Each(Bytes.Read).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The entries from one id to another one, both included.</summary>
    public IEnumerable<KeyValuePair<LogEntryId, T>> Range(LogEntryId from, LogEntryId to) =>
        Each(() => Bytes.Read(from, to));

    /// <summary>The entries behind an id.</summary>
    public IEnumerable<KeyValuePair<LogEntryId, T>> After(LogEntryId id) => Each(() => Bytes.ReadAfter(id));

    /// <summary>All entries, the last one first.</summary>
    public IEnumerable<KeyValuePair<LogEntryId, T>> Descending() => Each(Bytes.ReadDescending);

    /// <summary>The entries of the same range as <see cref="Range"/>'s, the last one first.</summary>
    public IEnumerable<KeyValuePair<LogEntryId, T>> RangeDescending(LogEntryId from, LogEntryId to) =>
        Each(() => Bytes.ReadDescending(from, to));

    /// <inheritdoc cref="PersistentLog.FollowAsync"/>
    public async IAsyncEnumerable<KeyValuePair<LogEntryId, T>> FollowAsync(
        LogEntryId after, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach ((LogEntryId id, byte[] value) in Bytes.FollowAsync(after, cancellationToken)
            .ConfigureAwait(false))
        {
            yield return KeyValuePair.Create(id, _serializer.Read(value));
        }
    }

    private KeyValuePair<LogEntryId, T> Convert(LogCursor cursor) =>
        KeyValuePair.Create(cursor.Current.Id, _serializer.Read(cursor.Current.Value));

    private bool TryOne(LogCursor cursor, out KeyValuePair<LogEntryId, T> entry)
    {
        bool found = cursor.MoveNext();
        entry = found ? Convert(cursor) : default;
        return found;
    }

    // Begun anew by each enumeration, as an IEnumerable is.
    private IEnumerable<KeyValuePair<LogEntryId, T>> Each(Func<LogCursor> begin)
    {
        LogCursor cursor = begin();
        while (cursor.MoveNext())
        {
            yield return Convert(cursor);
        }
    }
}
