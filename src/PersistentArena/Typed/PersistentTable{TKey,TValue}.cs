using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using GuestMemFs.Typed;

namespace GuestMemFs;

/// <summary>
/// A typed dictionary with indexes and a feed of its changes, which <see cref="PersistentTables"/> opens: a record, its
/// entries in the indexes and the note of the change are made true by one store.
/// </summary>
/// <remarks>
/// <para>Each change is a group (<see cref="PersistentHeap.BeginAtomic"/>), or part of this thread's open one: other
/// writers of the heap wait for it. Functions that are given to a change run within it: they must not wait for
/// anything, nor change the heap.</para>
/// <para>Thread-safe, as groups are. Readers see changes as they are made; in a <see cref="PersistentSnapshot"/> the
/// records and all indexes are of one instant.</para>
/// <para>All indexes that were ever made and not dropped are to be declared, by <see cref="Index"/> or
/// <see cref="UniqueIndex"/>, before the first change of a process: a change that an index does not know of is
/// refused.</para>
/// </remarks>
/// <typeparam name="TKey">The keys' type.</typeparam>
/// <typeparam name="TValue">The values' type.</typeparam>
public sealed class PersistentTable<TKey, TValue> : IEnumerable<KeyValuePair<TKey, TValue>>
    where TKey : notnull
{
    private const int ChangesAtOnce = 256;
    private static readonly TimeSpan s_shortestPause = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromMilliseconds(50);
    private readonly TableCore<TKey, TValue> _core;

    internal PersistentTable(TableCore<TKey, TValue> core) => _core = core;

    /// <summary>Its name.</summary>
    public string Name => _core.Name;

    /// <summary>The heap that it lies in: for groups over several tables and collections.</summary>
    public PersistentHeap Heap => _core.Heap;

    /// <summary>The number of records.</summary>
    public long Count => _core.Records.Count;

    /// <summary>The names of its indexes, declared or not.</summary>
    public IReadOnlyList<string> Indexes => [.. _core.Catalog().Where(it => !it.IsDropping).Select(it => it.Name)];

    /// <summary>
    /// The feed, for reads, positions and trims; null where it keeps none. It shows what is not committed yet: see
    /// <see cref="FollowChangesAsync"/>.
    /// </summary>
    public PersistentLog<PersistentTableChange<TKey, TValue>>? Changes => _core.Changes;

    /// <summary>The records as bytes: for their upkeep.</summary>
    internal PersistentDictionary Bytes => _core.Records.Bytes;

    /// <summary>Gets or sets a value.</summary>
    /// <exception cref="KeyNotFoundException">There is none to get.</exception>
    public TValue this[TKey key]
    {
        get => _core.Records[key];
        set => Set(key, value);
    }

    /// <summary>Reads a value; false where there is none.</summary>
    public bool TryGetValue(TKey key, [MaybeNullWhen(false)] out TValue value) =>
        _core.Records.TryGetValue(key, out value);

    /// <summary>True where there is a record.</summary>
    public bool ContainsKey(TKey key) => _core.Records.ContainsKey(key);

    /// <summary>Sets a value.</summary>
    /// <exception cref="DuplicateIndexKeyException">Another record has its key in a unique index. Nothing was
    /// changed.</exception>
    /// <exception cref="PersistentIndexException">An index is not declared. Nothing was changed.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    public void Set(TKey key, TValue value) => _core.Change(key, (bool _, TValue? _, out TValue? changed) =>
    {
        changed = value;
        return TableAction.Put;
    });

    /// <summary>Adds a value where there is none; false where there is one.</summary>
    /// <inheritdoc cref="Set" path="/exception"/>
    public bool TryAdd(TKey key, TValue value) => _core.Change(key, (bool exists, TValue? _, out TValue? changed) =>
    {
        changed = value;
        return exists ? TableAction.None : TableAction.Put;
    });

    /// <summary>
    /// Adds a value, or puts what <paramref name="update"/> makes of the present one in its place; gives what is there
    /// then. The function runs once.
    /// </summary>
    /// <inheritdoc cref="Set" path="/exception"/>
    public TValue AddOrUpdate(TKey key, TValue value, Func<TKey, TValue, TValue> update)
    {
        ArgumentNullException.ThrowIfNull(update);
        TValue result = value;
        _core.Change(key, (bool exists, TValue? before, out TValue? changed) =>
        {
            changed = result = exists ? update(key, before!) : value;
            return TableAction.Put;
        });
        return result;
    }

    /// <summary>Removes a record; false where there was none.</summary>
    /// <exception cref="PersistentIndexException">An index is not declared. Nothing was changed.</exception>
    public bool Remove(TKey key) => Remove(key, out _);

    /// <summary>Removes a record and gives its value; false where there was none.</summary>
    /// <exception cref="PersistentIndexException">An index is not declared. Nothing was changed.</exception>
    public bool Remove(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        TValue? removed = default;
        bool done = _core.Change(key, (bool _, TValue? before, out TValue? changed) =>
        {
            changed = default;
            removed = before;
            return TableAction.Remove;
        });
        value = removed;
        return done;
    }

    /// <summary>
    /// Declares an index: the records by what a function gives of their values, in its order where its serializer keeps
    /// it. Made where there is none of that name; of a table with records it is to be built (<see
    /// cref="BuildIndexes"/>).
    /// </summary>
    /// <param name="name">1 to 63 bytes of UTF-8.</param>
    /// <param name="of">
    /// Gives the index key of a value; null keeps the record out of the index. It gives the same for the same value, in
    /// each process: where it changes, drop the index and make it anew.
    /// </param>
    /// <param name="serializer">How index keys lie in it; null for
    /// <see cref="PersistentSerializers.Default{T}"/>.</param>
    /// <exception cref="PersistentIndexException">It is there with another shape or as a unique one, or there are 255.
    /// </exception>
    /// <exception cref="AtomicGroupException">This thread has a group open.</exception>
    public PersistentIndex<TKey, TValue, TIndex> Index<TIndex>(
        string name, Func<TValue, TIndex?> of, IPersistentSerializer<TIndex>? serializer = null)
        where TIndex : notnull => Declare(name, isUnique: false, of, serializer);

    /// <summary>
    /// Declares an index in which a key has one record at most: a second one is refused (<see
    /// cref="DuplicateIndexKeyException"/>).
    /// </summary>
    /// <inheritdoc cref="Index"/>
    public PersistentIndex<TKey, TValue, TIndex> UniqueIndex<TIndex>(
        string name, Func<TValue, TIndex?> of, IPersistentSerializer<TIndex>? serializer = null)
        where TIndex : notnull => Declare(name, isUnique: true, of, serializer);

    /// <summary>
    /// Drops an index, declared or not; false where there is none. In groups of 256 entries: killed between two of
    /// them, it is no index any more, and <see cref="BuildIndexes"/>, a drop or the declaration of one of that name
    /// removes what is left of it.
    /// </summary>
    /// <exception cref="AtomicGroupException">This thread has a group open.</exception>
    public bool DropIndex(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return _core.Drop(name);
    }

    /// <summary>
    /// Puts the records that are there into the indexes that are not ready, and removes what drops have left, for about
    /// that long, in groups of some records: for a timer, or a loop. After a kill the next process continues there.
    /// </summary>
    /// <returns>True where there is more to do.</returns>
    /// <exception cref="DuplicateIndexKeyException">Two records have one key in a unique index: change or remove one,
    /// or drop the index.</exception>
    public bool BuildIndexes(TimeSpan limit)
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        bool more;
        do
        {
            more = _core.BuildSome();
        }
        while (more && System.Diagnostics.Stopwatch.GetElapsedTime(start) < limit);
        return more;
    }

    /// <summary>
    /// The changes behind an id, and those that come, once they are committed; ends by cancellation. For the process
    /// that writes: a process that reads follows <see cref="Changes"/> and may see changes that go back.
    /// </summary>
    /// <exception cref="InvalidOperationException">The table keeps no changes.</exception>
    /// <exception cref="ArenaReadOnlyException">The arena was opened to read.</exception>
    public async IAsyncEnumerable<KeyValuePair<LogEntryId, PersistentTableChange<TKey, TValue>>> FollowChangesAsync(
        LogEntryId after, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        PersistentLog<PersistentTableChange<TKey, TValue>> log = Changes ?? throw new InvalidOperationException(
            $"Table '{Name}' keeps no changes: open it with PersistentTableOptions.KeepsChanges.");
        TimeSpan pause = s_shortestPause;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (log.LastId <= after)
            {
                await Task.Delay(pause, cancellationToken).ConfigureAwait(false);
                pause = pause < s_longestPause ? pause * 2 : pause;
                continue;
            }

            // While nothing changes: what a group has appended and may take back is not there then.
            LogEntryId from = after;
            var some = _core.Heap.Alone(() => log.After(from).Take(ChangesAtOnce).ToArray());
            foreach (KeyValuePair<LogEntryId, PersistentTableChange<TKey, TValue>> change in some)
            {
                yield return change;
                after = change.Key;
                pause = s_shortestPause;
            }
        }
    }

    /// <summary>
    /// What does not hold between the records and the indexes that are declared and ready, a line each; none where all
    /// does. Walks all of both while nothing changes the heap.
    /// </summary>
    public IReadOnlyList<string> Verify() => _core.Verify();

    /// <summary>Walks the records, in no order, as <see cref="PersistentDictionary{TKey, TValue}"/> does.</summary>
    public IEnumerator<KeyValuePair<TKey, TValue>> GetEnumerator() => _core.Records.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private PersistentIndex<TKey, TValue, TIndex> Declare<TIndex>(
        string name, bool isUnique, Func<TValue, TIndex?> of, IPersistentSerializer<TIndex>? serializer)
        where TIndex : notnull
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(of);
        if (System.Text.Encoding.UTF8.GetByteCount(name) > IndexEntry.LongestName)
        {
            throw new ArgumentException(
                $"'{name}' has more than {IndexEntry.LongestName} bytes: an index's name has 1 to 63.", nameof(name));
        }

        TableIndex<TValue, TIndex> index = _core.Declare(
            name, isUnique, of, serializer ?? PersistentSerializers.Default<TIndex>());
        return new PersistentIndex<TKey, TValue, TIndex>(_core, index);
    }
}
