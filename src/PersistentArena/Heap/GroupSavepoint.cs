namespace GuestMemFs;

/// <summary>
/// A point within an <see cref="AtomicGroup"/>, from <see cref="AtomicGroup.Savepoint"/>. Good until the group ends or
/// goes back further.
/// </summary>
public readonly record struct GroupSavepoint
{
    internal GroupSavepoint(long group, int changes)
    {
        Group = group;
        Changes = changes;
    }

    internal long Group { get; }

    internal int Changes { get; }
}
