using GuestMemFs.Heap;

namespace GuestMemFs.Typed;

/// <summary>
/// A table's collections, and the one way in which they change: a record, its entries in the indexes, and the note of
/// the change, in one group.
/// </summary>
/// <remarks>
/// <para>Invariants, outside of a group:</para>
/// <list type="number">
/// <item>A record has one entry in each index that is ready and for which it has a key, and none other.</item>
/// <item>In an index that is being built, a record that the walk has passed or that changed since has its entry.</item>
/// <item>A change is made only while all indexes of the catalog are declared in this process, or being dropped.</item>
/// <item>What this process knows of an index is what the catalog says, whenever a writer can come.</item>
/// </list>
/// </remarks>
internal sealed class TableCore<TKey, TValue>
    where TKey : notnull
{
    private const int BucketsAtOnce = 16;
    private const int ChangesAtOnce = 8;
    private const int EntriesAtOnce = 256;
    private readonly PersistentSortedMap _map;
    private readonly IndexMap _indexes;
    private readonly PersistentLog<PersistentTableChange<TKey, TValue>>? _changes;
    private readonly IPersistentSerializer<TKey> _keys;

    private bool _isChanging; // as above
    private DeclaredIndexes<TValue> _declared; // replaced, and only by the thread that has the heap for itself

    public TableCore(PersistentHeap heap, string name, PersistentDictionary<TKey, TValue> records,
        PersistentSortedMap map, PersistentLog<PersistentTableChange<TKey, TValue>>? changes,
        IPersistentSerializer<TKey> keys)
    {
        Heap = heap;
        Name = name;
        Records = records;
        _map = map;
        _indexes = new IndexMap(map);
        _changes = changes;
        _keys = keys;
        IndexEntry[] all = [.. Catalog()];
        _declared = new DeclaredIndexes<TValue>(
            [],
            [.. all.Where(it => !it.IsDropping).Select(it => it.Name)],
            [.. all.Where(it => it.IsDropping).Select(it => it.Name)]);
    }

    public PersistentHeap Heap { get; }

    public string Name { get; }

    public PersistentDictionary<TKey, TValue> Records { get; }

    public PersistentSortedMap Map => _map;

    public IPersistentSerializer<TKey> Keys => _keys;

    public PersistentLog<PersistentTableChange<TKey, TValue>>? Changes => _changes;

    /// <summary>The indexes that the heap knows of.</summary>
    public IEnumerable<IndexEntry> Catalog() => _indexes.Catalog();

    /// <summary>Does with a record what is decided when it is read.</summary>
    /// <param name="key">The record's key.</param>
    /// <param name="decide">What to do of what is there: a value, or nothing to do.</param>
    /// <returns>True where something was done.</returns>
    public bool Change(TKey key, Decision decide)
    {
        RequireDeclared();
        using JoinedGroup group = Heap.BeginOrJoin(ChangesAtOnce);
        TableAction action;
        bool exists;
        using (new Callbacks(this))
        {
            exists = Apply(key, decide, out action);
        }

        group.Commit();
        return action == TableAction.Put || (action == TableAction.Remove && exists);
    }

    private bool Apply(TKey key, Decision decide, out TableAction action)
    {
        bool exists = Records.TryGetValue(key, out TValue? before);
        action = decide(exists, before, out TValue? value);
        if (action == TableAction.Put)
        {
            MoveEntries(key, exists ? [before!] : [], [value!]);
            Records.Set(key, value!);
            _changes?.Append(new PersistentTableChange<TKey, TValue>(PersistentTableChangeKind.Set, key, value));
        }
        else if (action == TableAction.Remove && exists)
        {
            MoveEntries(key, [before!], []);
            Records.Remove(key);
            _changes?.Append(new PersistentTableChange<TKey, TValue>(PersistentTableChangeKind.Removed, key, default));
        }

        return exists;
    }

    public delegate TableAction Decision(bool exists, TValue? before, out TValue? value);

    /// <summary>Declares an index; makes it where the catalog has none of that name.</summary>
    public TableIndex<TValue, TIndex> Declare<TIndex>(
        string name, bool isUnique, Func<TValue, TIndex?> of, IPersistentSerializer<TIndex> serializer)
    {
        if (!Heap.Space.IsWritable)
        {
            TableIndex<TValue, TIndex> there = Declare(name, isUnique, of, serializer, mayMake: false);
            _declared = _declared.With(there);
            return there;
        }

        while (true)
        {
            using (AtomicGroup group = Heap.BeginAtomic())
            {
                if (!_declared.Dropping.Contains(name))
                {
                    TableIndex<TValue, TIndex> made = Declare(name, isUnique, of, serializer, mayMake: true);
                    Commit(group, _declared.With(made));
                    return made;
                }
            }

            FinishDrop(name);
        }
    }

    /// <summary>True where all records are in an index.</summary>
    /// <remarks>A reader asks the catalog each time: another process builds, drops and makes anew.</remarks>
    public bool IsReady(TableIndex<TValue> index)
    {
        IndexEntry known = index.Entry;
        return Heap.Space.IsWritable ? known.IsReady
            : _map.Get(known.Key) is { } value && IndexEntry.Read(known.Key, value) is var now
                && now.Number == known.Number && now.IsReady;
    }

    /// <summary>Removes an index's entries and the index, so many entries a group.</summary>
    public bool Drop(string name)
    {
        bool found = DropSome(it => it.Name == name, out bool more);
        if (more)
        {
            FinishDrop(name);
        }

        return found;
    }

    private void FinishDrop(string name)
    {
        while (DropSome(it => it.Name == name && it.IsDropping, out bool more) && more)
        {
            // One group after the other: a change in between is not kept by this index any more.
        }
    }

    /// <summary>Removes so many entries of an index; with the last of them the index. False where it is not
    /// there.</summary>
    public bool DropSome(Func<IndexEntry, bool> which, out bool more)
    {
        more = false;
        using AtomicGroup group = Heap.BeginAtomic();
        if (Catalog().FirstOrDefault(which) is not { } entry)
        {
            return false;
        }

        byte[][] some = [.. _indexes.EntriesOf(entry).Take(EntriesAtOnce)];
        Array.ForEach(some, key => _map.Remove(key));
        more = some.Length == EntriesAtOnce;
        if (more)
        {
            // Entries that are left are not kept: built on from here they would lead to what is not there.
            _indexes.Note(entry with { IsReady = false, IsDropping = true, Cursor = 0 });
        }
        else
        {
            _indexes.Forget(entry);
        }

        Commit(group, _declared.Without(entry.Name, isGone: !more));
        return true;
    }

    /// <summary>
    /// Walks on for an index that is being built: one page of the records, in one group. Or removes some of what a drop
    /// has left.
    /// </summary>
    /// <returns>True where there is more to do.</returns>
    public bool BuildSome()
    {
        if (_declared.Dropping is [string left, ..])
        {
            DropSome(it => it.Name == left && it.IsDropping, out _);
            return true;
        }

        if (_declared.Indexes.FirstOrDefault(it => !it.Entry.IsReady) is not { } index)
        {
            return false;
        }

        using AtomicGroup group = Heap.BeginAtomic();
        if (!_declared.Indexes.Contains(index) || index.Entry.IsReady)
        {
            return true; // another thread was faster
        }

        ulong cursor;
        using (new Callbacks(this))
        {
            cursor = Walk(index);
        }

        IndexEntry next = index.Entry with { Cursor = cursor, IsReady = cursor == 0 };
        _indexes.Note(next);
        Commit(group, index.State, next);
        return _declared.Indexes.Any(it => !it.Entry.IsReady);
    }

    /// <summary>What does not hold between the records and the indexes that are declared and ready.</summary>
    public IReadOnlyList<string> Verify() => Heap.Alone<IReadOnlyList<string>>(() =>
    {
        TableIndex<TValue>[] ready = [.. _declared.Indexes.Where(it => it.Entry.IsReady)];
        HashSet<string>[] expected = [.. ready.Select(_ => new HashSet<string>())];
        foreach ((TKey key, TValue value) in Records)
        {
            using Scratch record = Scratch.Of(_keys, key);
            for (int i = 0; i < ready.Length; i++)
            {
                if (ready[i].KeyOf(value) is { } indexKey)
                {
                    expected[i].Add(Convert.ToHexString(IndexKeys.Of(ready[i].Entry, indexKey, record.Written)));
                }
            }
        }

        return [.. ready.SelectMany((index, i) => _indexes.Compare(index.Entry, expected[i]))];
    });

    private ulong Walk(TableIndex<TValue> index)
    {
        List<(byte[] Key, byte[] Value)> page = [];
        CollectInto visitor = new(page);
        ulong cursor = Records.Bytes.Scan(index.Entry.Cursor, BucketsAtOnce, ref visitor);
        foreach ((byte[] key, _) in page)
        {
            TKey record = _keys.Read(key);
            if (Records.TryGetValue(record, out TValue? value) && index.KeyOf(value) is { } indexKey)
            {
                Add(index.Entry, indexKey, key, record);
            }
        }

        return cursor;
    }

    /// <summary>Throws where an index is not declared: a change would leave it behind.</summary>
    private void RequireDeclared()
    {
        if (_declared.Missing is [string first, ..])
        {
            throw PersistentIndexException.NotDeclared(Name, first);
        }
    }

    // Before the commit, as below: another thread's build that came between would walk from where this one began, and
    // take back that the index is ready.
    private static void Commit(AtomicGroup group, IndexState state, IndexEntry next)
    {
        IndexEntry before = state.Entry;
        state.Entry = next;
        try
        {
            group.Commit();
        }
        catch
        {
            state.Entry = before;
            throw;
        }
    }

    /// <summary>Other writers must not come between the commit and what this process knows of it.</summary>
    private void Commit(AtomicGroup group, DeclaredIndexes<TValue> declared)
    {
        DeclaredIndexes<TValue> before = _declared;
        _declared = declared;
        try
        {
            group.Commit();
        }
        catch
        {
            _declared = before;
            throw;
        }
    }

    private TableIndex<TValue, TIndex> Declare<TIndex>(string name, bool isUnique, Func<TValue, TIndex?> of,
        IPersistentSerializer<TIndex> serializer, bool mayMake)
    {
        if (Catalog().FirstOrDefault(it => it.Name == name && !it.IsDropping) is { } there)
        {
            IndexState state = _declared.Indexes.FirstOrDefault(it => it.Entry.Number == there.Number)?.State
                ?? new IndexState(there);
            return there.Shape == serializer.Shape && there.IsUnique == isUnique
                ? new TableIndex<TValue, TIndex>(state, of, serializer)
                : throw PersistentIndexException.OtherShape(Name, there, serializer.Shape, isUnique);
        }

        if (!mayMake)
        {
            throw ArenaReadOnlyException.OfRegion(Heap.Space.Name, $"making index '{name}' of table '{Name}'");
        }

        byte number = _indexes.FreeNumber() ?? throw PersistentIndexException.TooMany(Name, name, byte.MaxValue);
        IndexEntry entry = new(name, number, isUnique, IsReady: Records.Count == 0, 0, serializer.Shape);
        _indexes.Note(entry);
        return new TableIndex<TValue, TIndex>(new IndexState(entry), of, serializer);
    }

    private void MoveEntries(TKey key, ReadOnlySpan<TValue> before, ReadOnlySpan<TValue> after)
    {
        TableIndex<TValue>[] indexes = _declared.Indexes;
        if (indexes.Length == 0)
        {
            return;
        }

        using Scratch scratch = Scratch.Of(_keys, key);
        byte[] record = scratch.Written.ToArray();
        foreach (TableIndex<TValue> index in indexes)
        {
            byte[]? old = before.IsEmpty ? null : index.KeyOf(before[0]);
            byte[]? now = after.IsEmpty ? null : index.KeyOf(after[0]);
            if (old is not null && now is not null && old.AsSpan().SequenceEqual(now))
            {
                now = index.Entry.IsReady ? null : now; // the build may not have come to it
                old = null;
            }

            if (old is not null)
            {
                _indexes.Remove(index.Entry, old, record);
            }

            if (now is not null)
            {
                Add(index.Entry, now, record, key);
            }
        }
    }

    private void Add(IndexEntry index, byte[] indexKey, byte[] record, TKey key)
    {
        byte[] entry = IndexKeys.Of(index, indexKey, record);
        if (!index.IsUnique)
        {
            _map.Set(entry, default);
        }
        else if (_map.Get(entry) is not { } there)
        {
            _map.Set(entry, record);
        }
        else if (!there.AsSpan().SequenceEqual(record))
        {
            throw new DuplicateIndexKeyException(Name, index.Name, $"{key}", $"{_keys.Read(there)}");
        }
    }

    /// <summary>
    /// While the application's functions run: a change of the table by one of them would be made between the look at a
    /// record and what comes of it.
    /// </summary>
    private readonly ref struct Callbacks
    {
        private readonly TableCore<TKey, TValue> _table;

        public Callbacks(TableCore<TKey, TValue> table)
        {
            if (table._isChanging) // by this thread, for it has the heap for itself
            {
                throw new ReentrantCallException(table.Heap.Space.Name);
            }

            table._isChanging = true;
            _table = table;
        }

        public void Dispose() => _table._isChanging = false;
    }
}
