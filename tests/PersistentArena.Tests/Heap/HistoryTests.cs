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
        _ = HistoryLists.Open(heap);
        int last = 0;
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(n => new Thread(() =>
        {
            Random random = new((seed * 100) + n);
            for (int i = 0; i < 150; i++)
            {
                if ((n == 3 ? HistoryLists.InSnapshot(heap, random)
                    : HistoryLists.InGroup(heap, random, () => Interlocked.Increment(ref last))) is { } transaction)
                {
                    history.Add(transaction);
                }
            }
        }))];
        Array.ForEach(threads, it => it.Start());
        Array.ForEach(threads, it => it.Join());

        HistoryTransaction[] all = [.. history];
        Assert.True(all.Count(it => it.Appends.Count > 0) > 100);
        Assert.True(all.Count(it => it.Reads.Values.Any(list => list.Length > 0)) > 100);
        Assert.Null(HistoryChecker.FindFault(all, HistoryLists.All(heap)));
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
}
