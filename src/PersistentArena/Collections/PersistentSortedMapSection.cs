using GuestMemFs.Collections;

namespace GuestMemFs;

/// <summary>
/// The entries of a <see cref="PersistentSortedMap"/> whose keys begin with one prefix, as an ordered map of its own:
/// keys are what comes behind the prefix. Made by <see cref="PersistentSortedMapSections.Section"/>; it holds nothing.
/// </summary>
/// <remarks>Thread-safe as the map is: the writers of all its sections take turns.</remarks>
public sealed unsafe class PersistentSortedMapSection
{
    private const int ShortKey = 256;

    private readonly PersistentSortedMap _map;
    private readonly byte[] _prefix;
    private readonly byte[]? _end;

    internal PersistentSortedMapSection(PersistentSortedMap map, ReadOnlySpan<byte> prefix)
    {
        _map = map;
        _prefix = prefix.ToArray();
        _end = Behind(prefix);
    }

    /// <summary>The bytes that all keys of the section begin with in the map.</summary>
    public ReadOnlySpan<byte> Prefix => _prefix;

    /// <summary>Longest key, in bytes.</summary>
    public int MaximumKeyLength => PersistentSortedMap.MaximumKeyLength - _prefix.Length;

    /// <summary>
    /// The number of entries, those that have expired but are not yet removed included: two ranks, in O(log n). Between
    /// the two, changes may come.
    /// </summary>
    public long Count => _map.CountRange(_prefix, _end);

    /// <summary>True where there is no entry that has not expired.</summary>
    public bool IsEmpty => !TryGetFirst(out _);

    /// <inheritdoc cref="PersistentSortedMap.TryRead"/>
    /// <remarks>The record's key is the whole one, with the prefix.</remarks>
    public bool TryRead<TReader>(ReadOnlySpan<byte> key, ref TReader reader)
        where TReader : struct, IRecordReader, allows ref struct
    {
        byte* room = stackalloc byte[ShortKey];
        return _map.TryRead(Join(key, new Span<byte>(room, ShortKey)), ref reader);
    }

    /// <inheritdoc cref="PersistentSortedMap.Mutate"/>
    /// <remarks>The record's key is the whole one, with the prefix.</remarks>
    public void Mutate<TMutation>(ReadOnlySpan<byte> key, ref TMutation mutation)
        where TMutation : struct, IRecordMutation, allows ref struct
    {
        byte* room = stackalloc byte[ShortKey];
        _map.Mutate(Join(key, new Span<byte>(room, ShortKey)), ref mutation);
    }

    /// <inheritdoc cref="PersistentSortedMap.Get"/>
    public byte[]? Get(ReadOnlySpan<byte> key) => _map.Get(Join(key, stackalloc byte[ShortKey]));

    /// <inheritdoc cref="PersistentSortedMap.ContainsKey"/>
    public bool ContainsKey(ReadOnlySpan<byte> key) => _map.ContainsKey(Join(key, stackalloc byte[ShortKey]));

    /// <inheritdoc cref="PersistentSortedMap.Set"/>
    public void Set(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset? expiresAt = null) =>
        _map.Set(Join(key, stackalloc byte[ShortKey]), value, expiresAt);

    /// <inheritdoc cref="PersistentSortedMap.TryAdd"/>
    public bool TryAdd(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset? expiresAt = null) =>
        _map.TryAdd(Join(key, stackalloc byte[ShortKey]), value, expiresAt);

    /// <inheritdoc cref="PersistentSortedMap.TryUpdate"/>
    public bool TryUpdate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ReadOnlySpan<byte> comparand) =>
        _map.TryUpdate(Join(key, stackalloc byte[ShortKey]), value, comparand);

    /// <inheritdoc cref="PersistentSortedMap.Increment"/>
    public long Increment(ReadOnlySpan<byte> key, long by = 1) =>
        _map.Increment(Join(key, stackalloc byte[ShortKey]), by);

    /// <inheritdoc cref="PersistentSortedMap.Expire"/>
    public bool Expire(ReadOnlySpan<byte> key, DateTimeOffset? expiresAt) =>
        _map.Expire(Join(key, stackalloc byte[ShortKey]), expiresAt);

    /// <inheritdoc cref="PersistentSortedMap.Remove"/>
    public bool Remove(ReadOnlySpan<byte> key) => _map.Remove(Join(key, stackalloc byte[ShortKey]));

    /// <summary>Removes up to so many entries, from the first on; returns how many.</summary>
    public int RemoveFirst(int most) => RemoveFirst(most, default);

    /// <summary>Removes up to so many entries behind a key's; returns how many.</summary>
    internal int RemoveFirst(int most, ReadOnlySpan<byte> behind)
    {
        int removed = 0;
        SortedBatch batch = Batch(Joined(behind), includesStart: behind.IsEmpty, _end, descends: false);
        batch.KeepsExpired = true;
        while (removed < most && !batch.IsEnded)
        {
            _map.Core.Reader.Fill(batch);
            for (int i = 0; i < batch.Count && removed < most; i++)
            {
                Take take = default;
                _map.Mutate(batch.Key(i), ref take);
                removed++;
            }
        }

        return removed;
    }

    /// <inheritdoc cref="PersistentSortedMap.Scan"/>
    public SortedMapCursor Scan(ReadOnlySpan<byte> from = default, ReadOnlySpan<byte> to = default) =>
        new(_map.Core.Reader,
            Batch(Joined(from), includesStart: true, to.IsEmpty ? _end : Joined(to), descends: false));

    /// <inheritdoc cref="PersistentSortedMap.ScanDescending"/>
    public SortedMapCursor ScanDescending(ReadOnlySpan<byte> from = default, ReadOnlySpan<byte> to = default) =>
        new(_map.Core.Reader,
            Batch(to.IsEmpty ? _end : Joined(to), includesStart: false, Joined(from), descends: true));

    /// <inheritdoc cref="PersistentSortedMap.TryGetFirst"/>
    public bool TryGetFirst(out KeyValuePair<byte[], byte[]> entry) =>
        TryFind(Batch(_prefix, includesStart: true, _end, descends: false, limit: 1), out entry);

    /// <inheritdoc cref="PersistentSortedMap.TryGetLast"/>
    public bool TryGetLast(out KeyValuePair<byte[], byte[]> entry) =>
        TryFind(Batch(_end, includesStart: false, _prefix, descends: true, limit: 1), out entry);

    /// <inheritdoc cref="PersistentSortedMap.TryGetFloor"/>
    public bool TryGetFloor(ReadOnlySpan<byte> key, out KeyValuePair<byte[], byte[]> entry) =>
        TryFind(Batch(Joined(key), includesStart: true, _prefix, descends: true, limit: 1), out entry);

    /// <inheritdoc cref="PersistentSortedMap.TryGetCeiling"/>
    public bool TryGetCeiling(ReadOnlySpan<byte> key, out KeyValuePair<byte[], byte[]> entry) =>
        TryFind(Batch(Joined(key), includesStart: true, _end, descends: false, limit: 1), out entry);

    /// <inheritdoc cref="PersistentSortedMap.Rank"/>
    public long Rank(ReadOnlySpan<byte> key) => _map.CountRange(_prefix, Join(key, stackalloc byte[ShortKey]));

    /// <inheritdoc cref="PersistentSortedMap.CountRange"/>
    public long CountRange(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to) => _map.CountRange(
        Join(from, stackalloc byte[ShortKey]), to.IsEmpty ? _end : Join(to, stackalloc byte[ShortKey]));

    /// <inheritdoc cref="PersistentSortedMap.TryGetAt"/>
    public bool TryGetAt(long rank, out KeyValuePair<byte[], byte[]> entry)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rank);
        bool found = _map.TryGetAt(_map.Rank(_prefix) + rank, out KeyValuePair<byte[], byte[]> whole)
            && whole.Key.AsSpan().StartsWith(_prefix);
        entry = found ? new(whole.Key[_prefix.Length..], whole.Value) : default;
        return found;
    }

    /// <summary>
    /// The first key that comes behind all that begin with a prefix; none where that would be no key.
    /// </summary>
    internal static byte[]? Behind(ReadOnlySpan<byte> prefix)
    {
        int length = prefix.TrimEnd(byte.MaxValue).Length;
        if (length == 0)
        {
            return null;
        }

        byte[] behind = prefix[..length].ToArray();
        behind[^1]++;
        return behind;
    }

    private bool TryFind(SortedBatch batch, out KeyValuePair<byte[], byte[]> entry)
    {
        _map.Core.Reader.Fill(batch);
        bool found = batch.Count > 0;
        entry = found ? new(batch.Key(0)[_prefix.Length..].ToArray(), batch.Value(0).ToArray()) : default;
        return found;
    }

    private SortedBatch Batch(
        byte[]? start, bool includesStart, byte[]? end, bool descends, int limit = SlotOrder.Slots) =>
        new(start, includesStart, end, descends, limit) { SharedLength = _prefix.Length };

    private byte[] Joined(ReadOnlySpan<byte> key) => [.. _prefix, .. key];

    private ReadOnlySpan<byte> Join(ReadOnlySpan<byte> key, Span<byte> room)
    {
        int length = _prefix.Length + key.Length;
        Span<byte> joined = length <= room.Length ? room[..length] : new byte[length];
        _prefix.CopyTo(joined);
        key.CopyTo(joined[_prefix.Length..]);
        return joined;
    }

    // An expired record is removed as well as one that is seen.
    private readonly struct Take : IRecordMutation
    {
        public static bool ReadsCurrent => false;

        public RecordChange Decide(in RecordView current) => RecordChange.Remove();

        public void Write(in RecordView current, Span<byte> value)
        {
            // A removal writes nothing.
        }
    }
}

/// <summary>Sections of sorted maps.</summary>
public static class PersistentSortedMapSections
{
    /// <summary>The entries whose keys begin with these bytes, as an ordered map of its own.</summary>
    public static PersistentSortedMapSection Section(this PersistentSortedMap map, ReadOnlySpan<byte> prefix)
    {
        ArgumentNullException.ThrowIfNull(map);
        return new PersistentSortedMapSection(map, prefix);
    }
}
