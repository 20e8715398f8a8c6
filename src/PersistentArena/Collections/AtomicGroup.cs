using GuestMemFs.Collections;
using GuestMemFs.Heap;

namespace GuestMemFs;

/// <summary>
/// A group of mutations of one dictionary by one thread, atomic over a crash: <see cref="Commit"/> makes it true with one store. Dispose without
/// commit goes back.
/// </summary>
public ref struct AtomicGroup
{
    private readonly DictionaryCore _core;
    private Lane? _lane;

    internal AtomicGroup(DictionaryCore core, int changes)
    {
        _core = core;
        _lane = core.BeginGroup(changes);
    }

    /// <summary>Makes the group true, and ends it.</summary>
    /// <exception cref="InvalidOperationException">It has ended already.</exception>
    public void Commit()
    {
        Lane lane = _lane ?? throw new InvalidOperationException("The group has ended.");
        _lane = null;
        _core.CommitGroup(lane);
    }

    /// <summary>Goes back, unless the group was committed.</summary>
    public void Dispose()
    {
        if (_lane is { } lane)
        {
            _lane = null;
            _core.RollBackGroup(lane);
        }
    }
}
