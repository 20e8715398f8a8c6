using GuestMemFs.Tests.Infrastructure;
using static GuestMemFs.Tests.Arena.ArenaTest;

namespace GuestMemFs.Tests.Arena;

/// <summary>
/// A copy that left pages of zeros out (cp --sparse=always, rsync -S): what was reserved has to be again, or a read
/// ends the process with SIGBUS where the medium is full.
/// </summary>
public class SparseCopyTests
{
    [Fact]
    public void Opening_a_region_takes_the_space_again_that_it_was_made_with()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using TestMedium copy = TestMedia.Create("tmpfs");
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            arena.CreateRegion("raw", 8 * MiB).Dispose();
        }

        Copy(medium, copy);
        using PersistentArena again = PersistentArena.Open(On(copy));
        using PersistentRegion region = again.OpenRegion("raw");
        Assert.True(Held(copy, "extent-1") >= 8 * MiB, $"{Held(copy, "extent-1")} bytes of the region have memory");
        Assert.True(Held(copy, "arena.meta") >= Held(medium, "arena.meta"),
            $"{Held(copy, "arena.meta")} bytes of the metadata have memory");
    }

    [Fact]
    public void Opening_a_heap_takes_the_space_again_up_to_its_frontier()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using TestMedium copy = TestMedia.Create("tmpfs");
        long frontier;
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            using PersistentRegion region = arena.CreateRegion("heap", 64 * MiB,
                new RegionOptions { Kind = RegionKind.Heap, Reserve = RegionReserve.OnDemand });
            PersistentHeap heap = PersistentHeap.Open(region);
            PersistentDictionary.OpenOrCreate(heap, "keys").Set("zeros"u8, new byte[20 << 20]);
            frontier = heap.GetStatistics().Frontier;
        }

        Copy(medium, copy);
        using PersistentArena again = PersistentArena.Open(On(copy));
        using PersistentRegion opened = again.OpenRegion("heap");
        _ = PersistentHeap.Open(opened);
        Assert.True(Held(copy, "extent-1") >= frontier,
            $"{Held(copy, "extent-1")} bytes have memory, and {frontier} are in use");
    }

    [Fact]
    public void A_file_behind_a_heaps_frontier_stays_as_it_is()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using TestMedium copy = TestMedia.Create("tmpfs");
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            using PersistentRegion region = arena.CreateRegion("heap", 16 * MiB, new RegionOptions
            {
                Kind = RegionKind.Heap,
                Reserve = RegionReserve.OnDemand,
                MaximumLength = 64 * MiB,
            });
            PersistentDictionary.OpenOrCreate(PersistentHeap.Open(region), "keys").Set("a"u8, new byte[2 << 20]);
            region.Grow(32 * MiB);
        }

        Copy(medium, copy);
        using PersistentArena again = PersistentArena.Open(On(copy));
        using PersistentRegion opened = again.OpenRegion("heap");
        _ = PersistentHeap.Open(opened);
        Assert.True(Held(copy, "extent-1") >= 2 * MiB);
        Assert.InRange(Held(copy, "extent-2"), 0, 4 * MiB - 1);
    }

    private static void Copy(TestMedium from, TestMedium to) =>
        Assert.Equal((0, ""), TestMedia.Run("cp", "-r", "--sparse=always", from.Directory! + "/.", to.Directory!));

    private static long Held(TestMedium medium, string name) =>
        TestMedia.BlocksOf(Path.Combine(medium.Directory!, name)) * 512;
}
