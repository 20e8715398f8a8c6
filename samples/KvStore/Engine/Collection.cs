using GuestMemFs;

namespace KvStore.Engine;

/// <summary>
/// A hash, set, list, sorted set or stream that one command works on. A small one is its record's value, and is read,
/// changed outside the arena and put back with one store. A large one is entries of a sorted map that the record names.
/// </summary>
/// <remarks>
/// <para>Open it, change it, then <see cref="Commit"/>: that is what makes the changes of a small one, and a
/// collection that is new, true. Several changes of a large one are in an atomic group, which the caller opens.</para>
/// <para>Under the engine's gate. Bytes that it hands out are good until the next call.</para>
/// </remarks>
internal abstract class Collection(Keyspace keyspace, RecordType type)
{
    /// <summary>Longest element that is looked up by its bytes: beside them a number and a score find room.</summary>
    public const int LongestElement = 65_500;

    private byte[] _key = [];
    private byte[] _value = new byte[256];
    private long _replaced;
    private bool _isNew;
    private bool _isDropped;
    private bool _existed;

    /// <summary>True where the key has one, or will have.</summary>
    public virtual bool Exists => Count > 0;

    /// <summary>True where it is not its record's value.</summary>
    public bool IsLarge => Id != 0;

    /// <summary>True where something changed since it was opened.</summary>
    public bool IsChanged { get; protected set; }

    /// <summary>When the key expires.</summary>
    public long ExpiresAt { get; set; }

    /// <summary>The number of its elements.</summary>
    public long Count =>
        _isDropped ? 0 : IsLarge ? Section.Count - CountUnseen() : Packed.Count / PiecesPerElement;

    protected abstract int PiecesPerElement { get; }

    protected PackedPieces Packed { get; } = new();

    /// <summary>The large form's number; 0 where it is small.</summary>
    protected long Id { get; private set; }

    /// <summary>The large form's entries.</summary>
    protected PersistentSortedMapSection Section { get; private set; } = null!;

    protected ReadOnlySpan<byte> Key => _key;

    protected Keyspace Keyspace => keyspace;

    private NestedCollections Nested => keyspace.Nested!;

    /// <summary>Reads what a key has; false where it is of another type.</summary>
    public bool TryOpen(ReadOnlySpan<byte> key)
    {
        Reset(key);
        Reader reader = new(this);
        _existed = keyspace.Keys.TryRead(key, ref reader);
        if (_existed && reader.Type != type)
        {
            return false;
        }

        if (Id != 0)
        {
            Use(Id);
        }

        Opened();
        return true;
    }

    /// <summary>Begins an empty one, which takes the place of whatever the key has.</summary>
    public void OpenNew(ReadOnlySpan<byte> key)
    {
        Reset(key);
        FactsReader facts = default;
        _existed = keyspace.Keys.TryRead(key, ref facts);
        _replaced = facts.Id;
        IsChanged = _existed;
    }

    /// <summary>Makes the changes true. False where the key was there and is not any more, or never was.</summary>
    public virtual bool Commit()
    {
        if (!IsChanged)
        {
            return _existed;
        }

        bool stays = Exists;
        BeforeCommit(stays);
        CommitRecord(stays);
        AfterCommit();
        return stays;
    }

    /// <summary>Removes all elements.</summary>
    public void RemoveAll()
    {
        IsChanged |= Exists;
        _isDropped = IsLarge;
        Packed.Clear();
    }

    /// <summary>How many stores so many changes of elements of a large one are.</summary>
    public virtual int StoresOf(int changes) => changes;

    /// <summary>A key's is about to be opened: nothing is known of it.</summary>
    protected virtual void Began()
    {
    }

    /// <summary>What a key has was read.</summary>
    protected virtual void Opened()
    {
    }

    /// <summary>The changes are about to be made true; with none left, the record goes.</summary>
    protected virtual void BeforeCommit(bool stays)
    {
    }

    /// <summary>The changes are true.</summary>
    protected virtual void AfterCommit()
    {
    }

    /// <summary>Elements of the large form that count no more, and lie there yet.</summary>
    protected virtual long CountUnseen() => 0;

    /// <summary>Nothing of what the key has counts any more: an empty one takes its place.</summary>
    protected void BeginAnew()
    {
        _replaced = Id;
        Id = 0;
        ExpiresAt = RecordView.NoExpiry;
        Packed.Clear();
    }

    /// <summary>The other order of a large one.</summary>
    protected PersistentSortedMapSection OtherSection() => Nested.Section(Id, 2);

    /// <summary>Puts all elements of the small form into the large one.</summary>
    protected abstract void FillLarge();

    /// <summary>A small one becomes a large one.</summary>
    protected void Grow()
    {
        long id = keyspace.OpenNested().Begin(_key);
        _isNew = true;
        Use(id);
        FillLarge();
        Packed.Clear();
    }

    /// <summary>
    /// True where an element that is about to be removed is the last one: the collection goes then, with one store of
    /// the dictionary, and not the element.
    /// </summary>
    protected bool TryDropWithLast()
    {
        IsChanged = true;
        _isDropped = _isDropped || (IsLarge && !_isNew && Count == 1);
        return _isDropped;
    }

    /// <summary>An element is about to come into what would be dropped.</summary>
    protected virtual void KeepAfterAll()
    {
        if (_isDropped)
        {
            Section.RemoveFirst(int.MaxValue);
            _isDropped = false;
        }
    }

    /// <summary>The value of an entry of a section; false where there is none.</summary>
    protected bool TryReadEntry(
        PersistentSortedMapSection section, ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value) =>
        TryReadEntry(section, key, out value, out _);

    /// <summary>The same, and the type that it was put with.</summary>
    protected bool TryReadEntry(
        PersistentSortedMapSection section, ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value, out RecordType kind)
    {
        ValueReader reader = new(this);
        bool found = !_isDropped && section.TryRead(key, ref reader);
        value = found ? _value.AsSpan(0, reader.Length) : default;
        kind = reader.Type;
        return found;
    }

    private void CommitRecord(bool stays)
    {
        if (stays && IsLarge && !_isNew)
        {
            return; // its entries are what changed
        }

        if (_replaced != 0 || (!stays && IsLarge))
        {
            Nested.BeforeDrop(_replaced != 0 ? _replaced : Id);
        }

        if (!stays)
        {
            var remove = default(Removal);
            keyspace.Keys.Mutate(_key, ref remove);
            return;
        }

        if (IsLarge && ExpiresAt != RecordView.NoExpiry)
        {
            Nested.BeforeExpiry(Id, WallClock.At(ExpiresAt));
        }

        Store store = new(this);
        keyspace.Keys.Mutate(_key, ref store);
        if (IsLarge)
        {
            Nested.Complete(Id);
            _isNew = false;
        }
    }

    private void Use(long id)
    {
        Id = id;
        Section = keyspace.OpenNested().Section(id);
    }

    private void Reset(ReadOnlySpan<byte> key)
    {
        _key = key.ToArray();
        Packed.Clear();
        Id = _replaced = 0;
        ExpiresAt = RecordView.NoExpiry;
        IsChanged = _isNew = _isDropped = _existed = false;
        Began();
    }

    private ReadOnlySpan<byte> LoadValue(ReadOnlySpan<byte> value)
    {
        if (value.Length > _value.Length)
        {
            _value = new byte[Math.Max(value.Length, 2 * _value.Length)];
        }

        value.CopyTo(_value);
        return _value.AsSpan(0, value.Length);
    }

    private struct Reader(Collection collection) : IRecordReader
    {
        public RecordType Type { get; private set; }

        public void Read(in RecordView record)
        {
            Type = record.Type;
            collection.ExpiresAt = record.ExpiresAt;
            if (NestedCollections.TryGetReference(record, out long id))
            {
                collection.Id = id;
            }
            else if (record.Type != RecordType.String)
            {
                collection.Packed.Load(record.Value);
            }
        }
    }

    private struct ValueReader(Collection collection) : IRecordReader
    {
        public int Length { get; private set; }

        public RecordType Type { get; private set; }

        public void Read(in RecordView record)
        {
            Length = collection.LoadValue(record.Value).Length;
            Type = record.Type;
        }
    }

    private readonly struct Store(Collection collection) : IRecordMutation
    {
        public static bool ReadsCurrent => false;

        public RecordChange Decide(in RecordView current) => RecordChange.Put(
            collection.IsLarge ? NestedCollections.ReferenceLength : collection.Packed.End, collection.ExpiresAt,
            collection.RecordType);

        public void Write(in RecordView current, Span<byte> value)
        {
            if (collection.IsLarge)
            {
                NestedCollections.WriteReference(value, collection.Id);
            }
            else
            {
                collection.Packed.Value.CopyTo(value);
            }
        }
    }

    private readonly struct Removal : IRecordMutation
    {
        public static bool ReadsCurrent => false;

        public RecordChange Decide(in RecordView current) => RecordChange.Remove();

        public void Write(in RecordView current, Span<byte> value)
        {
            // A removal writes nothing.
        }
    }

    private RecordType RecordType => type;
}
