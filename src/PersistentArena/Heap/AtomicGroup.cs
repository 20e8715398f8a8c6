using GuestMemFs.Heap;

namespace GuestMemFs;

/// <summary>
/// A group of changes of one heap by one thread: dictionaries, roots and objects. It is atomic over a crash:
/// <see cref="Commit"/> makes it true with one store. Dispose without commit goes back, in all of them.
/// </summary>
/// <remarks>
/// <para>The group belongs to the thread that began it. A copy of this value means the same group, and does nothing to
/// a later one.</para>
/// <para>A thread that ends takes its open group back: the next who waits for it does so. The close of the arena waits
/// a second for another thread's group, and takes it back then.</para>
/// </remarks>
public ref struct AtomicGroup
{
    private readonly HeapGroups? _groups;
    private long _number;

    internal AtomicGroup(HeapGroups groups, int changes)
    {
        _groups = groups;
        _number = groups.Begin(changes);
    }

    /// <summary>Makes the group true, and ends it.</summary>
    /// <exception cref="AtomicGroupException">It has ended already, by this value or a copy of it, or is another
    /// thread's.</exception>
    /// <exception cref="ObjectDisposedException">The arena was closed meanwhile; the group was taken back.</exception>
    public void Commit()
    {
        if (_groups is null || _number == 0)
        {
            throw AtomicGroupException.Ended();
        }

        _groups.Commit(_number);
        _number = 0;
    }

    /// <summary>A point within the group to go back to with <see cref="RollBackTo"/>: all changes so far.</summary>
    /// <exception cref="AtomicGroupException">The group has ended, or is another thread's.</exception>
    public readonly GroupSavepoint Savepoint() => _groups is null || _number == 0
        ? throw AtomicGroupException.Ended()
        : new GroupSavepoint(_number, _groups.SetSavepoint(_number));

    /// <summary>
    /// Undoes what the group has changed since a savepoint, in all of its collections, roots and objects. The group
    /// stays open, and earlier savepoints are good; later ones are not.
    /// </summary>
    /// <exception cref="AtomicGroupException">The group has ended, or is another thread's; or the savepoint is another
    /// group's, or the group went back further.</exception>
    public readonly void RollBackTo(GroupSavepoint savepoint)
    {
        if (_groups is null || _number == 0)
        {
            throw AtomicGroupException.Ended();
        }

        _groups.RollBackTo(_number, savepoint.Group == _number ? savepoint.Changes : int.MaxValue);
    }

    /// <summary>Goes back, unless the group has ended.</summary>
    /// <exception cref="AtomicGroupException">It is another thread's.</exception>
    public void Dispose()
    {
        if (_groups is not null && _number != 0)
        {
            _groups.RollBack(_number);
            _number = 0;
        }
    }
}
