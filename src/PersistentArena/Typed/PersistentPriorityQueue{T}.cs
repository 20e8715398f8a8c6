using System.Collections;
using GuestMemFs.Typed;

namespace GuestMemFs;

/// <summary>An entry of a <see cref="PersistentPriorityQueue{T}"/>.</summary>
/// <param name="Id">Which it is.</param>
/// <param name="Value">A copy of what was enqueued.</param>
/// <param name="Deliveries">How often it was leased before.</param>
public readonly record struct QueueEntry<T>(QueueEntryId Id, T Value, int Deliveries);

/// <summary>An entry that one consumer has until a time: <see cref="QueueLease"/>.</summary>
/// <param name="Value">A copy of what was enqueued.</param>
/// <param name="Bytes">The lease.</param>
public readonly record struct QueueLease<T>(T Value, QueueLease Bytes);

/// <summary>
/// A <see cref="PersistentPriorityQueue"/> of one type, which <see cref="PersistentCollections"/> opens.
/// </summary>
/// <remarks>
/// Thread-safe. Values are copies: a change of an object that was read is a change of the object alone.
/// </remarks>
/// <typeparam name="T">The values' type.</typeparam>
public sealed class PersistentPriorityQueue<T> : IEnumerable<QueueEntry<T>>
{
    private readonly IPersistentSerializer<T> _serializer;

    internal PersistentPriorityQueue(PersistentPriorityQueue bytes, IPersistentSerializer<T> serializer)
    {
        Bytes = bytes;
        _serializer = serializer;
    }

    /// <summary>The queue of bytes that holds it. What is enqueued there has to have the serializer's form.</summary>
    public PersistentPriorityQueue Bytes { get; }

    /// <inheritdoc cref="PersistentPriorityQueue.Count"/>
    public long Count => Bytes.Count;

    /// <inheritdoc cref="PersistentPriorityQueue.LeasedCount"/>
    public long LeasedCount => Bytes.LeasedCount;

    /// <inheritdoc cref="PersistentPriorityQueue.Enqueue(long, ReadOnlySpan{byte})"/>
    public QueueEntryId Enqueue(long priority, T value)
    {
        using var bytes = Scratch.Of(_serializer, value);
        return Bytes.Enqueue(priority, bytes.Written);
    }

    /// <inheritdoc cref="PersistentPriorityQueue.Enqueue(DateTimeOffset, ReadOnlySpan{byte})"/>
    public QueueEntryId Enqueue(DateTimeOffset due, T value) => Enqueue(due.ToUnixTimeMilliseconds(), value);

    /// <inheritdoc cref="PersistentPriorityQueue.TryPeek"/>
    public bool TryPeek(out QueueEntry<T> entry) => Convert(Bytes.TryPeek(out QueueEntry bytes), bytes, out entry);

    /// <inheritdoc cref="PersistentPriorityQueue.TryDequeue(out QueueEntry)"/>
    public bool TryDequeue(out QueueEntry<T> entry) =>
        Convert(Bytes.TryDequeue(out QueueEntry bytes), bytes, out entry);

    /// <inheritdoc cref="PersistentPriorityQueue.TryDequeue(long, out QueueEntry)"/>
    public bool TryDequeue(long highestPriority, out QueueEntry<T> entry) =>
        Convert(Bytes.TryDequeue(highestPriority, out QueueEntry bytes), bytes, out entry);

    /// <inheritdoc cref="PersistentPriorityQueue.TryDequeueDue"/>
    public bool TryDequeueDue(out QueueEntry<T> entry) =>
        Convert(Bytes.TryDequeueDue(out QueueEntry bytes), bytes, out entry);

    /// <inheritdoc cref="PersistentPriorityQueue.TryLease(TimeSpan, out QueueLease)"/>
    public bool TryLease(TimeSpan duration, out QueueLease<T> lease) =>
        Convert(Bytes.TryLease(duration, out QueueLease bytes), bytes, out lease);

    /// <inheritdoc cref="PersistentPriorityQueue.TryLeaseDue"/>
    public bool TryLeaseDue(TimeSpan duration, out QueueLease<T> lease) =>
        Convert(Bytes.TryLeaseDue(duration, out QueueLease bytes), bytes, out lease);

    /// <inheritdoc cref="PersistentPriorityQueue.Complete"/>
    public bool Complete(in QueueLease<T> lease) => Bytes.Complete(lease.Bytes);

    /// <inheritdoc cref="PersistentPriorityQueue.TryExtend"/>
    public bool TryExtend(in QueueLease<T> lease, TimeSpan duration, out QueueLease<T> extended)
    {
        bool isThere = Bytes.TryExtend(lease.Bytes, duration, out QueueLease bytes);
        extended = isThere ? lease with { Bytes = bytes } : default;
        return isThere;
    }

    /// <inheritdoc cref="PersistentPriorityQueue.Return"/>
    public bool Return(in QueueLease<T> lease, long? priority = null) => Bytes.Return(lease.Bytes, priority);

    /// <inheritdoc cref="PersistentPriorityQueue.Remove"/>
    public bool Remove(QueueEntryId id) => Bytes.Remove(id);

    /// <inheritdoc cref="PersistentPriorityQueue.TryChangePriority"/>
    public bool TryChangePriority(QueueEntryId id, long priority, out QueueEntryId changed) =>
        Bytes.TryChangePriority(id, priority, out changed);

    /// <inheritdoc cref="PersistentPriorityQueue.GetEnumerator"/>
    public IEnumerator<QueueEntry<T>> GetEnumerator() => Bytes.Select(Convert).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private QueueEntry<T> Convert(QueueEntry bytes) => new(bytes.Id, _serializer.Read(bytes.Payload), bytes.Deliveries);

    private bool Convert(bool found, QueueEntry bytes, out QueueEntry<T> entry)
    {
        entry = found ? Convert(bytes) : default;
        return found;
    }

    private bool Convert(bool found, QueueLease bytes, out QueueLease<T> lease)
    {
        lease = found ? new(_serializer.Read(bytes.Entry.Payload), bytes) : default;
        return found;
    }
}
