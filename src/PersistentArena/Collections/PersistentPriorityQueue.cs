using System.Collections;
using GuestMemFs.Collections;
using GuestMemFs.Heap;

namespace GuestMemFs;

/// <summary>
/// A crash-safe priority queue of byte strings in a <see cref="PersistentHeap"/>: the lowest priority is first, and of
/// equal ones the one that was enqueued first. A due time is a priority too. A consumer takes an entry away, or has it
/// leased until a time, so that a crash between taking and doing does not lose it.
/// </summary>
/// <remarks>
/// <para>It is a thin layer over a <see cref="PersistentSortedMap"/>. Enqueue, dequeue, <see cref="Remove"/> and <see
/// cref="Complete"/> are one store each. A lease, its end without <see cref="Complete"/> and a change of priority move
/// an entry: a group (<see cref="PersistentHeap.BeginAtomic"/>), or part of the one that the thread has open.</para>
/// <para>A lease that has passed is found by the next <see cref="TryDequeue(out QueueEntry)"/> or <see
/// cref="TryLease(TimeSpan, out QueueLease)"/> of any kind, in this process or after a crash: its entry is waiting
/// again with its old priority and number.</para>
/// <para>Thread-safe. Reads take no lock and never wait for a writer, in this process or in another one. Writers of one
/// queue take turns.</para>
/// </remarks>
public sealed unsafe class PersistentPriorityQueue : IEnumerable<QueueEntry>
{
    /// <summary>Longest payload, in bytes.</summary>
    public const int MaximumPayloadLength = PersistentDictionary.MaximumValueLength - QueueKeys.LeasedHead;

    // Leases that have passed and are given back by one call.
    private const int MostPassed = 64;

    private readonly PersistentSortedMap _map;
    private readonly TimeProvider _time;

    private PersistentPriorityQueue(PersistentSortedMap map, TimeProvider time)
    {
        _map = map;
        _time = time;
    }

    /// <summary>The number of entries that wait, leased ones not counted: in O(log n).</summary>
    public long Count => _map.Rank(QueueKeys.Number);

    /// <summary>
    /// The number of entries that are leased, those included whose lease has passed and was not found yet.
    /// </summary>
    public long LeasedCount => _map.CountRange(QueueKeys.FirstLeased, default);

    /// <summary>Bytes that the entries' blocks take; nodes come to about 40 bytes an entry more.</summary>
    public long RecordBytes => _map.RecordBytes;

    internal PersistentHeap Heap => _map.Core.Heap;

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Opens the queue of that name (1 to 31 bytes of UTF-8) in the heap, or creates it.</summary>
    /// <param name="heap">The heap.</param>
    /// <param name="name">The queue's name.</param>
    /// <param name="timeProvider">The clock of due times and leases; null for the system's.</param>
    /// <exception cref="HeapLayoutException">The name is taken by something else.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room for a new queue.</exception>
    /// <exception cref="AtomicGroupException">It is not there, and this thread has a group open.</exception>
    public static PersistentPriorityQueue OpenOrCreate(
        PersistentHeap heap, string name, TimeProvider? timeProvider = null) =>
        new(PersistentSortedMap.OpenAs(heap, name, TreeKind.PriorityQueue), heap.ClockOf(timeProvider));

    /// <summary>Adds an entry.</summary>
    /// <exception cref="ArgumentException">The payload is too long.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    public QueueEntryId Enqueue(long priority, ReadOnlySpan<byte> payload)
    {
        QueueEntryId id = new(priority, _map.Increment(QueueKeys.Number));
        Put(id, payload, deliveries: 0);
        return id;
    }

    /// <summary>Adds an entry that is due at a time, to the millisecond.</summary>
    /// <inheritdoc cref="Enqueue(long, ReadOnlySpan{byte})" path="/exception"/>
    public QueueEntryId Enqueue(DateTimeOffset due, ReadOnlySpan<byte> payload) =>
        Enqueue(due.ToUnixTimeMilliseconds(), payload);

    /// <summary>The first entry that waits; false where there is none.</summary>
    public bool TryPeek(out QueueEntry entry)
    {
        CopyEntry first = default;
        bool isThere = _map.Core.Reader.TryReadEnd(last: false, ref first) && first.IsWaiting;
        entry = isThere ? first.Entry : default;
        return isThere;
    }

    /// <summary>Takes the first entry that waits away; false where there is none.</summary>
    /// <remarks>A crash before the caller has done its work loses the entry: lease it instead.</remarks>
    public bool TryDequeue(out QueueEntry entry) => TryDequeue(long.MaxValue, out entry);

    /// <summary>The same where its priority is not above one.</summary>
    public bool TryDequeue(long highestPriority, out QueueEntry entry)
    {
        ReturnPassedLeases(Now);
        return TryTake(highestPriority, out entry);
    }

    /// <summary>The same where its priority is a time that has come.</summary>
    public bool TryDequeueDue(out QueueEntry entry) => TryDequeue(Now, out entry);

    /// <summary>
    /// Leases the first entry that waits until so long from now; false where there is none. Call <see cref="Complete"/>
    /// when its work is done; without, it is waiting again when the lease has passed.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The lease would have passed already.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    public bool TryLease(TimeSpan duration, out QueueLease lease) => TryLease(long.MaxValue, duration, out lease);

    /// <summary>The same where its priority is not above one.</summary>
    /// <inheritdoc cref="TryLease(TimeSpan, out QueueLease)" path="/exception"/>
    public bool TryLease(long highestPriority, TimeSpan duration, out QueueLease lease)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(duration, TimeSpan.FromMilliseconds(1));
        long now = Now;
        ReturnPassedLeases(now);
        lease = default;
        if (!TryPeek(out QueueEntry first) || first.Id.Priority > highestPriority)
        {
            return false;
        }

        using JoinedGroup group = Heap.BeginOrJoin();
        bool taken = TryTake(highestPriority, out QueueEntry entry);
        if (taken)
        {
            lease = PutLease(entry with { Deliveries = entry.Deliveries + 1 }, now, duration);
        }

        group.Commit();
        return taken;
    }

    /// <summary>The same where its priority is a time that has come.</summary>
    /// <inheritdoc cref="TryLease(TimeSpan, out QueueLease)" path="/exception"/>
    public bool TryLeaseDue(TimeSpan duration, out QueueLease lease) => TryLease(Now, duration, out lease);

    /// <summary>
    /// The work of a leased entry is done: it is gone. False where the lease has passed and another consumer, or the
    /// queue, has the entry again.
    /// </summary>
    public bool Complete(in QueueLease lease)
    {
        Span<byte> key = stackalloc byte[QueueKeys.Length];
        return _map.Remove(KeyOf(lease, key));
    }

    /// <summary>
    /// Leases the entry until so long from now instead; false where the lease is none any more (<see
    /// cref="Complete"/>).
    /// </summary>
    /// <inheritdoc cref="TryLease(TimeSpan, out QueueLease)" path="/exception"/>
    public bool TryExtend(in QueueLease lease, TimeSpan duration, out QueueLease extended)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(duration, TimeSpan.FromMilliseconds(1));
        using JoinedGroup group = Heap.BeginOrJoin();
        bool isThere = Complete(lease);
        extended = isThere ? PutLease(lease.Entry, Now, duration) : default;
        group.Commit();
        return isThere;
    }

    /// <summary>
    /// Gives the entry back before its lease has passed, with another priority if one is named (a later due time);
    /// false where the lease is none any more (<see cref="Complete"/>).
    /// </summary>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    public bool Return(in QueueLease lease, long? priority = null)
    {
        using JoinedGroup group = Heap.BeginOrJoin();
        bool isThere = Complete(lease);
        if (isThere)
        {
            QueueEntry entry = lease.Entry;
            Put(entry.Id with { Priority = priority ?? entry.Id.Priority }, entry.Payload, entry.Deliveries);
        }

        group.Commit();
        return isThere;
    }

    /// <summary>
    /// Gives entries back whose leases have passed, up to 64; returns how many. Every dequeue and lease does the same.
    /// </summary>
    public int ReturnPassedLeases() => ReturnPassedLeases(Now);

    /// <summary>Removes an entry that waits; false where there is none.</summary>
    public bool Remove(QueueEntryId id)
    {
        Span<byte> key = stackalloc byte[QueueKeys.Length];
        return _map.Remove(QueueKeys.Write(QueueKeys.Waiting, id.Priority, id.Sequence, key));
    }

    /// <summary>True for an entry that waits.</summary>
    public bool Contains(QueueEntryId id)
    {
        Span<byte> key = stackalloc byte[QueueKeys.Length];
        return _map.ContainsKey(QueueKeys.Write(QueueKeys.Waiting, id.Priority, id.Sequence, key));
    }

    /// <summary>
    /// Gives an entry that waits another priority; false where there is none. Among equal ones it comes where it was
    /// enqueued.
    /// </summary>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    public bool TryChangePriority(QueueEntryId id, long priority, out QueueEntryId changed)
    {
        changed = id with { Priority = priority };
        if (changed == id)
        {
            return Contains(id);
        }

        Span<byte> key = stackalloc byte[QueueKeys.Length];
        using JoinedGroup group = Heap.BeginOrJoin();
        TakeEntry taken = default;
        _map.Mutate(QueueKeys.Write(QueueKeys.Waiting, id.Priority, id.Sequence, key), ref taken);
        if (taken.IsThere)
        {
            Put(changed, taken.Entry.Payload, taken.Entry.Deliveries);
        }

        group.Commit();
        return taken.IsThere;
    }

    /// <summary>
    /// The entries that wait, the first one first: copies, as a <see cref="SortedMapCursor"/> sees them.
    /// </summary>
    public IEnumerator<QueueEntry> GetEnumerator()
    {
        SortedMapCursor cursor = _map.Scan(default, QueueKeys.Number);
        while (cursor.MoveNext())
        {
            yield return QueueKeys.Entry(cursor.Current.Key, cursor.Current.Value);
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>
    /// The leases that there are, the one first that passes first: copies. Those that have passed and were not found
    /// yet are among them.
    /// </summary>
    public IEnumerable<QueueLease> GetLeases()
    {
        SortedMapCursor cursor = _map.Scan(QueueKeys.FirstLeased);
        while (cursor.MoveNext())
        {
            ReadOnlySpan<byte> key = cursor.Current.Key;
            yield return new QueueLease(QueueKeys.LeasedEntry(key, cursor.Current.Value), QueueKeys.First(key));
        }
    }

    private static Span<byte> KeyOf(QueueLease lease, Span<byte> key) =>
        QueueKeys.Write(QueueKeys.Leased, lease.UntilUnixMilliseconds, lease.Entry.Id.Sequence, key);

    private bool TryTake(long highestPriority, out QueueEntry entry)
    {
        QueueHead head = new(highestPriority);
        TakeEntry taken = default;
        bool isThere = _map.MutateChosen(ref head, ref taken);
        entry = taken.Entry;
        return isThere;
    }

    private void Put(QueueEntryId id, ReadOnlySpan<byte> payload, int deliveries)
    {
        byte* room = stackalloc byte[QueueKeys.Length];
        Span<byte> key = new(room, QueueKeys.Length);
        PutEntry put = new(payload, deliveries, priority: null);
        _map.Mutate(QueueKeys.Write(QueueKeys.Waiting, id.Priority, id.Sequence, key), ref put);
    }

    private QueueLease PutLease(QueueEntry entry, long now, TimeSpan duration)
    {
        long until = checked(now + (long)duration.TotalMilliseconds);
        QueueLease lease = new(entry, until);
        byte* room = stackalloc byte[QueueKeys.Length];
        Span<byte> key = new(room, QueueKeys.Length);
        PutEntry put = new(entry.Payload, entry.Deliveries, entry.Id.Priority);
        _map.Mutate(KeyOf(lease, key), ref put);
        return lease;
    }

    private int ReturnPassedLeases(long now)
    {
        Heap.ThrowIfClosed();
        if (!HasPassedLease(now))
        {
            return 0;
        }

        using JoinedGroup group = Heap.BeginOrJoin();
        int returned = 0;
        SortedMapCursor leased = _map.Scan(QueueKeys.FirstLeased);
        while (returned < MostPassed && leased.MoveNext() && QueueKeys.First(leased.Current.Key) <= now)
        {
            QueueEntry entry = QueueKeys.LeasedEntry(leased.Current.Key, leased.Current.Value);
            _map.Remove(leased.Current.Key);
            Put(entry.Id, entry.Payload, entry.Deliveries);
            returned++;
        }

        group.Commit();
        return returned;
    }

    // Where there are leases at all, the last key is one's.
    private bool HasPassedLease(long now)
    {
        Span<byte> room = stackalloc byte[QueueKeys.Length];
        CopyKey last = new(room);
        return _map.Core.Reader.TryReadEnd(last: true, ref last) && last.Key[0] == QueueKeys.Leased
            && _map.TryGetCeiling(QueueKeys.FirstLeased, out KeyValuePair<byte[], byte[]> first)
            && QueueKeys.First(first.Key) <= now;
    }

    private struct CopyEntry : IRecordReader
    {
        public bool IsWaiting { get; private set; }

        public QueueEntry Entry { get; private set; }

        public void Read(in RecordView record)
        {
            ReadOnlySpan<byte> key = record.Key;
            IsWaiting = key.Length == QueueKeys.Length && key[0] == QueueKeys.Waiting
                && record.Value.Length >= QueueKeys.WaitingHead;
            Entry = IsWaiting ? QueueKeys.Entry(key, record.Value) : default;
        }
    }
}
