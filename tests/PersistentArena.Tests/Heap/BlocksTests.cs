using GuestMemFs.Collections;
using GuestMemFs.Heap;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Heap;

/// <summary>No block is given twice, and none is lost, at the places where that could happen.</summary>
public sealed class BlocksTests
{
    [Fact]
    [Trait("speed", "slow")]
    public void What_is_left_at_a_zones_end_is_a_run_that_can_be_used()
    {
        using PlainSpace space = new((4L << 30) + (64 << 20));
        PersistentHeap heap = PersistentHeap.Open(space);
        Lane lane = heap.TakeLane();
        long left = HeapFormat.PagesPerZone - HeapFormat.FirstPage;
        heap.Blocks.TakeUnbacked(lane, (left - 3) << HeapFormat.PageShift);

        long behind = heap.Blocks.TakeUnbacked(lane, 10 << HeapFormat.PageShift);
        PersistentHeap.ReleaseLane(lane);
        using PlainSpace crashed = space.Crash();
        PersistentHeap again = PersistentHeap.Open(crashed);
        Assert.Empty(HeapBlocks.Find(crashed));
        lane = again.TakeLane();
        again.Blocks.TakeUnbacked(lane, (left - 3) << HeapFormat.PageShift);
        long found = again.Blocks.TakeUnbacked(lane, 3 << HeapFormat.PageShift);
        PersistentHeap.ReleaseLane(lane);

        Assert.True(behind > 4L << 30);
        Assert.Equal((HeapFormat.PagesPerZone - 3) << HeapFormat.PageShift, found);
    }

    [Fact]
    public void A_lane_whose_holder_waits_to_make_room_is_not_waited_for()
    {
        using PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        Lane waiting = null!;
        var other = new Thread(() => waiting = heap.TakeLane());
        other.Start();
        other.Join();
        heap.Blocks.Take(waiting, 64);
        Lane mine = heap.TakeLane();
        Assert.False(heap.Blocks.FindAll(mine)); // It may be in the middle of a change.
        heap.Blocks.FindAll(waiting);
        waiting.WaitsForRoom = true;
        Assert.True(heap.Blocks.FindAll(mine));
        PersistentHeap.ReleaseLane(mine);
        PersistentHeap.ReleaseLane(waiting);
    }

    [Fact]
    public void A_run_that_is_freed_before_the_attach_has_seen_it_is_given_once()
    {
        using PlainSpace space = new(16 << 20);
        PersistentDictionary first = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys");
        first.Set("large"u8, new byte[1 << 20]);
        first.Set("behind"u8, new byte[1 << 20]);
        using PlainSpace crashed = space.Crash();
        PersistentHeap heap = PersistentHeap.Open(crashed);
        PersistentDictionary keys = PersistentDictionary.OpenOrCreate(heap, "keys");

        Assert.True(keys.Remove("large"u8));
        for (byte i = 1; i < 5; i++)
        {
            byte[] value = new byte[1 << 20];
            value.AsSpan().Fill(i);
            keys.Set([i], value);
        }

        for (byte i = 1; i < 5; i++)
        {
            Assert.Equal(-1, keys.Get([i]).AsSpan().IndexOfAnyExcept(i));
        }

        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_block_that_this_attach_holds_is_nobody_elses_and_an_earlier_attachs_is_free()
    {
        Assert.False(BlockHeader.IsFree(BlockHeader.Reserved(7), 7));
        Assert.True(BlockHeader.IsFree(BlockHeader.Reserved(6), 7));
        Assert.True(BlockHeader.IsFree(BlockHeader.Free, 7));
        Assert.False(BlockHeader.IsFree(BlockHeader.Sized(BlockHeader.TypeBlob, 7), 7));
    }

    [Fact]
    public void Many_threads_that_come_and_go_hold_no_block_twice()
    {
        using PlainSpace space = new(64 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary keys = PersistentDictionary.OpenOrCreate(heap, "keys");
        Ended.All([.. Enumerable.Range(0, 30).Select<int, Action>(n => () =>
        {
            Random random = new(n);
            for (int i = 0; i < 1500; i++)
            {
                byte[] key = [(byte)n, (byte)random.Next(40)];
                byte[] value = new byte[random.Next(600)];
                value.AsSpan().Fill(key[1]);
                if (random.Next(3) == 0)
                {
                    keys.Remove(key);
                }
                else
                {
                    keys.Set(key, value);
                    Assert.Equal(value, keys.Get(key));
                }
            }
        })]);

        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }
}
