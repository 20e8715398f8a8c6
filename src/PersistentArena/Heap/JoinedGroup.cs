namespace GuestMemFs.Heap;

/// <summary>
/// Several changes of one call: the thread's own open group, which they become part of, or a group of their own. A call
/// that fails leaves nothing of them: the group that it joined goes back to where it was.
/// </summary>
internal ref struct JoinedGroup
{
    private readonly HeapGroups _groups;
    private readonly bool _isOwn;
    private readonly int _joinedAt;
    private AtomicGroup _own;
    private bool _isDone;

    public JoinedGroup(HeapGroups groups, bool isOwn, int changes)
    {
        _groups = groups;
        _isOwn = isOwn;
        _own = isOwn ? new AtomicGroup(groups, changes) : default;
        _joinedAt = isOwn ? 0 : groups.SetSavepoint();
        _isDone = false;
    }

    /// <summary>Makes a group of its own true; one that was joined is its beginner's.</summary>
    public void Commit()
    {
        _isDone = true;
        if (_isOwn)
        {
            _own.Commit();
        }
    }

    public void Dispose()
    {
        if (_isOwn)
        {
            _own.Dispose();
        }
        else if (!_isDone)
        {
            _groups.RollBackTo(_joinedAt);
        }
    }
}
