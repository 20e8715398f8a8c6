namespace GuestMemFs.CrashLab;

/// <summary>One store: where, what, and whether it orders what came before it.</summary>
internal readonly record struct RecordedStore(long Offset, byte[] Bytes, bool Publishes);

/// <summary>Is told of each store of a thread, after it was made.</summary>
internal abstract unsafe class StoreSink
{
    public abstract void Add(byte* at, long bytes, bool publishes);
}

/// <summary>The stores of one thread to one range of memory, in program order.</summary>
internal sealed unsafe class StoreTrace(byte* memory, long length) : StoreSink
{
    private readonly byte* _memory = memory;

    public List<RecordedStore> Stores { get; } = [];

    public override void Add(byte* at, long bytes, bool publishes)
    {
        if (bytes > 0)
        {
            Assert.True(at >= _memory && at + bytes <= _memory + length, "a store outside the memory under test");
            Stores.Add(new RecordedStore(at - _memory, new ReadOnlySpan<byte>(at, checked((int)bytes)).ToArray(),
                publishes));
        }
    }

    /// <summary>
    /// The states that a crash can leave on coherent memory: before each store, and inside each copy or fill, which may
    /// be torn anywhere (here: its first half there, its second half there). The last state is the operation completed.
    /// A long run of stores between two publishing ones (the headers of a fresh slab) is looked at where it begins,
    /// where it ends, and now and then in between.
    /// </summary>
    /// <param name="stores">The stores, in program order.</param>
    /// <param name="memory">The image before them; changes under way, and is a state at each step.</param>
    public static IEnumerable<(string When, bool Complete)> Crashes(IReadOnlyList<RecordedStore> stores, byte[] memory)
    {
        int sincePublish = 0;
        for (int i = 0; i < stores.Count; i++)
        {
            (long offset, byte[] bytes, bool publishes) = stores[i];
            sincePublish = publishes ? 0 : sincePublish + 1;
            bool looked = sincePublish < Run || sincePublish % Stride == 0
                || (i + 1 < stores.Count && stores[i + 1].Publishes);
            if (looked)
            {
                yield return ($"after {i} of {stores.Count} stores", false);
            }

            Span<byte> target = memory.AsSpan((int)offset, bytes.Length);
            if (bytes.Length > sizeof(ulong))
            {
                byte[] old = target.ToArray();
                int half = bytes.Length / 2 & -sizeof(ulong);
                bytes.AsSpan(0, half).CopyTo(memory.AsSpan((int)offset));
                yield return ($"inside store {i}, first half", false);
                old.CopyTo(memory.AsSpan((int)offset));
                bytes.AsSpan(half).CopyTo(memory.AsSpan((int)offset + half));
                yield return ($"inside store {i}, second half", false);
            }

            bytes.CopyTo(memory.AsSpan((int)offset));
        }

        yield return ($"after all {stores.Count} stores", true);
    }

    /// <summary>
    /// The states that a weak order of stores adds (arm64, or what a loss of power leaves of stores past the caches):
    /// between two publishing stores, any subset of the others may be there. All subsets where they are few, a sample
    /// where they are many.
    /// </summary>
    public static IEnumerable<string> Reorderings(IReadOnlyList<RecordedStore> stores, byte[] memory, Random random)
    {
        for (int start = 0; start < stores.Count;)
        {
            int end = start;
            while (end < stores.Count && !stores[end].Publishes)
            {
                end++;
            }

            int count = end - start;
            if (count > 1)
            {
                byte[] before = (byte[])memory.Clone();
                int subsets = count <= Exhaustive ? 1 << count : Samples;
                for (int subset = 1; subset < subsets; subset++)
                {
                    for (int i = 0; i < count; i++)
                    {
                        if (count <= Exhaustive ? (subset >> i & 1) != 0 : random.Next(2) == 0)
                        {
                            stores[start + i].Bytes.CopyTo(memory.AsSpan((int)stores[start + i].Offset));
                        }
                    }

                    yield return count <= Exhaustive ? $"with subset {subset:X} of the {count} stores from {start} on"
                        : $"with some of the {count} stores from {start} on";
                    before.CopyTo(memory, 0);
                }
            }

            for (int i = start; i < Math.Min(end + 1, stores.Count); i++)
            {
                stores[i].Bytes.CopyTo(memory.AsSpan((int)stores[i].Offset));
            }

            start = end + 1;
        }
    }

    private const int Exhaustive = 4;
    private const int Samples = 8;
    private const int Run = 24;
    private const int Stride = 256;
}
