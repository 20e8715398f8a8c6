using GuestMemFs;
using KvStore.Protocol;

namespace KvStore.Engine;

/// <summary>
/// A stream. It is always large: an empty one is there too. Its first order has the entries, by their ids; its second
/// one has the record of <see cref="StreamFacts"/> and the groups (<see cref="ConsumerGroups"/>).
/// </summary>
/// <remarks>
/// <para>Invariants. 1: entries with an id up to <see cref="StreamFacts.TrimmedTo"/> are not seen. 2:
/// <see cref="StreamFacts.Length"/> is the number of the others. 3: no entry's id is above
/// <see cref="StreamFacts.LastId"/>. Whatever changes one of them changes both sides in one group.</para>
/// </remarks>
internal sealed class EntryStream(Keyspace keyspace, StreamLeftovers leftovers)
    : Collection(keyspace, RecordType.Stream)
{
    /// <summary>A trim of so many removes them at once; of more it moves a boundary.</summary>
    public const int RemovedAtOnce = 256;

    /// <summary>Where the second order has the facts.</summary>
    private const byte FactsKey = 0;

    private readonly PackedPieces _fields = new();
    private StreamFacts _facts;
    private StreamFacts _stored;
    private ConsumerGroups? _groups;

    public override bool Exists => IsLarge;

    public ref StreamFacts Facts => ref _facts;

    /// <summary>The groups of its consumers.</summary>
    public ConsumerGroups Groups => _groups ??= new ConsumerGroups(OtherSection());

    /// <summary>The id of its first entry; 0-0 where there is none.</summary>
    public StreamId First => _facts.Length > 0 ? At(0) : StreamId.Zero;

    protected override int PiecesPerElement => 1;

    /// <summary>Makes an empty one, where the key has none.</summary>
    public void Create()
    {
        if (!IsLarge)
        {
            Grow();
            IsChanged = true;
        }
    }

    /// <summary>Adds an entry, whose id is above all there were.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="args">Fields and values, one by one.</param>
    /// <param name="first">The first argument that is a field.</param>
    public void Add(StreamId id, Arguments args, int first)
    {
        Create();
        _fields.Clear();
        for (int i = first; i < args.Count; i++)
        {
            _fields.Insert(_fields.End, args[i]);
        }

        Section.Set(KeyOf(id, stackalloc byte[StreamId.Length]), _fields.Value);
        _facts.LastId = id;
        _facts.Length++;
        _facts.Added++;
        IsChanged = true;
    }

    /// <summary>Adds an entry of a dump. The ids that the stream keeps are set once all are there.</summary>
    public void Load(StreamId id, PackedPieces fields)
    {
        Section.Set(KeyOf(id, stackalloc byte[StreamId.Length]), fields.Value);
        _facts.Length++;
    }

    public bool Contains(StreamId id) =>
        id > _facts.TrimmedTo && Section.ContainsKey(KeyOf(id, stackalloc byte[StreamId.Length]));

    /// <summary>Removes an entry; false where there is none.</summary>
    public bool Remove(StreamId id)
    {
        if (!Contains(id))
        {
            return false;
        }

        Section.Remove(KeyOf(id, stackalloc byte[StreamId.Length]));
        _facts.Length--;
        _facts.LastDeleted = id > _facts.LastDeleted ? id : _facts.LastDeleted;
        IsChanged = true;
        return true;
    }

    /// <summary>The id of the entry with so many before it, which has to be there.</summary>
    public StreamId At(long index)
    {
        Section.TryGetAt(Trimmed + index, out KeyValuePair<byte[], byte[]> entry);
        return StreamId.Read(entry.Key);
    }

    /// <summary>How many entries have ids from one to another, both included.</summary>
    public long CountRange(StreamId from, StreamId to)
    {
        if (!TryBounds(ref from, to, out byte[] start, out byte[] end))
        {
            return 0;
        }

        return Section.CountRange(start, end);
    }

    /// <summary>Goes through entries whose ids are from one to another, both included.</summary>
    public StreamCursor Range(StreamId from, StreamId to, bool descends)
    {
        if (!TryBounds(ref from, to, out byte[] start, out byte[] end))
        {
            return default;
        }

        return new StreamCursor(descends ? Section.ScanDescending(start, end) : Section.Scan(start, end), _fields);
    }

    /// <summary>Removes so many entries, the first ones; there are as many.</summary>
    public void Trim(long count)
    {
        if (count == 0)
        {
            return;
        }

        IsChanged = true;
        StreamId last = At(count - 1);
        _facts.Length -= count;
        if (count > RemovedAtOnce)
        {
            // The entries go in the background: the boundary is what hides them.
            _facts.TrimmedTo = last;
            return;
        }

        List<byte[]> keys = [];
        foreach (SortedEntry entry in Section.Scan(Behind(_facts.TrimmedTo)))
        {
            keys.Add(entry.Key.ToArray());
            if (keys.Count == count)
            {
                break;
            }
        }

        keys.ForEach(key => Section.Remove(key));
    }

    /// <summary>Sets the last id. No entry may have a higher one.</summary>
    public void SetLastId(StreamId id)
    {
        if (id < _facts.TrimmedTo)
        {
            // New entries may come below the boundary, so it may not hide them.
            RemoveTrimmed(int.MaxValue);
            _facts.TrimmedTo = StreamId.Zero;
        }

        _facts.LastId = id;
        IsChanged = true;
    }

    /// <summary>Facts or groups changed.</summary>
    public void NoteChange() => IsChanged = true;

    /// <inheritdoc/>
    public override bool Commit()
    {
        if (IsChanged && _facts != _stored)
        {
            StoreFacts();
        }

        Note();
        return base.Commit();
    }

    /// <summary>Frees about so many entries of what is gone; how many it did. Not in a group.</summary>
    public int FreeLeftovers(int most)
    {
        int freed = RemoveTrimmed(most);
        if (freed < most && _facts.TrimmedTo != StreamId.Zero)
        {
            _facts.TrimmedTo = StreamId.Zero;
            StoreFacts();
        }

        if (freed < most && _facts.Destroyed > 0)
        {
            freed += Groups.FreeDestroyed(most - freed, out bool isGone);
            if (isGone)
            {
                _facts.Destroyed = 0;
                StoreFacts();
            }
        }

        return freed;
    }

    protected override void Began()
    {
        _groups = null;
        _facts = _stored = default;
    }

    protected override void Opened()
    {
        _facts = IsLarge && TryReadEntry(OtherSection(), [FactsKey], out ReadOnlySpan<byte> facts)
            ? StreamFacts.Read(facts)
            : default;
        _stored = _facts;
        Note();
    }

    protected override void FillLarge()
    {
        // The facts come with the commit.
    }

    private static ReadOnlySpan<byte> KeyOf(StreamId id, Span<byte> room)
    {
        id.Write(room);
        return room;
    }

    private static byte[] Behind(StreamId id)
    {
        byte[] key = new byte[StreamId.Length];
        id.TryNext(out StreamId next);
        next.Write(key);
        return key;
    }

    /// <summary>How many entries are there that are not seen.</summary>
    private long Trimmed => _facts.TrimmedTo == StreamId.Zero ? 0 : CountTrimmed();

    private long CountTrimmed() =>
        _facts.TrimmedTo == StreamId.Last ? Section.Count : Section.Rank(Behind(_facts.TrimmedTo));

    private int RemoveTrimmed(int most)
    {
        if (_facts.TrimmedTo == StreamId.Zero)
        {
            return 0;
        }

        return Section.RemoveFirst((int)Math.Min(most, CountTrimmed()));
    }

    /// <summary>Keys of a range, without what was trimmed: the first, and the one behind the last, empty for
    /// none.</summary>
    private bool TryBounds(ref StreamId from, StreamId to, out byte[] start, out byte[] end)
    {
        start = end = [];
        if (from <= _facts.TrimmedTo && !_facts.TrimmedTo.TryNext(out from))
        {
            return false;
        }

        start = new byte[StreamId.Length];
        from.Write(start);
        end = to == StreamId.Last ? [] : Behind(to);
        return IsLarge && from <= to;
    }

    private void StoreFacts()
    {
        Span<byte> bytes = stackalloc byte[StreamFacts.Size];
        _facts.Write(bytes);
        OtherSection().Set([FactsKey], bytes);
        _stored = _facts;
    }

    private void Note()
    {
        if (_facts.HasLeftovers)
        {
            leftovers.Note([.. Key]);
        }
    }
}

/// <summary>Goes through entries of a stream.</summary>
internal readonly struct StreamCursor(SortedMapCursor? entries, PackedPieces fields)
{
    public StreamId Id => StreamId.Read(entries!.Current.Key);

    /// <summary>Fields and values of the entry, good until the next one.</summary>
    public PackedPieces Fields
    {
        get
        {
            fields.Load(entries!.Current.Value);
            return fields;
        }
    }

    public bool MoveNext() => entries?.MoveNext() ?? false;
}
