using GuestMemFs.Tests.Infrastructure;
using static GuestMemFs.Tests.Arena.ArenaTest;

namespace GuestMemFs.Tests.Arena;

/// <summary>A region that is asked for with another length than it has.</summary>
public sealed class LongerRegionTests
{
    [Fact]
    public void A_smaller_length_is_told_once_and_a_larger_one_grows()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            arena.OpenOrGrowRegion("data", 4 * MiB).Dispose();
            arena.OpenOrGrowRegion("data", 6 * MiB).Dispose();
            Assert.Empty(arena.AttachReport.LongerRegions);
        }

        using (PersistentArena arena = PersistentArena.Open(On(medium)))
        {
            using PersistentRegion one = arena.OpenOrGrowRegion("data", 2 * MiB);
            using PersistentRegion two = arena.OpenOrGrowRegion("data", 2 * MiB);

            Assert.Equal((6 * MiB, 6 * MiB), (one.Length, two.Length));
            Assert.Equal(new LongerRegion("data", 2 * MiB, 6 * MiB), Assert.Single(arena.AttachReport.LongerRegions));
            AttachReason reason = Assert.Single(arena.AttachReport.Reasons);
            Assert.Equal(ReasonCodes.RegionLonger, reason.Code);
            Assert.Contains("6291456 bytes and 2097152 were asked for", reason.Text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void One_of_another_kind_is_refused()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena arena = PersistentArena.Create(On(medium));
        arena.CreateRegion("data", 4 * MiB).Dispose();

        Assert.Throws<RegionKindException>(
            () => arena.OpenOrGrowRegion("data", 4 * MiB, new RegionOptions { Kind = RegionKind.Heap }));
        arena.DeleteRegion("data"); // Nothing holds it open.
    }
}
