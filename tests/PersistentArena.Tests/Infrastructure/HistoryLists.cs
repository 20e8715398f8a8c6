namespace GuestMemFs.Tests.Infrastructure;

/// <summary>Lists of numbers in two dictionaries of a heap, so that a group has to hold over both, and transactions
/// that append to them and read them.</summary>
internal static class HistoryLists
{
    private const int Keys = 6;

    /// <summary>A group of up to four steps, one in five of which goes back.</summary>
    /// <param name="heap">The heap.</param>
    /// <param name="random">What it does.</param>
    /// <param name="next">Gives a number that no other append has.</param>
    /// <param name="beforeCommit">Told of it before its commit.</param>
    /// <returns>It, ended; null where it went back.</returns>
    public static HistoryTransaction? InGroup(
        PersistentHeap heap, Random random, Func<int> next, Action<HistoryTransaction>? beforeCommit = null)
    {
        HistoryTransaction transaction = new();
        PersistentDictionary[] lists = Open(heap);
        using AtomicGroup group = heap.BeginAtomic();
        for (int i = random.Next(1, 5); i > 0; i--)
        {
            int key = random.Next(Keys);
            if (random.Next(2) == 0)
            {
                transaction.Read(key, Read(lists, key));
            }
            else
            {
                int value = next();
                Write(lists, key, [.. Read(lists, key), value]);
                transaction.Append(key, value);
            }
        }

        if (random.Next(5) == 0)
        {
            return null; // what it appended may not be seen by anybody
        }

        beforeCommit?.Invoke(transaction);
        group.Commit();
        return transaction.End();
    }

    public static HistoryTransaction InSnapshot(PersistentHeap heap, Random random)
    {
        HistoryTransaction transaction = new();
        using PersistentSnapshot snapshot = heap.TakeSnapshot();
        PersistentDictionary[] lists = Open(snapshot.Heap);
        for (int i = 0; i < 4; i++)
        {
            int key = random.Next(Keys);
            transaction.Read(key, Read(lists, key));
            Thread.Yield();
        }

        return transaction.End();
    }

    /// <summary>What the lists hold.</summary>
    public static Dictionary<int, int[]> All(PersistentHeap heap)
    {
        PersistentDictionary[] lists = Open(heap);
        return Enumerable.Range(0, Keys).ToDictionary(key => key, key => Read(lists, key));
    }

    /// <summary>Opens the dictionaries, or makes them.</summary>
    public static PersistentDictionary[] Open(PersistentHeap heap) =>
        [PersistentDictionary.OpenOrCreate(heap, "even"), PersistentDictionary.OpenOrCreate(heap, "odd")];

    private static int[] Read(PersistentDictionary[] lists, int key)
    {
        byte[] bytes = lists[key % 2].Get(BitConverter.GetBytes(key)) ?? [];
        int[] values = new int[bytes.Length / sizeof(int)];
        Buffer.BlockCopy(bytes, 0, values, 0, bytes.Length);
        return values;
    }

    private static void Write(PersistentDictionary[] lists, int key, int[] values)
    {
        byte[] bytes = new byte[values.Length * sizeof(int)];
        Buffer.BlockCopy(values, 0, bytes, 0, bytes.Length);
        lists[key % 2].Set(BitConverter.GetBytes(key), bytes);
    }
}
