using GuestMemFs.Heap;

namespace GuestMemFs.Tests.Heap;

/// <summary>
/// Runs that were freed before all of their memory was used have holes, which a full medium does not fill: what else is
/// free is found then.
/// </summary>
public sealed class HoleTests
{
    private const int Pages = 400;
    private const int ShortestRun = 3; // what is smaller is a block of a slab
    private const int LongestRun = 8;

    [Fact]
    public void The_next_run_is_taken_where_the_medium_has_no_memory_for_the_smallest()
    {
        using PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        Lane lane = heap.TakeLane();
        long small = Take(heap, lane, 6);
        Take(heap, lane, 3);
        long large = Take(heap, lane, 12);
        Take(heap, lane, 3);
        Give(heap, lane, small, 6);
        Give(heap, lane, large, 12);
        space.MediumRoom = heap.Blocks.FrontierBytes;
        space.Holes.Pages.Add(small + 2);

        Assert.Equal(large, Take(heap, lane, 6));
        int asked = space.MediumRefusals;
        Assert.Equal(large + 6, Take(heap, lane, 6));
        Assert.Throws<ArenaOutOfSpaceException>(() => Take(heap, lane, 6));
        Assert.False(heap.Blocks.HasRoom(6 << HeapFormat.PageShift, anyhow: true));
        Assert.InRange(space.MediumRefusals, asked, asked + 3); // behind the frontier, not for each run anew
        Assert.Equal(small + 3, Take(heap, lane, 3)); // behind the hole
        PersistentHeap.ReleaseLane(lane);
    }

    [Fact]
    public void A_run_is_refused_only_where_none_has_its_memory()
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        int refused = 0;
        for (int round = 0; round < 10; round++)
        {
            using PlainSpace space = new((Pages + 32) << HeapFormat.PageShift);
            PersistentHeap heap = PersistentHeap.Open(space);
            Lane lane = heap.TakeLane();
            HashSet<long> free = FreeSome(heap, lane, random);
            space.MediumRoom = heap.Blocks.FrontierBytes;
            space.Holes.Pages.UnionWith(free.Where(_ => random.Next(8) == 0));
            for (int i = 0; i < 100; i++)
            {
                int pages = random.Next(ShortestRun, LongestRun + 1);
                bool expected = HasRun(free, space.Holes.Pages, pages);
                long taken = TryTake(heap, lane, pages);

                Assert.True(taken != 0 == expected, $"seed {seed}, round {round}, run {i}: {pages} at {taken}");
                for (int page = 0; taken != 0 && page < pages; page++)
                {
                    Assert.True(free.Remove(taken + page), $"seed {seed}, round {round}, run {i}: taken twice");
                    Assert.DoesNotContain(taken + page, space.Holes.Pages);
                }

                refused += taken == 0 ? 1 : 0;
            }

            PersistentHeap.ReleaseLane(lane);
        }

        Assert.InRange(refused, 10, 10 * 99);
    }

    /// <summary>Fills a heap with runs, and frees half of them; the pages that are free then.</summary>
    private static HashSet<long> FreeSome(PersistentHeap heap, Lane lane, Random random)
    {
        HashSet<long> free = [];
        List<(long Start, int Pages)> runs = [];
        for (int left = Pages; left > 0;)
        {
            int pages = random.Next(ShortestRun, LongestRun + 1);
            runs.Add((Take(heap, lane, pages), pages));
            left -= pages;
        }

        foreach ((long start, int pages) in runs.SkipLast(1).Where(_ => random.Next(2) == 0))
        {
            Give(heap, lane, start, pages);
            free.UnionWith(Enumerable.Range(0, pages).Select(it => start + it));
        }

        return free;
    }

    /// <summary>
    /// True where so many free pages side by side have memory, and the next, where that is free too, has some for the
    /// head of what is left.
    /// </summary>
    private static bool HasRun(HashSet<long> free, HashSet<long> holes, int pages) =>
        free.Any(start => Enumerable.Range(0, pages).All(it =>
            free.Contains(start + it) && !holes.Contains(start + it)) && !holes.Contains(start + pages));

    private static long Take(PersistentHeap heap, Lane lane, int pages) =>
        heap.Blocks.Take(lane, (long)pages << HeapFormat.PageShift) >> HeapFormat.PageShift;

    private static long TryTake(PersistentHeap heap, Lane lane, int pages)
    {
        try
        {
            return Take(heap, lane, pages);
        }
        catch (ArenaOutOfSpaceException)
        {
            return 0;
        }
    }

    private static void Give(PersistentHeap heap, Lane lane, long start, int pages) =>
        heap.Blocks.Give(lane, start << HeapFormat.PageShift, (long)pages << HeapFormat.PageShift);
}
