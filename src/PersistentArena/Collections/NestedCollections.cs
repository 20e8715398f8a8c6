using System.Buffers.Binary;
using GuestMemFs.Collections;
using GuestMemFs.Heap;

namespace GuestMemFs;

/// <summary>
/// Ordered maps that records of a <see cref="PersistentDictionary"/> own. A record names its collection by a number;
/// the entries of all collections lie in one <see cref="PersistentSortedMap"/>, each under its number. One store of
/// the dictionary makes a collection true, or gone; what is gone is freed in the background, in steps of any size.
/// </summary>
/// <remarks>
/// <para>What a crash leaves is freed too: a collection that was not yet named, and one that no record names any more.
/// For that <see cref="Begin"/>, <see cref="BeforeDrop"/>, <see cref="BeforeExpiry"/> and <see cref="BeforeClear"/>
/// note a number durably before the dictionary changes, and <see cref="CollectGarbage"/> frees what is noted and no
/// record owns.</para>
/// <para>Calls that change anything are for one thread at a time, the changes of the owners and of the sections
/// included; readers take no lock, in this process and in others. A reader that finds a section empty looks at the
/// record again: its collection may have been dropped meanwhile.</para>
/// </remarks>
public sealed class NestedCollections
{
    /// <summary>Bytes of the value of a record that names a collection.</summary>
    public const int ReferenceLength = 1 + sizeof(long);

    /// <summary>Longest key of an entry, in bytes.</summary>
    public const int MaximumKeyLength = PersistentSortedMap.MaximumKeyLength - PrefixLength;

    /// <summary>The first byte of the value of a record that names a collection.</summary>
    public const byte ReferenceMark = 1;

    /// <summary>Where the first collection's entries begin in <see cref="Entries"/>: before it are notes.</summary>
    public static ReadOnlySpan<byte> First => [0, 0, 0, 0, 0, 0, 0, 1];

    private const int PrefixLength = sizeof(long) + 1;

    // With header and key they fill a block of 16,384 bytes. Chunks of a fourth cost as much to change, and twice as
    // much to copy a value into.
    private const int ChunkLength = 16_352;

    private const byte OwnerIndex = 0;
    private const byte NextIndex = 0;
    private const byte NotesIndex = 1;
    private const byte ClearedIndex = 2;
    private const byte BytesIndex = 1;

    // Behind the owner's name: when the record expires, as far as it is noted.
    private static ReadOnlySpan<byte> DueKey => [OwnerIndex, 1];

    private readonly PersistentHeap _heap;
    private readonly TimeProvider _time;
    private readonly PersistentSortedMapSection _notes;
    private long _walkedTo;

    private NestedCollections(PersistentHeap heap, PersistentDictionary owners, string name, TimeProvider time)
    {
        _heap = heap;
        _time = time;
        Owners = owners;
        Entries = PersistentSortedMap.OpenOrCreate(heap, name, new PersistentSortedMapOptions { TimeProvider = time });
        if (heap.Space.IsWritable)
        {
            heap.RequireFeature(HeapFormat.NestedCollections);
        }

        _notes = Entries.Section(Prefix(0, NotesIndex));
    }

    /// <summary>The dictionary whose records own the collections.</summary>
    public PersistentDictionary Owners { get; }

    /// <summary>The entries of all collections.</summary>
    public PersistentSortedMap Entries { get; }

    /// <summary>Opens the collections that records of a dictionary own, or creates the place for them.</summary>
    /// <param name="heap">The dictionary's heap.</param>
    /// <param name="owners">The dictionary.</param>
    /// <param name="name">Name of the sorted map (1 to 31 bytes of UTF-8).</param>
    /// <param name="timeProvider">The clock; it has to be the dictionary's.</param>
    /// <exception cref="HeapLayoutException">The name is taken by something else.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room.</exception>
    /// <exception cref="AtomicGroupException">It is not there, and this thread has a group open.</exception>
    public static NestedCollections OpenOrCreate(
        PersistentHeap heap, PersistentDictionary owners, string name, TimeProvider? timeProvider = null)
    {
        ArgumentNullException.ThrowIfNull(heap);
        ArgumentNullException.ThrowIfNull(owners);
        ArgumentNullException.ThrowIfNull(name);
        return new NestedCollections(heap, owners, name, heap.ClockOf(timeProvider));
    }

    /// <summary>
    /// True where the sorted map of that name is there already. One whose making was cut off, by a kill or for want of
    /// room, is not: it holds nothing, and to finish it takes room.
    /// </summary>
    public static unsafe bool Exists(PersistentHeap heap, string name)
    {
        ArgumentNullException.ThrowIfNull(heap);
        ArgumentNullException.ThrowIfNull(name);
        long root = heap.FindRoot(name, TreeRoot.Layout);
        return root != 0 && !new TreeRoot(heap.Base, root).IsUnfinished;
    }

    /// <summary>The number of the collection that a record names; false where it names none.</summary>
    public static bool TryGetReference(in RecordView record, out long id)
    {
        bool names = record.Exists && record.Type != RecordType.String
            && record.Value.Length == ReferenceLength && record.Value[0] == ReferenceMark;
        id = names ? BinaryPrimitives.ReadInt64LittleEndian(record.Value[1..]) : 0;
        return names;
    }

    /// <summary>
    /// Fills the value (<see cref="ReferenceLength"/>) of a record that names a collection. Its type has to be another
    /// one than <see cref="RecordType.String"/>.
    /// </summary>
    public static void WriteReference(Span<byte> value, long id)
    {
        value[0] = ReferenceMark;
        BinaryPrimitives.WriteInt64LittleEndian(value[1..], id);
    }

    /// <summary>The number of the collection that the record of a key names; 0 where it names none.</summary>
    public long Find(ReadOnlySpan<byte> owner)
    {
        ReferenceReader reader = default;
        return Owners.TryRead(owner, ref reader) ? reader.Id : 0;
    }

    /// <summary>The entries of a collection. It may have several orders, each under an index from 1 to 255.</summary>
    /// <remarks>No collection has the number 0. Its orders from 16 on are the caller's, for what is of no collection:
    /// they are neither counted nor freed.</remarks>
    public PersistentSortedMapSection Section(long id, byte index = 1)
    {
        ArgumentOutOfRangeException.ThrowIfZero(index);
        return Entries.Section(Prefix(id, index));
    }

    /// <summary>
    /// The entries of a collection as one run of bytes, which are read and changed by ranges. It has no other entries.
    /// </summary>
    /// <remarks>It was begun by <see cref="BeginBytes"/>. A chunk has 16,352 bytes.</remarks>
    public PersistentBytes Bytes(long id) =>
        PersistentBytes.Within(Entries, ChunkLength, Prefix(id, BytesIndex));

    /// <summary>
    /// Begins a collection for a key. Fill its section, put a record that names it (<see cref="WriteReference"/>) under
    /// the key, then call <see cref="Complete"/>. Without a record it is freed in the background.
    /// </summary>
    /// <returns>Its number; no other collection had it before.</returns>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was begun.</exception>
    public long Begin(ReadOnlySpan<byte> owner)
    {
        long id = Entries.Increment(Prefix(0, NextIndex));
        Note(0, id);
        Entries.Set(Prefix(id, OwnerIndex), owner);
        return id;
    }

    /// <summary>
    /// The same for a collection that is one run of bytes: fill its <see cref="Bytes"/>. A library that knows no such
    /// collections refuses the heap from then on.
    /// </summary>
    /// <inheritdoc cref="Begin" path="/returns|/exception"/>
    public long BeginBytes(ReadOnlySpan<byte> owner)
    {
        _heap.RequireFeature(HeapFormat.NestedBytes);
        return Begin(owner);
    }

    /// <summary>The record that names the collection is there.</summary>
    public void Complete(long id) => Remove(0, id);

    /// <summary>The record that names the collection is about to be removed or replaced.</summary>
    /// <exception cref="ArenaOutOfSpaceException">There is no room to note it.</exception>
    public void BeforeDrop(long id) => Note(0, id);

    /// <summary>The record that names the collection is about to get that expiry (null: none).</summary>
    /// <exception cref="ArenaOutOfSpaceException">There is no room to note it.</exception>
    public void BeforeExpiry(long id, DateTimeOffset? expiresAt)
    {
        if (expiresAt is not null)
        {
            NoteExpiry(id, CopyOut.Milliseconds(expiresAt));
        }
    }

    /// <summary>
    /// Names another key as the owner. In one group with the record's removal and the other one's store: alone, each of
    /// the two would be a collection without its owner.
    /// </summary>
    public void Move(long id, ReadOnlySpan<byte> owner) => Entries.Set(Prefix(id, OwnerIndex), owner);

    /// <summary>The dictionary is about to be cleared.</summary>
    /// <exception cref="ArenaOutOfSpaceException">There is no room to note it.</exception>
    public void BeforeClear()
    {
        if (Entries.TryGetCeiling(Prefix(1, OwnerIndex), out _))
        {
            Span<byte> last = stackalloc byte[sizeof(long)];
            BinaryPrimitives.WriteInt64BigEndian(last, long.Parse(Entries.Get(Prefix(0, NextIndex)) ?? "0"u8, null));
            Entries.Set(Prefix(0, ClearedIndex), last);
            _walkedTo = 0;
        }
    }

    /// <summary>
    /// Frees entries of collections that no record owns, about so many at most; true where none is left. For a timer,
    /// and after an attach.
    /// </summary>
    public bool CollectGarbage(int entries)
    {
        var nobody = default(NoVisitor);
        return CollectGarbage(entries, ref nobody);
    }

    /// <summary>
    /// The same, and the visitor sees each record of the dictionary that goes with its collection because it has
    /// expired, before it goes. It must not use the dictionary.
    /// </summary>
    public bool CollectGarbage<TVisitor>(int entries, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        for (int left = entries; left > 0;)
        {
            if (Entries.Get(Prefix(0, ClearedIndex)) is { } last)
            {
                left -= FreeNext(BinaryPrimitives.ReadInt64BigEndian(last), left, ref visitor);
            }
            else if (_notes.TryGetFirst(out KeyValuePair<byte[], byte[]> note) && IsDue(note.Key))
            {
                left -= FreeNoted(note.Key, left, ref visitor);
            }
            else
            {
                return true;
            }
        }

        return false;
    }

    private static byte[] Prefix(long id, byte index)
    {
        byte[] prefix = new byte[PrefixLength];
        BinaryPrimitives.WriteInt64BigEndian(prefix, id);
        prefix[^1] = index;
        return prefix;
    }

    private static void WriteNote(Span<byte> key, long due, long id)
    {
        BinaryPrimitives.WriteInt64BigEndian(key, due);
        BinaryPrimitives.WriteInt64BigEndian(key[sizeof(long)..], id);
    }

    private void Note(long due, long id)
    {
        Span<byte> key = stackalloc byte[2 * sizeof(long)];
        WriteNote(key, due, id);
        _notes.Set(key, default);
    }

    private void Remove(long due, long id)
    {
        Span<byte> key = stackalloc byte[2 * sizeof(long)];
        WriteNote(key, due, id);
        _notes.Remove(key);
    }

    // The note that it had goes. If the record's expiry does not change then, the one that is left says so when it is
    // due.
    private void NoteExpiry(long id, long due)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, due);
        Note(due, id);
        PersistentSortedMapSection all = All(id);
        byte[]? old = all.Get(DueKey);
        all.Set(DueKey, bytes);
        if (old is not null && !bytes.SequenceEqual(old))
        {
            Remove(BinaryPrimitives.ReadInt64BigEndian(old), id);
        }
    }

    private PersistentSortedMapSection All(long id) => Entries.Section(Prefix(id, OwnerIndex).AsSpan(0, sizeof(long)));

    private bool IsDue(ReadOnlySpan<byte> note) =>
        BinaryPrimitives.ReadInt64BigEndian(note) <= _time.GetUtcNow().ToUnixTimeMilliseconds();

    private int FreeNoted<TVisitor>(byte[] note, int most, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        long id = BinaryPrimitives.ReadInt64BigEndian(note.AsSpan(sizeof(long)));
        bool isOwned = IsOwned(id, out long expiresAt, ref visitor);
        int freed = isOwned ? 0 : Free(id, most);
        if (freed < most)
        {
            if (isOwned && expiresAt != RecordView.NoExpiry)
            {
                NoteExpiry(id, expiresAt);
            }

            _notes.Remove(note);
            freed++;
        }

        return freed;
    }

    // After a clear each collection up to the last one of then may be without its owner.
    private int FreeNext<TVisitor>(long last, int most, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        long id = Entries.TryGetCeiling(Prefix(_walkedTo + 1, OwnerIndex), out KeyValuePair<byte[], byte[]> entry)
            ? BinaryPrimitives.ReadInt64BigEndian(entry.Key)
            : long.MaxValue;
        if (id > last)
        {
            Entries.Remove(Prefix(0, ClearedIndex));
            return 1;
        }

        int freed = IsOwned(id, out _, ref visitor) ? 0 : Free(id, most);
        if (freed < most)
        {
            _walkedTo = id;
            freed++;
        }

        return freed;
    }

    // The owner's name goes behind the entries: it says whose they are. The note of the record's expiry, which may be
    // the one that led here, goes behind all: without it what is left of the rest would be left for good.
    private int Free(long id, int most)
    {
        PersistentSortedMapSection all = All(id);
        int freed = all.RemoveFirst(most, DueKey);
        if (freed < most)
        {
            byte[]? due = all.Get(DueKey);
            all.RemoveFirst(int.MaxValue);
            if (due is not null)
            {
                Remove(BinaryPrimitives.ReadInt64BigEndian(due), id);
            }
        }

        return freed;
    }

    // A record that has expired goes before its entries: else, with the clock put back, it would be there without them.
    private bool IsOwned<TVisitor>(long id, out long expiresAt, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        expiresAt = RecordView.NoExpiry;
        if (Entries.Get(Prefix(id, OwnerIndex)) is not { } owner)
        {
            return false;
        }

        OwnerLook look = new(id);
        Owners.Mutate(owner, ref look);
        if (!look.IsThere)
        {
            Owners.RemoveExpired(owner, ref visitor);
            Owners.Mutate(owner, ref look);
        }

        expiresAt = look.ExpiresAt;
        return look.IsOwner;
    }

    private struct ReferenceReader : IRecordReader
    {
        public long Id { get; private set; }

        public void Read(in RecordView record) => Id = TryGetReference(record, out long id) ? id : 0;
    }

    private struct OwnerLook(long id) : IRecordMutation
    {
        public bool IsThere { get; private set; }

        public bool IsOwner { get; private set; }

        public long ExpiresAt { get; private set; }

        public RecordChange Decide(in RecordView current)
        {
            IsThere = current.Exists;
            IsOwner = TryGetReference(current, out long named) && named == id;
            ExpiresAt = current.ExpiresAt;
            return RecordChange.None;
        }

        public readonly void Write(in RecordView current, Span<byte> value)
        {
            // It changes nothing.
        }
    }
}
