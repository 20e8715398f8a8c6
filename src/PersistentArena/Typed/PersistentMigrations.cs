using GuestMemFs.Collections;
using GuestMemFs.Heap;
using GuestMemFs.Typed;

namespace GuestMemFs;

/// <summary>Makes of a value, and its key, what they are from now on.</summary>
/// <param name="key">The key, which stays.</param>
/// <param name="old">The value as it was.</param>
public delegate TNew ValueMigration<in TKey, in TOld, out TNew>(TKey key, TOld old);

/// <summary>Converts typed collections whose values become others.</summary>
/// <remarks>
/// <para>Each is converted into a copy beside it (name and <c>.new</c>), which takes its place with one store; then the
/// old one's memory is given back. So there has to be room for both. No other thread changes the heap meanwhile.</para>
/// <para>From the first record on the collection is refused to programs that know the old values or the new ones
/// (<see cref="PersistentShapeException"/>): killed meanwhile, the same call goes through with it, and converts no
/// record again that the copy has.</para>
/// </remarks>
public static class PersistentMigrations
{
    /// <summary>
    /// Converts a dictionary. Does nothing where there is none of that name, or its values are the new ones already; so
    /// it can stand before the open in each start, one call for each older type.
    /// </summary>
    /// <param name="heap">The heap.</param>
    /// <param name="name">The dictionary's name, of at most 27 bytes.</param>
    /// <param name="from">How keys and values lie in it.</param>
    /// <param name="to">How they are to lie in it. Nothing else of the options is of effect.</param>
    /// <param name="migrate">
    /// Makes a new value of an old one. It must not use the heap. What it throws comes out of this call, and the
    /// dictionary is as it was.
    /// </param>
    /// <returns>True where it was converted.</returns>
    /// <exception cref="PersistentShapeException">It holds neither.</exception>
    /// <exception cref="AtomicGroupException">This thread has a group open.</exception>
    /// <exception cref="ArenaOutOfSpaceException">
    /// There is no room for both. It is as it was, or, in a heap that is full to the last block, on its way.
    /// </exception>
    public static bool MigrateDictionary<TKey, TOld, TNew>(
        this PersistentHeap heap,
        string name,
        PersistentMapOptions<TKey, TOld>? from,
        PersistentMapOptions<TKey, TNew>? to,
        ValueMigration<TKey, TOld, TNew> migrate)
        where TKey : notnull
    {
        ArgumentNullException.ThrowIfNull(migrate);
        MapMigration migration = Plan(heap, name, from, to, migrate);
        return migration.Run(
            it => PersistentDictionary.OpenOrCreate(heap, it),
            bytes =>
            {
                var visitor = new ExpiringInto([]);
                ulong cursor = 0;
                do
                {
                    visitor.Page.Clear();
                    cursor = bytes.Scan(cursor, BucketsAPage, ref visitor);
                    visitor.Page.ForEach(migration.Convert);
                }
                while (cursor != 0);
            });
    }

    /// <summary>Converts a sorted map, as <see cref="MigrateDictionary"/> does a dictionary.</summary>
    /// <inheritdoc cref="MigrateDictionary" path="//*[not(self::summary)]"/>
    public static bool MigrateSortedMap<TKey, TOld, TNew>(
        this PersistentHeap heap,
        string name,
        PersistentMapOptions<TKey, TOld>? from,
        PersistentMapOptions<TKey, TNew>? to,
        ValueMigration<TKey, TOld, TNew> migrate)
        where TKey : notnull
    {
        ArgumentNullException.ThrowIfNull(migrate);
        MapMigration migration = Plan(heap, name, from, to, migrate);
        return migration.Run(
            it => PersistentSortedMap.OpenOrCreate(heap, it),
            bytes =>
            {
                SortedMapCursor cursor = bytes.Scan();
                while (cursor.MoveNext())
                {
                    SortedEntry entry = cursor.Current;
                    migration.Convert((entry.Key.ToArray(), entry.Value.ToArray(), entry.ExpiresAt));
                }
            });
    }

    private const int BucketsAPage = 64;

    private static MapMigration Plan<TKey, TOld, TNew>(
        PersistentHeap heap,
        string name,
        PersistentMapOptions<TKey, TOld>? from,
        PersistentMapOptions<TKey, TNew>? to,
        ValueMigration<TKey, TOld, TNew> migrate)
    {
        ArgumentNullException.ThrowIfNull(heap);
        ArgumentException.ThrowIfNullOrEmpty(name);
        IPersistentSerializer<TKey> oldKeys = from?.KeySerializer ?? PersistentSerializers.Default<TKey>();
        IPersistentSerializer<TKey> newKeys = to?.KeySerializer ?? PersistentSerializers.Default<TKey>();
        IPersistentSerializer<TOld> oldValues = from?.ValueSerializer ?? PersistentSerializers.Default<TOld>();
        IPersistentSerializer<TNew> newValues = to?.ValueSerializer ?? PersistentSerializers.Default<TNew>();
        return new MapMigration(heap, name, $"{oldKeys.Shape} -> {oldValues.Shape}",
            $"{newKeys.Shape} -> {newValues.Shape}", (record, copy) =>
            {
                TKey key = oldKeys.Read(record.Key);
                using Scratch keyBytes = Scratch.Of(newKeys, key);
                if (copy.ContainsKey(keyBytes.Written))
                {
                    return null; // by a call that was killed
                }

                using Scratch valueBytes = Scratch.Of(newValues, migrate(key, oldValues.Read(record.Value)));
                copy.Set(keyBytes.Written, valueBytes.Written, record.ExpiresAt);
                return keyBytes.Written.ToArray();
            });
    }

    private readonly struct ExpiringInto(List<(byte[] Key, byte[] Value, DateTimeOffset? ExpiresAt)> page)
        : IRecordVisitor
    {
        public List<(byte[] Key, byte[] Value, DateTimeOffset? ExpiresAt)> Page => page;

        public void Visit(in RecordView record)
        {
            DateTimeOffset? expiresAt = record.ExpiresAt == RecordView.NoExpiry ? null
                : DateTimeOffset.FromUnixTimeMilliseconds(record.ExpiresAt);
            page.Add((record.Key.ToArray(), CopyOut.ToBytes(record), expiresAt));
        }
    }
}
