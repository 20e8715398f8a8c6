namespace GuestMemFs.Heap;

/// <summary>Changes an application's objects: takes a lane, makes room, and has the change stored.</summary>
internal sealed class ObjectWriter(HeapLanes lanes, Compactor compactor, ObjectRecords records, HeapObjects objects)
{
    private readonly Lock _lock = new();

    public HeapObjects Objects => objects;

    /// <summary>Replaces a root's object.</summary>
    /// <exception cref="RootDeletedException">It was deleted.</exception>
    public void Replace(in RootEntry root, ReadOnlySpan<byte> value) =>
        Replace(root.Slot, value, allocate: true, keepsOld: false, root);

    /// <summary>
    /// Makes a word lead to a new object with that value, or to nothing, and frees what it led to, unless the new
    /// object takes that over.
    /// </summary>
    public void Replace(long slot, ReadOnlySpan<byte> value, bool allocate, bool keepsOld = false) =>
        Replace(slot, value, allocate, keepsOld, root: null);

    private void Replace(long slot, ReadOnlySpan<byte> value, bool allocate, bool keepsOld, RootEntry? root)
    {
        RequireLength(value);
        using LaneScope held = lanes.Hold(out Lane lane);
        if (root is { } entry)
        {
            objects.RequireLive(entry); // A deletion has the heap for itself: the lane keeps it out from here on.
        }

        long block = allocate ? compactor.TakeMakingRoom(lane, HeapObjects.HeaderLength + value.Length) : 0;
        lock (_lock)
        {
            records.Replace(lane, slot, value, block, keepsOld);
        }
    }

    /// <summary>Makes a word lead to an object that is there, or to nothing.</summary>
    public void Redirect(long slot, long target, bool keepsOld)
    {
        using LaneScope held = lanes.Hold(out Lane lane);
        lock (_lock)
        {
            records.Redirect(lane, slot, target, keepsOld);
        }
    }

    /// <summary>Makes an object that nothing leads to; its offset.</summary>
    public long Allocate(ReadOnlySpan<byte> value)
    {
        RequireLength(value);
        using LaneScope held = HoldInGroup("Allocate", out Lane lane);
        long block = compactor.TakeMakingRoom(lane, HeapObjects.HeaderLength + value.Length);
        records.Allocate(lane, value, block);
        return block;
    }

    /// <summary>Has the commit of the thread's group free an object.</summary>
    public void Release(long block)
    {
        using LaneScope held = HoldInGroup("Release", out Lane lane);
        records.Release(lane, block);
    }

    private LaneScope HoldInGroup(string call, out Lane lane)
    {
        LaneScope held = lanes.Hold(out lane);
        if (!lane.InGroup)
        {
            held.Dispose();
            throw AtomicGroupException.Needed(objects.Region, call);
        }

        return held;
    }

    private static void RequireLength(ReadOnlySpan<byte> value)
    {
        const long MaximumLength = HeapFormat.MaximumBlock - HeapObjects.HeaderLength;
        if (value.Length > MaximumLength)
        {
            throw new ArgumentException($"An object has at most {MaximumLength:N0} bytes; this " +
                $"one has {value.Length:N0}. Split it.", nameof(value));
        }
    }
}
