using System.Globalization;
using GuestMemFs.Collections;
using GuestMemFs.Heap;
using GuestMemFs.Typed;

namespace GuestMemFs;

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
        var shapes = new MapShapes<TKey, TOld, TNew>(heap, name, from, to);
        return new CollectionMigration<PersistentDictionary>(heap, name, shapes.From, shapes.To,
            new DictionaryMigration(heap, (record, copy) => shapes.Convert(record, copy, migrate))).Run();
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
        var shapes = new MapShapes<TKey, TOld, TNew>(heap, name, from, to);
        return new CollectionMigration<PersistentSortedMap>(heap, name, shapes.From, shapes.To, new TreeMigration(
            heap, TreeKind.SortedMap, (record, copy) => shapes.Convert(record, copy, migrate))).Run();
    }

    /// <summary>Converts a list's elements, as <see cref="MigrateDictionary"/> does a dictionary's values.</summary>
    /// <param name="heap">The heap.</param>
    /// <param name="name">The list's name, of at most 27 bytes.</param>
    /// <param name="from">How elements lie in it.</param>
    /// <param name="to">How they are to lie in it. Nothing else of the options is of effect.</param>
    /// <param name="migrate">
    /// Makes a new element of an old one. It must not use the heap. What it throws comes out of this call, and the list
    /// is as it was.
    /// </param>
    /// <inheritdoc cref="MigrateDictionary" path="//*[self::returns or self::exception]"/>
    public static bool MigrateList<TOld, TNew>(
        this PersistentHeap heap,
        string name,
        PersistentElementOptions<TOld>? from,
        PersistentElementOptions<TNew>? to,
        Func<TOld, TNew> migrate)
    {
        ArgumentNullException.ThrowIfNull(migrate);
        var shapes = new ElementShapes<TOld, TNew>(heap, name, from?.Serializer, to?.Serializer);
        return shapes.Run(TreeKind.List, (record, copy) =>
        {
            if (copy.ContainsKey(record.Key))
            {
                return null;
            }

            using Scratch element = shapes.Convert(record.Value, migrate);
            copy.Set(record.Key, element.Written);
            return record.Key;
        });
    }

    /// <summary>
    /// Converts a set's members, as <see cref="MigrateList"/> does a list's elements. Members that become equal are
    /// one.
    /// </summary>
    /// <inheritdoc cref="MigrateList" path="//*[not(self::summary)]"/>
    public static bool MigrateSet<TOld, TNew>(
        this PersistentHeap heap,
        string name,
        PersistentElementOptions<TOld>? from,
        PersistentElementOptions<TNew>? to,
        Func<TOld, TNew> migrate)
        where TOld : notnull
        where TNew : notnull
    {
        ArgumentNullException.ThrowIfNull(migrate);
        var shapes = new ElementShapes<TOld, TNew>(heap, name, from?.Serializer, to?.Serializer);
        return shapes.Run(TreeKind.Set, (record, copy) =>
        {
            using Scratch member = shapes.Convert(record.Key, migrate);
            return copy.TryAdd(member.Written, default) ? member.Written.ToArray() : null;
        });
    }

    /// <summary>
    /// Converts what waits in a priority queue and what is leased, as <see cref="MigrateList"/> does a list's elements.
    /// Ids, priorities, deliveries and leases stay.
    /// </summary>
    /// <inheritdoc cref="MigrateList" path="//*[not(self::summary)]"/>
    public static bool MigratePriorityQueue<TOld, TNew>(
        this PersistentHeap heap,
        string name,
        PersistentElementOptions<TOld>? from,
        PersistentElementOptions<TNew>? to,
        Func<TOld, TNew> migrate)
    {
        ArgumentNullException.ThrowIfNull(migrate);
        var shapes = new ElementShapes<TOld, TNew>(heap, name, from?.Serializer, to?.Serializer);
        return shapes.Run(TreeKind.PriorityQueue, (record, copy) =>
        {
            if (copy.ContainsKey(record.Key))
            {
                return null;
            }

            if (record.Key[0] == QueueKeys.LastNumber)
            {
                copy.Increment(record.Key, long.Parse(record.Value, CultureInfo.InvariantCulture));
                return record.Key;
            }

            int head = record.Key[0] == QueueKeys.Leased ? QueueKeys.LeasedHead : QueueKeys.WaitingHead;
            using Scratch payload = shapes.Convert(record.Value.AsSpan(head), migrate);
            copy.Set(record.Key, [.. record.Value.AsSpan(0, head), .. payload.Written]);
            return record.Key;
        });
    }

    /// <summary>
    /// Converts a log's entries, as <see cref="MigrateList"/> does a list's elements. Ids and positions stay; <see
    /// cref="LogEntry.Index"/> counts from the oldest entry that there is.
    /// </summary>
    /// <inheritdoc cref="MigrateList" path="//*[not(self::summary)]"/>
    public static bool MigrateLog<TOld, TNew>(
        this PersistentHeap heap,
        string name,
        PersistentLogOptions<TOld>? from,
        PersistentLogOptions<TNew>? to,
        Func<TOld, TNew> migrate)
    {
        ArgumentNullException.ThrowIfNull(migrate);
        var shapes = new ElementShapes<TOld, TNew>(heap, name, from?.Serializer, to?.Serializer);
        return new CollectionMigration<PersistentLog>(heap, name, shapes.From, shapes.To, new LogMigration(
            heap,
            (id, value, copy) =>
            {
                using Scratch entry = shapes.Convert(value, migrate);
                copy.Append(id, entry.Written);
            })).Run();
    }
}
