using GuestMemFs.Tests.Hosting;

namespace GuestMemFs.Tests.Heap;

/// <summary>
/// Closing an arena under its heap: what was in flight is whole, and nothing changes the memory afterwards.
/// </summary>
public class CloseTests
{
    [Fact]
    public async Task Writers_are_stopped_by_the_close_and_what_they_were_told_is_there_at_the_next_open()
    {
        using var directory = new ArenaDirectory();
        const int writers = 4;
        var acknowledged = new int[writers];
        using (PersistentArena arena = Open(directory, out PersistentDictionary dictionary))
        {
            Task[] tasks = [.. Enumerable.Range(0, writers).Select(writer => Task.Factory.StartNew(
                () => Write(dictionary, writer, acknowledged), CancellationToken.None, TaskCreationOptions.LongRunning,
                TaskScheduler.Default))];
            Assert.True(SpinWait.SpinUntil(() =>
                Enumerable.Range(0, writers).All(w => Volatile.Read(ref acknowledged[w]) > 1000),
                Patience.Limit));
            arena.Dispose();
            int[] atClose = [.. acknowledged];
            foreach (Task task in tasks)
            {
                await Assert.ThrowsAsync<ObjectDisposedException>(() => task);
            }

            // A writer may have been between its last change and its note of it, no further.
            Assert.All(acknowledged.Zip(atClose), n => Assert.InRange(n.First - n.Second, 0, 1));
        }

        using PersistentArena again = Open(directory, out PersistentDictionary found);
        Assert.Equal(AttachKind.Warm, again.AttachReport.Kind);
        Assert.Equal(acknowledged.Sum(), found.Count);
        for (int writer = 0; writer < writers; writer++)
        {
            for (int i = 0; i < acknowledged[writer]; i++)
            {
                Assert.Equal(BitConverter.GetBytes(i), found.Get(Key(writer, i)));
            }
        }
    }

    [Fact]
    public void A_group_that_the_closing_thread_has_open_is_named()
    {
        using var directory = new ArenaDirectory();
        using PersistentArena arena = Open(directory, out PersistentDictionary dictionary);
        using (AtomicGroup group = dictionary.BeginAtomic())
        {
            var e = Assert.Throws<AtomicGroupException>(arena.Dispose);
            Assert.Contains("atomic group open in the heap of region 'heap'", e.Message, StringComparison.Ordinal);
            dictionary.Set("still"u8, "open"u8);
            group.Commit();
        }

        arena.Dispose();
        Assert.Throws<ObjectDisposedException>(() =>
        {
            using AtomicGroup late = dictionary.BeginAtomic();
        });
    }

    [Fact]
    public void The_close_takes_another_threads_open_group_back_and_that_threads_calls_end()
    {
        using var directory = new ArenaDirectory();
        using PersistentArena arena = Open(directory, out PersistentDictionary dictionary);
        dictionary.Set("k"u8, "before"u8);
        using ManualResetEventSlim begun = new(), closed = new();
        var ends = new List<Exception?>();
        Thread other = new(() =>
        {
            AtomicGroup group = dictionary.BeginAtomic();
            dictionary.Set("k"u8, "in the group"u8);
            begun.Set();
            closed.Wait();
            ends.Add(Record.Exception(() => dictionary.Set("k"u8, "late"u8)));
            try
            {
                group.Commit();
            }
            catch (Exception e)
            {
                ends.Add(e);
            }

            group.Dispose();
        });
        other.Start();
        Ended.Wait(begun);

        Ended.All(arena.Dispose);
        closed.Set();
        Ended.All(other.Join);

        Assert.Equal(2, ends.Count);
        Assert.All(ends, end => Assert.IsType<ObjectDisposedException>(end));
        using PersistentArena again = Open(directory, out PersistentDictionary found);
        Assert.Equal("before"u8.ToArray(), found.Get("k"u8));
        Assert.Equal(1, found.Count);
    }

    private static PersistentArena Open(ArenaDirectory directory, out PersistentDictionary dictionary)
    {
        PersistentArena arena = PersistentArena.OpenOrCreate(new ArenaOptions { Directory = directory["arena"] });
        PersistentRegion region = arena.OpenOrCreateRegion("heap", 256L << 20,
            new RegionOptions { Kind = RegionKind.Heap, Reserve = RegionReserve.OnDemand });
        dictionary = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(region), "d");
        return arena;
    }

    private static void Write(PersistentDictionary dictionary, int writer, int[] acknowledged)
    {
        for (int i = 0; ; i++)
        {
            dictionary.Set(Key(writer, i), BitConverter.GetBytes(i));
            Volatile.Write(ref acknowledged[writer], i + 1);
        }
    }

    private static byte[] Key(int writer, int i) => [(byte)writer, .. BitConverter.GetBytes(i)];
}
