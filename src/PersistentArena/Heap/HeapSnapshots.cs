using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>A heap's snapshots: begins them, and ends those that are left when the heap is closed.</summary>
/// <param name="state">The heap.</param>
/// <param name="lanes">Has the heap stand still for the instant.</param>
internal sealed unsafe class HeapSnapshots(HeapState state, HeapLanes lanes)
{
    private readonly Lock _gate = new();
    private readonly List<WeakReference<SnapshotPages>> _open = [];

    /// <summary>Begins one. Writers wait for one step of it that costs the same whatever the heap's size.</summary>
    /// <param name="maximum">Bytes that it may keep.</param>
    /// <exception cref="ArenaReadOnlyException">The heap was opened to read.</exception>
    /// <exception cref="AtomicGroupException">This thread has a group open.</exception>
    public SnapshotSpace Begin(long maximum)
    {
        IHeapSpace space = state.Space;
        if (!space.IsWritable)
        {
            throw ArenaReadOnlyException.OfRegion(space.Name, "taking a snapshot of its heap");
        }

        while (true)
        {
            SnapshotPages pages = new(state.Base, space.MapAgain(), space.PageSize, maximum);
            bool begun = false;
            DateTimeOffset takenAt = default;
            try
            {
                lanes.WhileStill(() =>
                {
                    takenAt = DateTimeOffset.UtcNow;
                    begun = pages.Length == space.Length; // else it has grown meanwhile
                    if (begun)
                    {
                        StoreWatch.Add(pages);
                        Remember(pages);
                    }
                });
            }
            finally
            {
                if (!begun)
                {
                    pages.End();
                }
            }

            if (begun)
            {
                return new SnapshotSpace(space, pages, takenAt);
            }
        }
    }

    /// <summary>The heap is closed: another process may write to its memory from now on, and nobody would be
    /// told.</summary>
    public void EndAll()
    {
        lock (_gate)
        {
            foreach (WeakReference<SnapshotPages> open in _open)
            {
                if (open.TryGetTarget(out SnapshotPages? pages))
                {
                    pages.End();
                }
            }

            _open.Clear();
        }
    }

    private void Remember(SnapshotPages pages)
    {
        lock (_gate)
        {
            _open.RemoveAll(it => !it.TryGetTarget(out _));
            _open.Add(new WeakReference<SnapshotPages>(pages));
        }
    }
}
