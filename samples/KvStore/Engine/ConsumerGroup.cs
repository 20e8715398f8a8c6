using System.Buffers.Binary;
using GuestMemFs;
using KvStore.Protocol;

namespace KvStore.Engine;

/// <summary>A reader of a group.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Number">Its number in the group.</param>
/// <param name="Seen">When it last came, in milliseconds of the wall clock.</param>
internal sealed record Consumer(byte[] Name, long Number, long Seen);

/// <summary>An entry that was delivered and not acknowledged.</summary>
/// <param name="Id">The entry, which may be removed meanwhile.</param>
/// <param name="Consumer">The number of its consumer.</param>
/// <param name="DeliveredAt">When it was delivered last, in milliseconds of the wall clock.</param>
/// <param name="Deliveries">How often.</param>
internal readonly record struct PendingEntry(StreamId Id, long Consumer, long DeliveredAt, long Deliveries);

/// <summary>
/// A group of consumers of a stream: what it has read, and what each consumer has to acknowledge. Each pending entry is
/// there twice: under the group with its facts, and under its consumer.
/// </summary>
internal sealed class ConsumerGroup(PersistentSortedMapSection section)
{
    /// <summary>What <see cref="EntriesRead"/> is where nobody knows.</summary>
    public const long Unknown = -1;

    private const int PendingSize = 3 * sizeof(long);
    private const int ConsumerSize = 2 * sizeof(long);

    public required byte[] Name { get; init; }

    /// <summary>Its number in the stream; no other group had it before.</summary>
    public required long Number { get; init; }

    /// <summary>The last entry that was delivered.</summary>
    public StreamId LastId { get; set; }

    /// <summary>How many entries were before and at that one.</summary>
    public long EntriesRead { get; set; }

    /// <summary>The number of the last consumer that was created.</summary>
    public long LastConsumer { get; set; }

    public long PendingCount => CountOf(GroupKeys.Pending(Number));

    public long ConsumerCount => CountOf(GroupKeys.Consumers(Number));

    /// <summary>All, in the order of their names' bytes.</summary>
    public IEnumerable<Consumer> Consumers
    {
        get
        {
            byte[] prefix = GroupKeys.Consumers(Number);
            SortedMapCursor cursor = section.Scan(prefix, GroupKeys.Behind(prefix));
            while (cursor.MoveNext())
            {
                SortedEntry entry = cursor.Current;
                yield return ReadConsumer(entry.Key[prefix.Length..], entry.Value);
            }
        }
    }

    /// <summary>The consumer of a name; null where there is none.</summary>
    public Consumer? FindConsumer(ReadOnlySpan<byte> name)
    {
        byte[]? value = section.Get(GroupKeys.Consumer(Number, name));
        return value is null ? null : ReadConsumer(name, value);
    }

    /// <summary>Makes a consumer. The group is to be stored: it knows one more.</summary>
    public Consumer CreateConsumer(ReadOnlySpan<byte> name, long now)
    {
        Consumer consumer = new(name.ToArray(), ++LastConsumer, now);
        Store(consumer);
        return consumer;
    }

    public void Store(Consumer consumer)
    {
        Span<byte> value = stackalloc byte[ConsumerSize];
        BinaryPrimitives.WriteInt64BigEndian(value, consumer.Number);
        BinaryPrimitives.WriteInt64BigEndian(value[sizeof(long)..], consumer.Seen);
        section.Set(GroupKeys.Consumer(Number, consumer.Name), value);
    }

    /// <summary>Removes a consumer, and what it has to acknowledge; how many entries that were.</summary>
    public long Remove(Consumer consumer)
    {
        List<PendingEntry> pending = [.. PendingOf(consumer, StreamId.Zero, StreamId.Last)];
        pending.ForEach(Remove);
        section.Remove(GroupKeys.Consumer(Number, consumer.Name));
        return pending.Count;
    }

    public long CountPendingOf(Consumer consumer) => CountOf(GroupKeys.PendingOf(Number, consumer.Number));

    public bool TryGetPending(StreamId id, out PendingEntry pending)
    {
        byte[]? value = section.Get(GroupKeys.Pending(Number, id));
        pending = value is null ? default : ReadPending(id, value);
        return value is not null;
    }

    /// <summary>What is to be acknowledged, from an id to another, both included.</summary>
    public IEnumerable<PendingEntry> Pending(StreamId from, StreamId to)
    {
        SortedMapCursor cursor = Scan(GroupKeys.Pending(Number), from, to);
        while (cursor.MoveNext())
        {
            SortedEntry entry = cursor.Current;
            yield return ReadPending(StreamId.Read(entry.Key[^StreamId.Length..]), entry.Value);
        }
    }

    /// <summary>The same of one consumer.</summary>
    public IEnumerable<PendingEntry> PendingOf(Consumer consumer, StreamId from, StreamId to)
    {
        SortedMapCursor cursor = Scan(GroupKeys.PendingOf(Number, consumer.Number), from, to);
        while (cursor.MoveNext())
        {
            if (TryGetPending(StreamId.Read(cursor.Current.Key[^StreamId.Length..]), out PendingEntry pending))
            {
                yield return pending;
            }
        }
    }

    /// <summary>The first one with an id from that on, or the last one; false where there is none.</summary>
    public bool TryGetEdge(StreamId from, bool isLast, out StreamId id)
    {
        byte[] prefix = GroupKeys.Pending(Number);
        bool found = isLast
            ? section.TryGetFloor(GroupKeys.Pending(Number, StreamId.Last), out KeyValuePair<byte[], byte[]> entry)
            : section.TryGetCeiling(GroupKeys.Pending(Number, from), out entry);
        found = found && entry.Key.AsSpan().StartsWith(prefix);
        id = found ? StreamId.Read(entry.Key.AsSpan(prefix.Length)) : StreamId.Zero;
        return found;
    }

    /// <summary>An entry is delivered, to a consumer that may not be the one that had it.</summary>
    public void Put(in PendingEntry pending)
    {
        bool isNew = !TryGetPending(pending.Id, out PendingEntry old);
        if (isNew || old.Consumer != pending.Consumer)
        {
            if (!isNew)
            {
                section.Remove(GroupKeys.PendingOf(Number, old.Consumer, pending.Id));
            }

            section.Set(GroupKeys.PendingOf(Number, pending.Consumer, pending.Id), default);
        }

        Span<byte> value = stackalloc byte[PendingSize];
        BinaryPrimitives.WriteInt64BigEndian(value, pending.Consumer);
        BinaryPrimitives.WriteInt64BigEndian(value[sizeof(long)..], pending.DeliveredAt);
        BinaryPrimitives.WriteInt64BigEndian(value[(2 * sizeof(long))..], pending.Deliveries);
        section.Set(GroupKeys.Pending(Number, pending.Id), value);
    }

    /// <summary>An entry needs no acknowledgement any more.</summary>
    public void Remove(PendingEntry pending)
    {
        section.Remove(GroupKeys.Pending(Number, pending.Id));
        section.Remove(GroupKeys.PendingOf(Number, pending.Consumer, pending.Id));
    }

    private static Consumer ReadConsumer(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) => new(
        name.ToArray(), BinaryPrimitives.ReadInt64BigEndian(value),
        BinaryPrimitives.ReadInt64BigEndian(value[sizeof(long)..]));

    private static PendingEntry ReadPending(StreamId id, ReadOnlySpan<byte> value) => new(
        id, BinaryPrimitives.ReadInt64BigEndian(value), BinaryPrimitives.ReadInt64BigEndian(value[sizeof(long)..]),
        BinaryPrimitives.ReadInt64BigEndian(value[(2 * sizeof(long))..]));

    private long CountOf(byte[] prefix) => section.CountRange(prefix, GroupKeys.Behind(prefix));

    private SortedMapCursor Scan(byte[] prefix, StreamId from, StreamId to)
    {
        byte[] start = [.. prefix, .. new byte[StreamId.Length]];
        from.Write(start.AsSpan(prefix.Length));
        byte[] end = GroupKeys.Behind(prefix);
        if (to.TryNext(out StreamId next))
        {
            end = [.. prefix, .. new byte[StreamId.Length]];
            next.Write(end.AsSpan(prefix.Length));
        }

        return section.Scan(start, end);
    }
}
