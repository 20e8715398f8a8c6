namespace GuestMemFs.Heap;

/// <summary>Changes an application's objects: takes a lane, makes room, and has the change stored.</summary>
internal sealed class ObjectWriter(HeapLanes lanes, Compactor compactor, ObjectRecords records, HeapObjects objects)
{
    private readonly Lock _lock = new();

    public HeapObjects Objects => objects;

    /// <summary>
    /// Makes a word lead to a new object with that value, or to nothing, and frees what it led to.
    /// </summary>
    public void Replace(long slot, ReadOnlySpan<byte> value, bool allocate)
    {
        const long MaximumLength = HeapFormat.MaximumBlock - HeapObjects.HeaderLength;
        if (value.Length > MaximumLength)
        {
            throw new ArgumentException($"An object has at most {MaximumLength:N0} bytes; this " +
                $"one has {value.Length:N0}. Split it.", nameof(value));
        }

        Lane lane = lanes.Take();
        try
        {
            long block = allocate ? compactor.TakeMakingRoom(lane, HeapObjects.HeaderLength + value.Length) : 0;
            lock (_lock)
            {
                records.Replace(lane, slot, value, block);
            }
        }
        finally
        {
            HeapLanes.Give(lane);
        }
    }
}
