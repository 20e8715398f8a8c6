namespace GuestMemFs.Heap;

/// <summary>The free blocks that lanes keep for themselves, taken back when there is nothing else.</summary>
/// <remarks>Not thread-safe: the heap's lock is held.</remarks>
internal sealed class KeptBlocks(Lane[] lanes, SlabStock slabs)
{
    /// <summary>
    /// Gives all of it back to its slabs. A slab is empty only when nobody keeps a block of it.
    /// A lane that another thread holds at this instant is left out: nobody may wait for it here, where the heap's lock
    /// is held.
    /// </summary>
    /// <param name="mine">The lane that the caller holds; null where it holds none.</param>
    /// <returns>False where a lane was left out.</returns>
    public bool GiveUp(Lane? mine)
    {
        bool all = true;
        if (mine is not null)
        {
            GiveUpOf(mine);
        }

        foreach (Lane lane in lanes)
        {
            if (lane == mine || !lane.Cache.IsUsed || lane.IsParked || lane.WaitsForRoom)
            {
                continue;
            }

            if (lane.TryTake(Environment.CurrentManagedThreadId))
            {
                GiveUpOf(lane);
                lane.Release();
            }
            else
            {
                all = false;
            }
        }

        return all;
    }

    private void GiveUpOf(Lane lane)
    {
        for (int sizeClass = 0; lane.Cache.IsUsed && sizeClass < SizeClasses.Count; sizeClass++)
        {
            while (lane.Cache.TryPop(sizeClass, out long kept))
            {
                slabs.Add(sizeClass, kept);
            }
        }
    }
}
