using GuestMemFs.Heap;

namespace GuestMemFs.Tests.Heap;

/// <summary>More threads than there are lanes.</summary>
public sealed class LaneWaitTests
{
    private const int Longest = 60_000;

    [Fact]
    public void A_thread_without_a_lane_waits_until_one_is_given_back()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        using SemaphoreSlim taken = new(0);
        using SemaphoreSlim giveBack = new(0);
        Exception? error = null;
        Thread[] threads = [.. Enumerable.Range(0, HeapFormat.LaneCount + 1).Select(_ => new Thread(() =>
        {
            error ??= Record.Exception(() =>
            {
                Lane lane = heap.TakeLane();
                taken.Release();
                Assert.True(giveBack.Wait(Longest, TestContext.Current.CancellationToken));
                PersistentHeap.ReleaseLane(lane);
            });
        }) { IsBackground = true })];
        Array.ForEach(threads, thread => thread.Start());
        for (int i = 0; i < HeapFormat.LaneCount; i++)
        {
            Assert.True(taken.Wait(Longest, TestContext.Current.CancellationToken));
        }

        Assert.False(taken.Wait(100, TestContext.Current.CancellationToken));
        Assert.Null(error);
        giveBack.Release();
        Assert.True(taken.Wait(Longest, TestContext.Current.CancellationToken));
        giveBack.Release(HeapFormat.LaneCount);
        Array.ForEach(threads, thread => Assert.True(thread.Join(Longest)));
        Assert.Null(error);
    }
}
