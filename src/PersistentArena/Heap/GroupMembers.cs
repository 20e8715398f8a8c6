namespace GuestMemFs.Heap;

/// <summary>The open collections of a heap, by where their roots lie: groups ask them for the way back.</summary>
internal sealed class GroupMembers(string region)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<long, IGroupMember> _members = [];
    private (long Root, IGroupMember? Member) _last;

    /// <summary>The collection whose root lies there, where it is open.</summary>
    public IGroupMember? Find(long root)
    {
        lock (_lock)
        {
            return _members.GetValueOrDefault(root);
        }
    }

    public void Join(long root, IGroupMember member)
    {
        lock (_lock)
        {
            _members.Add(root, member);
        }
    }

    /// <summary>A collection was deleted: another one may get its root object.</summary>
    public void Leave(long root)
    {
        lock (_lock)
        {
            _members.Remove(root);
            _last = default; // no group is open
        }
    }

    /// <summary>True while a thread is in a callback of a collection, its records locked.</summary>
    public bool IsAnyHeldBy(int thread)
    {
        lock (_lock)
        {
            return _members.Values.Any(member => member.IsHeldBy(thread));
        }
    }

    /// <summary>Whose change an entry is. The caller has the heap for itself.</summary>
    public IGroupMember Of(in GroupEntry entry)
    {
        if (_last.Root != entry.Owner)
        {
            _last = (entry.Owner, Find(entry.Owner));
        }

        return _last.Member ?? throw new HeapDamagedException(region, entry.Owner,
            "a group's log names a dictionary that has changed nothing");
    }
}
