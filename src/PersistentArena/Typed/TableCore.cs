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
/// <item>A change is made only while all indexes of the catalog are declared in this process.</item>
/// </list>
/// </remarks>
internal sealed class TableCore<TKey, TValue>
    where TKey : notnull
{
    private const int BucketsAtOnce = 16;
    private const int ChangesAtOnce = 8;
    private const int EntriesAtOnce = 256;
    private readonly PersistentSortedMap _map;
    private readonly PersistentLog<PersistentTableChange<TKey, TValue>>? _changes;
    private readonly IPersistentSerializer<TKey> _keys;

    private bool _isChanging; // as above
    private Declared _declared; // replaced, and only by the thread that has the heap for itself

    public TableCore(PersistentHeap heap, string name, PersistentDictionary<TKey, TValue> records,
        PersistentSortedMap map, PersistentLog<PersistentTableChange<TKey, TValue>>? changes,
        IPersistentSerializer<TKey> keys)
    {
        Heap = heap;
        Name = name;
        Records = records;
        _map = map;
        _changes = changes;
        _keys = keys;
        _declared = new Declared([], [.. Catalog().Select(it => it.Name)], []);
    }

    public PersistentHeap Heap { get; }

    public string Name { get; }

    public PersistentDictionary<TKey, TValue> Records { get; }

    public PersistentSortedMap Map => _map;

    public IPersistentSerializer<TKey> Keys => _keys;

    public PersistentLog<PersistentTableChange<TKey, TValue>>? Changes => _changes;

    /// <summary>The indexes that the heap knows of.</summary>
    public IEnumerable<IndexEntry> Catalog()
    {
        SortedMapCursor cursor = _map.Scan([IndexEntry.CatalogPrefix], [IndexEntry.CatalogPrefix + 1]);
        while (cursor.MoveNext())
        {
            yield return IndexEntry.Read(cursor.Current.Key, cursor.Current.Value);
        }
    }

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

        using AtomicGroup group = Heap.BeginAtomic();
        TableIndex<TValue, TIndex> made = Declare(name, isUnique, of, serializer, mayMake: true);
        Commit(group, _declared.With(made));
        return made;
    }

    /// <summary>Removes an index's entries and the index, so many entries a group.</summary>
    public bool Drop(string name)
    {
        bool found = false;
        for (bool more = true; more;)
        {
            using AtomicGroup group = Heap.BeginAtomic();
            if (Catalog().FirstOrDefault(it => it.Name == name) is not { } entry)
            {
                break;
            }

            found = true;
            Note(entry with { IsReady = false, Cursor = 0 }); // killed from here on, it is built anew or dropped
            byte[][] some = [.. EntriesOf(entry).Take(EntriesAtOnce)];
            Array.ForEach(some, key => _map.Remove(key));
            more = some.Length > 0;
            if (!more)
            {
                _map.Remove(entry.Key);
            }

            Commit(group, _declared.Without(name, isGone: !more));
        }

        return found;
    }

    /// <summary>Walks on for an index that is being built: one page of the records, in one group.</summary>
    /// <returns>True where there is more to do.</returns>
    public bool BuildSome()
    {
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
        Note(next);
        group.Commit();
        index.Entry = next; // a change that comes in between takes it as not ready, which is right too
        return _declared.Indexes.Any(it => !it.Entry.IsReady);
    }

    /// <summary>What does not hold between the records and the indexes that are declared and ready.</summary>
    public IReadOnlyList<string> Verify() => Heap.Alone(() =>
    {
        List<string> problems = [];
        foreach (TableIndex<TValue> index in _declared.Indexes.Where(it => it.Entry.IsReady))
        {
            HashSet<string> expected = [];
            foreach ((TKey key, TValue value) in Records)
            {
                if (index.KeyOf(value) is { } indexKey)
                {
                    using Scratch record = Scratch.Of(_keys, key);
                    expected.Add(Convert.ToHexString(IndexKeys.Of(index.Entry, indexKey, record.Written)));
                }
            }

            foreach (string entry in EntriesOf(index.Entry).Select(Convert.ToHexString))
            {
                if (!expected.Remove(entry))
                {
                    problems.Add($"index '{index.Entry.Name}' has entry {entry} of no record");
                }
            }

            problems.AddRange(expected.Select(it => $"index '{index.Entry.Name}' lacks entry {it}"));
        }

        return (IReadOnlyList<string>)problems;
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

    /// <summary>Other writers must not come between the commit and what this process knows of it.</summary>
    private void Commit(AtomicGroup group, Declared declared)
    {
        Declared before = _declared;
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
        IndexEntry[] all = [.. Catalog()];
        if (_declared.Dropping.Contains(name))
        {
            throw PersistentIndexException.BeingDropped(Name, name);
        }

        if (all.FirstOrDefault(it => it.Name == name) is { } there)
        {
            return there.Shape == serializer.Shape && there.IsUnique == isUnique
                ? new TableIndex<TValue, TIndex>(there, of, serializer)
                : throw PersistentIndexException.OtherShape(Name, there, serializer.Shape, isUnique);
        }

        if (!mayMake)
        {
            throw ArenaReadOnlyException.OfRegion(Heap.Space.Name, $"making index '{name}' of table '{Name}'");
        }

        // One that was dropped is not used again at once: somebody may still hold it.
        int last = all.Select(it => (int)it.Number).DefaultIfEmpty().Max();
        int number = last < byte.MaxValue ? last + 1
            : Enumerable.Range(1, byte.MaxValue).FirstOrDefault(n => all.All(it => it.Number != n));
        if (number == 0)
        {
            throw PersistentIndexException.TooMany(Name, name, byte.MaxValue);
        }

        IndexEntry entry = new(name, (byte)number, isUnique, IsReady: Records.Count == 0, 0, serializer.Shape);
        Note(entry);
        return new TableIndex<TValue, TIndex>(entry, of, serializer);
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

            if (old is not null && IsOwn(index.Entry, old, record))
            {
                _map.Remove(IndexKeys.Of(index.Entry, old, record));
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

    // While a unique index is built, what another record has is not this one's.
    private bool IsOwn(IndexEntry index, byte[] indexKey, byte[] record) => !index.IsUnique
        || _map.Get(IndexKeys.Of(index, indexKey, record)).AsSpan().SequenceEqual(record);

    private IEnumerable<byte[]> EntriesOf(IndexEntry index)
    {
        SortedMapCursor cursor = _map.Scan(IndexKeys.First(index.Number), IndexKeys.Behind(index.Number));
        while (cursor.MoveNext())
        {
            yield return cursor.Current.Key.ToArray();
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

    /// <summary>What this process knows of the table's indexes.</summary>
    /// <param name="Indexes">Those that are declared.</param>
    /// <param name="Missing">Those that are there and are not.</param>
    /// <param name="Dropping">Those whose entries are being removed.</param>
    private sealed record Declared(TableIndex<TValue>[] Indexes, string[] Missing, string[] Dropping)
    {
        public Declared With(TableIndex<TValue> index) => this with
        {
            Indexes = [.. Indexes.Where(it => it.Entry.Name != index.Entry.Name), index],
            Missing = [.. Missing.Where(it => it != index.Entry.Name)],
        };

        public Declared Without(string name, bool isGone) => new(
            [.. Indexes.Where(it => it.Entry.Name != name)],
            [.. Missing.Where(it => it != name)],
            [.. Dropping.Where(it => it != name), .. isGone ? Array.Empty<string>() : [name]]);
    }

    private void Note(IndexEntry entry) => _map.Set(entry.Key, entry.Value);
}

/// <summary>What to do with a record.</summary>
internal enum TableAction
{
    None,
    Put,
    Remove,
}
