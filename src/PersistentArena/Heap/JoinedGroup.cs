namespace GuestMemFs.Heap;

/// <summary>
/// Several changes of one call: the thread's own open group, which they become part of, or a group of their own.
/// </summary>
internal ref struct JoinedGroup
{
    private AtomicGroup _own;
    private readonly bool _isOwn;

    public JoinedGroup(HeapGroups groups, bool isOwn, int changes)
    {
        _isOwn = isOwn;
        _own = isOwn ? new AtomicGroup(groups, changes) : default;
    }

    /// <summary>Makes a group of its own true; one that was joined is its beginner's.</summary>
    public void Commit()
    {
        if (_isOwn)
        {
            _own.Commit();
        }
    }

    public void Dispose() => _own.Dispose();
}
