using System.Buffers;
using System.Runtime.CompilerServices;
using GuestMemFs.Collections;

namespace GuestMemFs;

/// <summary>
/// A crash-safe hash table of byte strings in a <see cref="PersistentHeap"/>. A change that has returned is there after
/// SIGKILL; one that was in flight is whole or absent. Opening takes the same time whatever it holds.
/// </summary>
/// <remarks>
/// <para>Thread-safe. Reads take no lock and never wait for a writer; writers of different keys rarely meet. The hot
/// paths (<see cref="TryRead"/>, <see cref="ReadMany"/>, <see cref="Mutate"/>) allocate nothing.</para>
/// <para>A callback (<c>Decide</c>, <c>Write</c>, <c>Read</c>, <c>Visit</c>) must not change the heap: what would wait
/// for the callback's own end throws <see cref="ReentrantCallException"/>. Which call may meet which is a table in
/// docs/threads.md.</para>
/// <para>Expiry times are wall-clock UTC milliseconds; an expired record is as good as absent, and is removed by the
/// next write to its key or by <see cref="RemoveExpired"/>. A time at or before 1970-01-01 has expired.</para>
/// </remarks>
public sealed class PersistentDictionary : IByteRecords
{
    /// <summary>Longest key, in bytes.</summary>
    public const int MaximumKeyLength = RecordFormat.MaximumKeyLength;

    /// <summary>Longest value, in bytes.</summary>
    public const int MaximumValueLength = RecordFormat.MaximumValueLength;

    private readonly DictionaryState _state;
    private readonly DictionaryWriter _writer;

    private PersistentDictionary(DictionaryCore core)
    {
        Core = core;
        _state = core.State;
        _writer = core.Writer;
    }

    /// <summary>
    /// The number of records, those that have expired but are not yet removed included. Beside writers, a number near
    /// it.
    /// </summary>
    public long Count => _state.Count;

    /// <summary>The number of records that carry an expiry time.</summary>
    public long ExpiringCount => _state.ExpiringCount;

    /// <summary>Bytes that the records' blocks take.</summary>
    public long RecordBytes => _state.RecordBytes;

    /// <summary>True where it was created with <see cref="PersistentDictionaryOptions.Checksums"/>.</summary>
    public bool HasChecksums => _state.HasChecksums;

    internal DictionaryCore Core { get; }

    /// <summary>
    /// Opens the dictionary of that name (1 to 31 bytes of UTF-8) in the heap, or creates it. All openings in one heap
    /// share one dictionary. The first one has no other writer of the heap beside it: it waits for an open group.
    /// </summary>
    /// <exception cref="HeapLayoutException">The name is taken by something else.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room for a new dictionary (about 150 KiB).</exception>
    /// <exception cref="DictionaryOptionsException">It is open in this process already, with another
    /// <see cref="TimeProvider"/> than these options name.</exception>
    public static PersistentDictionary OpenOrCreate(
        PersistentHeap heap, string name, PersistentDictionaryOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(heap);
        ArgumentNullException.ThrowIfNull(name);
        bool checksums = options?.Checksums ?? false;
        return new PersistentDictionary(DictionaryCore.Open(heap, name, options?.TimeProvider, checksums));
    }

    /// <summary>
    /// True where the dictionary of that name is there already. One whose making was cut off, by a kill or for want of
    /// room, is not: it holds nothing, and to finish it takes room.
    /// </summary>
    /// <exception cref="HeapLayoutException">The name is taken by something else.</exception>
    public static bool Exists(PersistentHeap heap, string name)
    {
        ArgumentNullException.ThrowIfNull(heap);
        ArgumentNullException.ThrowIfNull(name);
        return DictionaryRoot.IsFinished(heap, name);
    }

    /// <summary>
    /// Reads a record where it lies; false (and what the reader saw does not count) where there is none or it has
    /// expired.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryRead<TReader>(ReadOnlySpan<byte> key, ref TReader reader)
        where TReader : struct, IRecordReader, allows ref struct =>
        DictionaryReader.TryRead(_state, key, _state.Hash(key), ref reader);

    /// <summary>
    /// Reads many records with their memory accesses overlapped: about twice as fast as one by one, where the data is
    /// larger than the caches.
    /// </summary>
    public void ReadMany<TReader>(ref TReader reader)
        where TReader : struct, IBatchReader, allows ref struct => DictionaryReader.ReadMany(_state, ref reader);

    /// <summary>One atomic read-modify-write of a key. When it has returned, the change outlives the process.</summary>
    /// <exception cref="ArgumentException">The key or the new value is too long.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Mutate<TMutation>(ReadOnlySpan<byte> key, ref TMutation mutation)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        if (key.Length > MaximumKeyLength)
        {
            throw RecordErrors.KeyTooLong(key.Length);
        }

        _writer.Mutate(key, _state.Hash(key), ref mutation);
    }

    /// <summary>
    /// Visits the records of about <paramref name="buckets"/> buckets from the cursor on (0 to begin), and returns the
    /// next cursor, 0 at the end. What is there from the first call to the last is visited at least once, whatever
    /// grows meanwhile; what comes or goes meanwhile may be or not.
    /// </summary>
    public ulong Scan<TVisitor>(ulong cursor, int buckets, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct =>
        DictionaryScan.Scan(_state, cursor, buckets, ref visitor);

    /// <summary>Visits one record at random; false where there is none.</summary>
    public bool TryVisitRandom<TVisitor>(ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct =>
        DictionaryScan.TryVisitRandom(_state, ref visitor);

    /// <summary>
    /// Removes the expired records of the next <paramref name="buckets"/> buckets, continuing where the last call
    /// stopped; returns how many. For a timer.
    /// </summary>
    public int RemoveExpired(int buckets)
    {
        var nobody = default(NoVisitor);
        return Core.Expiry.RemoveExpired(buckets, ref nobody);
    }

    /// <summary>
    /// The same, and the visitor sees each record before it goes. It sees it under the bucket's lock: it must not use
    /// the dictionary.
    /// </summary>
    public int RemoveExpired<TVisitor>(int buckets, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct => Core.Expiry.RemoveExpired(buckets, ref visitor);

    /// <summary>Removes what has expired in a key's bucket; the visitor sees it before it goes.</summary>
    internal void RemoveExpired<TVisitor>(ReadOnlySpan<byte> key, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct =>
        Core.Expiry.RemoveExpired(_state.Hash(key), ref visitor);

    /// <summary>
    /// Removes everything, with one store. The old records' memory is given back by <see cref="CollectGarbage"/>, or
    /// when room is needed. Inside an atomic group, or where there is no room for an empty table, key by key.
    /// </summary>
    public void Clear() => Core.Clear();

    /// <summary>
    /// Gives back the memory of some buckets of what was cleared; true where nothing is left. For a timer.
    /// </summary>
    public bool CollectGarbage(int buckets) => Core.CollectGarbage(buckets);

    /// <summary>Brings the cache line of a key's bucket near; a hint, for work that knows its next keys.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Prefetch(ReadOnlySpan<byte> key) => DictionaryReader.PrefetchBucket(_state, _state.Hash(key));

    /// <summary>
    /// Starts a group of changes of the dictionary's heap: <see cref="PersistentHeap.BeginAtomic"/>, which may be of
    /// several dictionaries.
    /// </summary>
    /// <param name="changes">How many changes its log has room for from the start.</param>
    /// <exception cref="ArenaOutOfSpaceException">There is no room for the log. No group was started.</exception>
    /// <exception cref="AtomicGroupException">This thread has one open already.</exception>
    public AtomicGroup BeginAtomic(int changes = 0) => _state.Heap.BeginAtomic(changes);

    /// <summary>The value's bytes (an integer's as decimal digits), or null.</summary>
    public byte[]? Get(ReadOnlySpan<byte> key)
    {
        CopyOut reader = default;
        return TryRead(key, ref reader) ? reader.Value : null;
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

    /// <summary>Sets a value and gives the old one, or null.</summary>
    public byte[]? GetAndSet(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        ExchangeValue exchange = new(value);
        Mutate(key, ref exchange);
        return exchange.Old;
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

    /// <summary>Changes when a record expires (null: never); false where there is none.</summary>
    public bool Expire(ReadOnlySpan<byte> key, DateTimeOffset? expiresAt)
    {
        ChangeExpiry change = new(expiresAt);
        Mutate(key, ref change);
        return change.Done;
    }

    /// <summary>Removes a record; false where there was none.</summary>
    public bool Remove(ReadOnlySpan<byte> key)
    {
        RemoveValue remove = default;
        Mutate(key, ref remove);
        return remove.Done;
    }

    /// <summary>True where there is a record.</summary>
    public bool ContainsKey(ReadOnlySpan<byte> key)
    {
        Look reader = default;
        return TryRead(key, ref reader);
    }

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
}

/// <summary>Options of a dictionary.</summary>
public sealed class PersistentDictionaryOptions
{
    /// <summary>Where the time for expiry comes from.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>
    /// True for a checksum in each record (CRC-32C, 4 bytes), which every read checks. It counts where the dictionary
    /// is created; one that is there keeps what it was made with (<see cref="PersistentDictionary.HasChecksums"/>).
    /// </summary>
    /// <remarks>
    /// A read, walk or change that meets a wrong one throws <see cref="ValueDamagedException"/>. Integers are kept as
    /// digits, and a change of an integer or an expiry writes a new record. A library before this one refuses the heap.
    /// </remarks>
    public bool Checksums { get; set; }
}
