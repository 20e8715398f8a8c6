using System.Collections.Concurrent;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Heap;

/// <summary>
/// Random histories of transactions, checked for strict serializability after the fact, as Elle does it: groups that
/// append to lists and read them, snapshots that read them. What was read says which transaction came before which;
/// a circle is a history that no order explains.
/// </summary>
public sealed class HistoryTests
{
    private const int Keys = 6;

    [Theory]
    [Trait("speed", "slow")]
    [InlineData(1)]
    [InlineData(2)]
    public void Groups_and_snapshots_are_strictly_serializable(int seed)
    {
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Medium = Medium.InMemory("history") });
        using PersistentRegion region = arena.CreateRegion(
            "heap", 16 << 20, new RegionOptions { Kind = RegionKind.Heap });
        PersistentHeap heap = PersistentHeap.Open(region);
        ConcurrentBag<HistoryTransaction> history = [];
        _ = Lists(heap);
        int last = 0;
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(n => new Thread(() =>
        {
            Random random = new((seed * 100) + n);
            for (int i = 0; i < 150; i++)
            {
                history.Add(n == 3 ? InSnapshot(heap, random) : InGroup(heap, random, ref last));
            }
        }))];
        Array.ForEach(threads, it => it.Start());
        Array.ForEach(threads, it => it.Join());

        HistoryTransaction[] all = [.. history];
        Assert.True(all.Count(it => it.Appends.Count > 0) > 100);
        Assert.True(all.Count(it => it.Reads.Values.Any(list => list.Length > 0)) > 100);
        Assert.Null(HistoryChecker.FindFault(all, Final(heap)));
    }

    /// <summary>That the checker finds what there is to find, on histories made by hand.</summary>
    [Theory]
    [InlineData("lost update", "1: r0[] a0=1 | 2: r0[] a0=2", "0:2")]
    [InlineData("read of what was taken back", "1: a0=1 | 2: r0[1,9]", "0:1")]
    [InlineData("write skew", "1: r0[] a1=1 | 2: r1[] a0=2", "0:2 1:1")]
    [InlineData("a snapshot of two instants", "1: a0=1 a1=2 | 2: r0[1] r1[]", "0:1 1:2")]
    [InlineData("two orders of one list", "1: a0=1 | 2: a0=2 | 3: r0[2] | 4: r0[1,2]", "0:1,2")]
    [InlineData("stale after its end", "1: a0=1 @0-1 | 2: r0[] @2-3", "0:1")]
    [InlineData(null, "1: r0[] a0=1 | 2: r0[1] a1=2 | 3: r0[1] r1[] | 4: r1[2] r0[1]", "0:1 1:2")]
    public void The_checker_tells_such_a_history(string? fault, string history, string final)
    {
        string? found = HistoryChecker.FindFault(HistoryText.Parse(history), HistoryText.ParseLists(final));
        Assert.Equal(fault is null, found is null);
    }

    private static HistoryTransaction InGroup(PersistentHeap heap, Random random, ref int last)
    {
        HistoryTransaction transaction = new();
        PersistentDictionary[] lists = Lists(heap);
        AtomicGroup group = heap.BeginAtomic();
        try
        {
            for (int i = random.Next(1, 5); i > 0; i--)
            {
                int key = random.Next(Keys);
                if (random.Next(2) == 0)
                {
                    transaction.Read(key, Read(lists, key));
                }
                else
                {
                    int value = Interlocked.Increment(ref last);
                    Write(lists, key, [.. Read(lists, key), value]);
                    transaction.Append(key, value);
                }
            }

            if (random.Next(5) == 0)
            {
                group.Dispose();
                return new HistoryTransaction(); // what it appended may not be seen by anybody
            }

            group.Commit();
            return transaction.End();
        }
        finally
        {
            group.Dispose();
        }
    }

    private static HistoryTransaction InSnapshot(PersistentHeap heap, Random random)
    {
        HistoryTransaction transaction = new();
        using PersistentSnapshot snapshot = heap.TakeSnapshot();
        PersistentDictionary[] lists = Lists(snapshot.Heap);
        for (int i = 0; i < 4; i++)
        {
            int key = random.Next(Keys);
            transaction.Read(key, Read(lists, key));
            Thread.Yield();
        }

        return transaction.End();
    }

    private static Dictionary<int, int[]> Final(PersistentHeap heap) =>
        Enumerable.Range(0, Keys).ToDictionary(key => key, key => Read(Lists(heap), key));

    // Two dictionaries, so that a group has to hold over both.
    private static PersistentDictionary[] Lists(PersistentHeap heap) =>
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
