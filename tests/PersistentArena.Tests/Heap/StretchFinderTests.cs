using GuestMemFs.Heap;

namespace GuestMemFs.Tests.Heap;

/// <summary>The stretch to be emptied is the one that all of them looked at would give.</summary>
public sealed class StretchFinderTests
{
    private const long Longest = 3L << HeapFormat.PageShift;

    [Fact]
    public void It_is_the_one_with_the_least_in_it_of_all_that_end_anywhere()
    {
        Random random = new(8);
        int found = 0;
        for (int round = 0; round < 20_000; round++)
        {
            long pages = random.Next(1, 9);
            HashSet<long> failed = [.. Enumerable.Range(0, random.Next(3)).Select(_ => (long)random.Next(30))];
            List<(long Page, PageDescriptor Unit, long Used)> units = Units(random);
            StretchFinder finder = new(pages, Longest, failed);
            foreach ((long page, PageDescriptor unit, long used) in units)
            {
                finder.Add(page, unit, used);
            }

            Assert.Equal(Best(units, pages, failed), finder.Best);
            found += finder.Best.Pages > 0 ? 1 : 0;
        }

        Assert.InRange(found, 5_000, 19_000);
    }

    private static List<(long Page, PageDescriptor Unit, long Used)> Units(Random random)
    {
        List<(long, PageDescriptor, long)> units = [];
        long page = random.Next(3);
        for (int i = random.Next(12); i > 0; i--)
        {
            long count = random.Next(1, 5);
            bool isRun = random.Next(2) == 0;
            long used = random.Next(6) == 0 ? -1 : isRun ? random.Next(2) * count << HeapFormat.PageShift
                : random.Next(50);
            units.Add((page, isRun ? PageDescriptor.Run(count) : PageDescriptor.Slab(3, count), used));
            page += count + (random.Next(5) == 0 ? 1 : 0); // a page table between them, now and then
        }

        return units;
    }

    // For each unit as the last one: the shortest stretch that is long enough, in one piece, of what can be moved.
    private static (long Start, long Pages) Best(
        List<(long Page, PageDescriptor Unit, long Used)> units, long pages, HashSet<long> failed)
    {
        (long Start, long Pages) best = default;
        long least = long.MaxValue;
        for (int last = 0; last < units.Count; last++)
        {
            long length = 0, used = 0;
            for (int first = last; first >= 0 && length < pages && Moves(units[first])
                && (first == last || units[first].Page + units[first].Unit.Count == units[first + 1].Page); first--)
            {
                length += units[first].Unit.Count;
                used += units[first].Used;
                if (length >= pages && used < least && !failed.Contains(units[first].Page))
                {
                    (least, best) = (used, (units[first].Page, length));
                }
            }
        }

        return best;
    }

    private static bool Moves((long Page, PageDescriptor Unit, long Used) unit) =>
        unit.Used >= 0 && !(unit.Unit.Kind == PageKind.Run && unit.Used > Longest);
}
