namespace GuestMemFs.CrashLab;

/// <summary>
/// Walks over stores that are not made yet, and leaves the memory in each state that a crash among them can leave. Who
/// looks at a state takes back what it stores itself. At a walk's end all of the stores are made.
/// </summary>
internal static class CrashWalk
{
    private const int Exhaustive = 4;
    private const int Samples = 8;
    private const int Run = 24;
    private const int Stride = 256;

    private const int ExhaustiveWords = 4;
    private const int WordSamples = 5;

    /// <summary>
    /// The states on coherent memory: before each store, and inside each copy or fill, which may be torn anywhere
    /// (here: its first half there, its second half there). The last state is the operation completed. A long run of
    /// stores between two publishing ones (the headers of a fresh slab) is looked at where it begins, where it ends,
    /// and now and then in between.
    /// </summary>
    /// <returns>How many stores are made, the state in words, and whether all are made.</returns>
    public static IEnumerable<(int Made, string When, bool Complete)> Crashes(
        LabSpace space, IReadOnlyList<RecordedStore> stores)
    {
        int sincePublish = 0;
        for (int i = 0; i < stores.Count; i++)
        {
            RecordedStore store = stores[i];
            sincePublish = store.Publishes ? 0 : sincePublish + 1;
            bool looked = sincePublish < Run || sincePublish % Stride == 0
                || (i + 1 < stores.Count && stores[i + 1].Publishes);
            if (looked)
            {
                yield return (i, $"after {i} of {stores.Count} stores", false);
            }

            if (store.Bytes.Length > sizeof(ulong))
            {
                int mark = space.Mark;
                int half = store.Bytes.Length / 2 & -sizeof(ulong);
                space.Put(store.Offset, store.Bytes.AsSpan(0, half));
                yield return (i, $"inside store {i}, first half", false);
                space.GoBack(mark);
                space.Put(store.Offset + half, store.Bytes.AsSpan(half));
                yield return (i, $"inside store {i}, second half", false);
                space.GoBack(mark);
            }

            space.Put(store);
        }

        yield return (stores.Count, $"after all {stores.Count} stores", true);
    }

    /// <summary>
    /// The states that a weak order of stores adds (arm64): between two publishing stores, any subset of the others may
    /// be there. All subsets where they are few, a sample where they are many.
    /// </summary>
    public static IEnumerable<string> Reorderings(LabSpace space, IReadOnlyList<RecordedStore> stores, Random random)
    {
        for (int start = 0; start < stores.Count;)
        {
            int end = start;
            while (end < stores.Count && !stores[end].Publishes)
            {
                end++;
            }

            int count = end - start;
            int subsets = count <= 1 ? 0 : count <= Exhaustive ? 1 << count : Samples;
            int mark = space.Mark;
            for (int subset = 1; subset < subsets; subset++)
            {
                for (int i = 0; i < count; i++)
                {
                    if (count <= Exhaustive ? (subset >> i & 1) != 0 : random.Next(2) == 0)
                    {
                        space.Put(stores[start + i]);
                    }
                }

                yield return count <= Exhaustive ? $"with subset {subset:X} of the {count} stores from {start} on"
                    : $"with some of the {count} stores from {start} on";
                space.GoBack(mark);
            }

            for (int i = start; i < Math.Min(end + 1, stores.Count); i++)
            {
                space.Put(stores[i]);
            }

            start = end + 1;
        }
    }

    /// <summary>
    /// The states that a loss of power leaves: a store is durable after the next fence, and until then each of its
    /// 8-byte words may be there or not; a publishing store is alone between two fences.
    /// </summary>
    /// <param name="space">The memory, with what is durable.</param>
    /// <param name="floating">
    /// What earlier operations left without a fence; at the end what these stores leave.
    /// </param>
    /// <param name="stores">Those of an operation.</param>
    /// <param name="random">Draws samples.</param>
    public static IEnumerable<(string When, bool Complete)> PowerLosses(
        LabSpace space, List<RecordedStore> floating, IReadOnlyList<RecordedStore> stores, Random random)
    {
        for (int i = 0; i < stores.Count; i++)
        {
            if (!stores[i].Publishes)
            {
                floating.Add(stores[i]);
                continue;
            }

            foreach (string words in Words(space, floating, random))
            {
                yield return ($"power lost before the fence of store {i} of {stores.Count}, {words}", false);
            }

            floating.ForEach(store => space.Put(store));
            floating.Clear();
            yield return ($"power lost at the publishing store {i} of {stores.Count}", false);
            space.Put(stores[i]);
        }

        foreach (string words in Words(space, floating, random))
        {
            yield return ($"power lost after all {stores.Count} stores, {words}", true);
        }

        floating.ForEach(store => space.Put(store));
    }

    private static IEnumerable<string> Words(LabSpace space, List<RecordedStore> floating, Random random)
    {
        List<(RecordedStore Store, int From, int Length)> words = [];
        foreach (RecordedStore store in floating)
        {
            int piece = store.Bytes.Length <= 1024 ? sizeof(ulong) : Math.Max(64, store.Bytes.Length / 64 & -64);
            for (int from = 0; from < store.Bytes.Length;)
            {
                int length = Math.Min(store.Bytes.Length - from, piece - (int)((store.Offset + from) % sizeof(ulong)));
                words.Add((store, from, length));
                from += length;
            }
        }

        bool exhaustive = words.Count <= ExhaustiveWords;
        int subsets = words.Count == 0 ? 1 : exhaustive ? 1 << words.Count : WordSamples;
        for (int subset = 0; subset < subsets; subset++)
        {
            int mark = space.Mark;
            int density = random.Next(1, 8);
            for (int i = 0; i < words.Count; i++)
            {
                if (exhaustive ? (subset >> i & 1) != 0
                    : subset switch { 0 => false, 1 => true, _ => random.Next(8) < density })
                {
                    (RecordedStore store, int from, int length) = words[i];
                    space.Put(store.Offset + from, store.Bytes.AsSpan(from, length));
                }
            }

            yield return $"with {space.Mark - mark} of {words.Count} words (subset {subset})";
            space.GoBack(mark);
        }
    }
}
