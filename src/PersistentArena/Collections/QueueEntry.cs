namespace GuestMemFs;

/// <summary>
/// Which entry of a <see cref="PersistentPriorityQueue"/>: its priority, and its number, which no other entry has had.
/// </summary>
/// <param name="Priority">The lowest one is first. Of a due time: milliseconds since 1970-01-01 UTC.</param>
/// <param name="Sequence">Rises with each entry: among equal priorities, the lowest one is first.</param>
public readonly record struct QueueEntryId(long Priority, long Sequence);

/// <summary>An entry of a <see cref="PersistentPriorityQueue"/>: copies.</summary>
/// <param name="Id">Which it is.</param>
/// <param name="Payload">Its bytes.</param>
/// <param name="Deliveries">How often it was leased before.</param>
public readonly record struct QueueEntry(QueueEntryId Id, byte[] Payload, int Deliveries);

/// <summary>
/// An entry that one consumer has until a time. When it has passed, the entry is waiting again, and the lease is none
/// any more.
/// </summary>
/// <param name="Entry">The entry; its deliveries count this one.</param>
/// <param name="UntilUnixMilliseconds">When the lease passes, in milliseconds since 1970-01-01 UTC.</param>
public readonly record struct QueueLease(QueueEntry Entry, long UntilUnixMilliseconds);
