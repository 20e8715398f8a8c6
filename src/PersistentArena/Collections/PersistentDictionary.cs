namespace GuestMemFs;

/// <summary>A crash-safe hash table of byte strings in a <c>PersistentHeap</c>. Being written; this is its surface.</summary>
public sealed class PersistentDictionary
{
    /// <summary>Opens the dictionary of that name in the heap, or creates it. Constant time, whatever it holds.</summary>
    public static PersistentDictionary OpenOrCreate(PersistentHeap heap, string name, PersistentDictionaryOptions? options = null) => throw new NotImplementedException();

    /// <summary>Longest key, in bytes.</summary>
    public const int MaximumKeyLength = 65_535;

    /// <summary>Longest value, in bytes.</summary>
    public const int MaximumValueLength = 512 * 1024 * 1024;

    /// <summary>The number of records, those that have expired but are not yet removed included.</summary>
    public long Count => throw new NotImplementedException();

    /// <summary>The number of records that carry an expiry time.</summary>
    public long ExpiringCount => throw new NotImplementedException();

    /// <summary>Bytes that the records' blocks take.</summary>
    public long RecordBytes => throw new NotImplementedException();

    /// <summary>Reads a record where it lies; false (and no call) where there is none or it has expired. Lock-free, allocates nothing.</summary>
    public bool TryRead<TReader>(ReadOnlySpan<byte> key, ref TReader reader)
        where TReader : struct, IRecordReader, allows ref struct => throw new NotImplementedException();

    /// <summary>Reads many records with their memory accesses overlapped.</summary>
    public void ReadMany<TReader>(ref TReader reader)
        where TReader : struct, IBatchReader, allows ref struct => throw new NotImplementedException();

    /// <summary>One atomic read-modify-write of a key. Throws <c>ArenaOutOfSpaceException</c> with nothing changed where there is no room.</summary>
    public void Mutate<TMutation>(ReadOnlySpan<byte> key, ref TMutation mutation)
        where TMutation : struct, IRecordMutation, allows ref struct => throw new NotImplementedException();

    /// <summary>Visits the records of about <paramref name="buckets"/> buckets from the cursor on, and returns the next cursor, 0 at the end.
    /// Redis SCAN's promise: what is there from the first call to the last is visited at least once, whatever grows meanwhile.</summary>
    public ulong Scan<TVisitor>(ulong cursor, int buckets, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct => throw new NotImplementedException();

    /// <summary>Visits one record at random; false where there is none.</summary>
    public bool TryVisitRandom<TVisitor>(ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct => throw new NotImplementedException();

    /// <summary>Removes up to some expired records, continuing where the last call stopped; returns how many. For a timer.</summary>
    public int RemoveExpired(int buckets) => throw new NotImplementedException();

    /// <summary>Removes everything.</summary>
    public void Clear() => throw new NotImplementedException();

    /// <summary>Brings the cache lines of a key's bucket near; a hint.</summary>
    public void Prefetch(ReadOnlySpan<byte> key) => throw new NotImplementedException();

    /// <summary>Starts a group of mutations by this thread that a crash undoes as a whole unless <see cref="AtomicGroup.Commit"/> was reached.</summary>
    public AtomicGroup BeginAtomic() => throw new NotImplementedException();

    // Convenience over the above, for services: byte strings in and out.

    /// <summary>The value's bytes, or null.</summary>
    public byte[]? Get(ReadOnlySpan<byte> key) => throw new NotImplementedException();

    /// <summary>Sets a value.</summary>
    public void Set(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset? expiresAt = null) => throw new NotImplementedException();

    /// <summary>Removes a record; false where there was none.</summary>
    public bool Remove(ReadOnlySpan<byte> key) => throw new NotImplementedException();
}

/// <summary>A group of mutations that is atomic over a crash. Dispose without commit rolls back.</summary>
public ref struct AtomicGroup
{
    /// <summary>Makes the group true.</summary>
    public void Commit() => throw new NotImplementedException();

    /// <summary>Rolls back what was not committed.</summary>
    public void Dispose() => throw new NotImplementedException();
}

/// <summary>Options of a dictionary.</summary>
public sealed class PersistentDictionaryOptions
{
    /// <summary>Where the time for expiry comes from.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;
}

/// <summary>Placeholder of the heap's surface.</summary>
public sealed class PersistentHeap
{
}
