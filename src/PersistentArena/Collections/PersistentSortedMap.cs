using System.Buffers;
using GuestMemFs.Collections;

namespace GuestMemFs;

/// <summary>
/// A crash-safe ordered map of byte strings in a <see cref="PersistentHeap"/>: keys in the order of their bytes. A
/// change that has returned is there after SIGKILL; one that was in flight is whole or absent. Opening takes the same
/// time whatever it holds.
/// </summary>
/// <remarks>
/// <para>Thread-safe. Reads and cursors take no lock and never wait for a writer, in this process or in another one.
/// Writers of one map take turns.</para>
/// <para>A callback (<c>Decide</c>, <c>Write</c>, <c>Read</c>) must not change the heap: what would wait for the
/// callback's own end throws <see cref="ReentrantCallException"/>. Which call may meet which is a table in
/// docs/threads.md.</para>
/// <para>Expiry is as in <see cref="PersistentDictionary"/>: an expired entry is as good as absent. It counts in
/// <see cref="Count"/>, <see cref="CountRange"/> and ranks until it is removed, by the next write to its key or by
/// <see cref="RemoveExpired"/>.</para>
/// </remarks>
public sealed class PersistentSortedMap : IByteRecords
{
    /// <summary>Longest key, in bytes.</summary>
    public const int MaximumKeyLength = PersistentDictionary.MaximumKeyLength;

    /// <summary>Longest value, in bytes.</summary>
    public const int MaximumValueLength = PersistentDictionary.MaximumValueLength;

    private readonly SortedMapReader _reader;
    private readonly SortedMapWriter _writer;

    private PersistentSortedMap(SortedMapCore core)
    {
        Core = core;
        _reader = core.Reader;
        _writer = core.Writer;
    }

    /// <summary>The number of entries, those that have expired but are not yet removed included.</summary>
    public long Count => Core.Count;

    /// <summary>The number of entries that carry an expiry time.</summary>
    public long ExpiringCount => Core.ExpiringCount;

    /// <summary>Bytes that the entries' blocks take; the tree's nodes come to about 40 bytes an entry more.</summary>
    public long RecordBytes => Core.RecordBytes;

    internal SortedMapCore Core { get; }

    /// <summary>
    /// Opens the sorted map of that name (1 to 31 bytes of UTF-8) in the heap, or creates it. All openings in one heap
    /// share one map. The first one has no other writer of the heap beside it: it waits for an open group.
    /// </summary>
    /// <exception cref="HeapLayoutException">The name is taken by something else.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room for a new map.</exception>
    /// <exception cref="DictionaryOptionsException">It is open in this process already, with another <see
    /// cref="TimeProvider"/> than these options name.</exception>
    public static PersistentSortedMap OpenOrCreate(
        PersistentHeap heap, string name, PersistentSortedMapOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(heap);
        ArgumentNullException.ThrowIfNull(name);
        return new PersistentSortedMap(SortedMapCore.Open(heap, name, TreeKind.SortedMap, options?.TimeProvider));
    }

    /// <summary>Opens the sorted map that lies under a collection of another kind, or makes it.</summary>
    internal static PersistentSortedMap OpenAs(PersistentHeap heap, string name, TreeKind kind)
    {
        ArgumentNullException.ThrowIfNull(heap);
        ArgumentNullException.ThrowIfNull(name);
        return new PersistentSortedMap(SortedMapCore.Open(heap, name, kind, time: null));
    }

    /// <summary>
    /// Reads a record where it lies; false (and what the reader saw does not count) where there is none or it has
    /// expired.
    /// </summary>
    public bool TryRead<TReader>(ReadOnlySpan<byte> key, ref TReader reader)
        where TReader : struct, IRecordReader, allows ref struct => _reader.TryRead(key, ref reader);

    /// <summary>One atomic read-modify-write of a key. When it has returned, the change outlives the process.</summary>
    /// <exception cref="ArgumentException">The key or the new value is too long.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    public void Mutate<TMutation>(ReadOnlySpan<byte> key, ref TMutation mutation)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        if (key.Length > MaximumKeyLength)
        {
            throw RecordErrors.KeyTooLong(key.Length);
        }

        _writer.Mutate(key, ref mutation);
    }

    /// <summary>As <see cref="Mutate"/>, of the key that is chosen under the map's lock.</summary>
    internal bool MutateChosen<TChoice, TMutation>(ref TChoice choice, ref TMutation mutation)
        where TChoice : struct, IKeyChoice, allows ref struct
        where TMutation : struct, IRecordMutation, allows ref struct => _writer.MutateChosen(ref choice, ref mutation);

    /// <summary>The value's bytes (an integer's as decimal digits), or null.</summary>
    public byte[]? Get(ReadOnlySpan<byte> key)
    {
        CopyOut reader = default;
        return TryRead(key, ref reader) ? reader.Value : null;
    }

    /// <summary>True where there is an entry.</summary>
    public bool ContainsKey(ReadOnlySpan<byte> key)
    {
        Look reader = default;
        return TryRead(key, ref reader);
    }

    /// <summary>Sets a value.</summary>
    public void Set(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset? expiresAt = null)
    {
        SetValue set = new(value, expiresAt);
        Mutate(key, ref set);
    }

    /// <summary>Adds a value where there is none; false where there is one.</summary>
    public bool TryAdd(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset? expiresAt = null)
    {
        AddValue add = new(value, expiresAt);
        Mutate(key, ref add);
        return add.Done;
    }

    /// <summary>
    /// Compare-and-swap: puts a value in place of <paramref name="comparand"/>; false where the value is another, or
    /// none. The expiry stays.
    /// </summary>
    public bool TryUpdate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ReadOnlySpan<byte> comparand)
    {
        UpdateValue update = new(value, comparand);
        Mutate(key, ref update);
        return update.Done;
    }

    /// <summary>
    /// Adds to an integer, which begins at 0; returns the sum. An integer is changed in place, with one store.
    /// </summary>
    /// <exception cref="FormatException">The value is no integer.</exception>
    /// <exception cref="OverflowException">The sum is none.</exception>
    public long Increment(ReadOnlySpan<byte> key, long by = 1)
    {
        AddInteger add = new(by);
        Mutate(key, ref add);
        return add.Sum;
    }

    /// <summary>Changes when an entry expires (null: never); false where there is none.</summary>
    public bool Expire(ReadOnlySpan<byte> key, DateTimeOffset? expiresAt)
    {
        ChangeExpiry change = new(expiresAt);
        Mutate(key, ref change);
        return change.Done;
    }

    /// <summary>Removes an entry; false where there was none.</summary>
    public bool Remove(ReadOnlySpan<byte> key)
    {
        RemoveValue remove = default;
        Mutate(key, ref remove);
        return remove.Done;
    }

    /// <summary>
    /// Removes the expired entries of the next <paramref name="leaves"/> leaves of about eight entries, continuing
    /// where the last call stopped; returns how many. For a timer.
    /// </summary>
    public int RemoveExpired(int leaves) => Core.RemoveExpired(leaves);

    /// <summary>
    /// The entries from a key on (that one included), in rising order, up to another key (that one not).
    /// </summary>
    /// <param name="from">Where the range begins; empty for the first entry.</param>
    /// <param name="to">Where it ends; empty for no end.</param>
    public SortedMapCursor Scan(ReadOnlySpan<byte> from = default, ReadOnlySpan<byte> to = default) =>
        new(_reader, new SortedBatch(from.ToArray(), includesStart: true, OrNone(to), descends: false));

    /// <summary>The entries of the same range as <see cref="Scan"/>'s in falling order, from the last one on.</summary>
    /// <param name="from">Where the range begins; empty for the first entry.</param>
    /// <param name="to">Where it ends; empty for no end.</param>
    public SortedMapCursor ScanDescending(ReadOnlySpan<byte> from = default, ReadOnlySpan<byte> to = default) =>
        new(_reader, new SortedBatch(OrNone(to), includesStart: false, OrNone(from), descends: true));

    /// <summary>The entry with the lowest key.</summary>
    public bool TryGetFirst(out KeyValuePair<byte[], byte[]> entry) =>
        TryOne(new([], includesStart: true, null, descends: false, limit: 1), out entry);

    /// <summary>The entry with the highest key.</summary>
    public bool TryGetLast(out KeyValuePair<byte[], byte[]> entry) =>
        TryOne(new(null, includesStart: true, null, descends: true, limit: 1), out entry);

    /// <summary>The entry of a key, or the next one below.</summary>
    public bool TryGetFloor(ReadOnlySpan<byte> key, out KeyValuePair<byte[], byte[]> entry) =>
        TryOne(new(key.ToArray(), includesStart: true, null, descends: true, limit: 1), out entry);

    /// <summary>The entry of a key, or the next one above.</summary>
    public bool TryGetCeiling(ReadOnlySpan<byte> key, out KeyValuePair<byte[], byte[]> entry) =>
        TryOne(new(key.ToArray(), includesStart: true, null, descends: false, limit: 1), out entry);

    /// <summary>How many entries have a key below this one, in O(log n).</summary>
    /// <remarks>
    /// Exact at one instant. In a process that only reads, beside a writer without pause, it may miss changes that are
    /// made while it looks.
    /// </remarks>
    public long Rank(ReadOnlySpan<byte> key) => _reader.Rank(key);

    /// <summary>
    /// How many entries a range has, in O(log n): from a key on, up to another one. Between its two ends changes may
    /// come.
    /// </summary>
    /// <param name="from">Where the range begins; empty for the first entry.</param>
    /// <param name="to">Where it ends; empty for no end.</param>
    public long CountRange(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to)
    {
        long below = from.IsEmpty ? 0 : Rank(from);
        return Math.Max(0, (to.IsEmpty ? Count : Rank(to)) - below);
    }

    /// <summary>The entry with so many keys below it, in O(log n); false where there are not so many.</summary>
    public bool TryGetAt(long rank, out KeyValuePair<byte[], byte[]> entry)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rank);
        return TryCopy(_reader.Select(rank), out entry);
    }

    /// <summary>
    /// Sets the values of many keys, each as <see cref="Set"/> does. Keys in rising order that come behind all others
    /// fill whole leaves, and are the fastest.
    /// </summary>
    /// <returns>How many were set.</returns>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; those before are there.</exception>
    public long Load(IEnumerable<KeyValuePair<byte[], byte[]>> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        long count = 0;
        foreach ((byte[] key, byte[] value) in entries)
        {
            Set(key, value);
            count++;
        }

        return count;
    }

    /// <summary>
    /// Starts a group of changes of the map's heap: <see cref="PersistentHeap.BeginAtomic"/>, which may be of several
    /// maps and dictionaries.
    /// </summary>
    /// <param name="changes">How many changes its log has room for from the start.</param>
    /// <exception cref="ArenaOutOfSpaceException">There is no room for the log. No group was started.</exception>
    /// <exception cref="AtomicGroupException">This thread has one open already.</exception>
    public AtomicGroup BeginAtomic(int changes = 0) => Core.Heap.BeginAtomic(changes);

    bool IByteRecords.TryCopy(ReadOnlySpan<byte> key, ArrayBufferWriter<byte> to)
    {
        CopyTo reader = new(to);
        return TryRead(key, ref reader);
    }

    bool IByteRecords.TryTake(ReadOnlySpan<byte> key, ArrayBufferWriter<byte> to)
    {
        TakeOut taken = new(to);
        Mutate(key, ref taken);
        return taken.Done;
    }

    private static byte[]? OrNone(ReadOnlySpan<byte> key) => key.IsEmpty ? null : key.ToArray();

    private bool TryOne(SortedBatch batch, out KeyValuePair<byte[], byte[]> entry)
    {
        _reader.Fill(batch);
        return TryCopy(batch, out entry);
    }

    private static bool TryCopy(SortedBatch batch, out KeyValuePair<byte[], byte[]> entry)
    {
        bool found = batch.Count > 0;
        entry = found ? new(batch.Key(0).ToArray(), batch.Value(0).ToArray()) : default;
        return found;
    }
}

/// <summary>Options of a sorted map.</summary>
public sealed class PersistentSortedMapOptions
{
    /// <summary>Where the time for expiry comes from.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;
}
