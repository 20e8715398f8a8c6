using GuestMemFs.Native;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Media;

/// <summary>A region of an arena really gets the pages that its medium promises.</summary>
public sealed class RegionPagesTests
{
    [Theory]
    [InlineData("tmpfs")]
    [InlineData("tmpfs-huge")]
    [InlineData("hugetlbfs")]
    [InlineData("memfd")]
    [Trait("speed", "slow")]
    public void A_region_gets_the_pages_of_its_medium_also_when_it_is_opened_again(string kind)
    {
        using TestMedium place = TestMedia.Create(kind);
        var options = new ArenaOptions { Medium = place.Open() };
        using (PersistentArena arena = PersistentArena.Create(options))
        using (PersistentRegion region = arena.CreateRegion("r", 16L << 20))
        {
            Touch(region);
            Check(arena, region);
        }

        using (PersistentArena arena = PersistentArena.Open(new ArenaOptions { Medium = place.Open() }))
        using (PersistentRegion region = arena.OpenRegion("r"))
        {
            Touch(region);
            Check(arena, region);
        }
    }

    private static void Touch(PersistentRegion region)
    {
        for (long at = 0; at < region.Length; at += PageSizes.Small)
        {
            region.AsSpan(at, 1)[0]++;
        }
    }

    private static void Check(PersistentArena arena, PersistentRegion region)
    {
        PageReport got = region.ReadPages();
        // The identity block is in the same mapping.
        Assert.InRange(got.Resident, region.Length, region.Length + (4 << 20));
        bool huge = arena.Medium.Capabilities.PageSize == PageSizes.Huge2M;
        Assert.InRange(got.Huge, huge ? region.Length : 0, huge ? got.Resident : 0);
    }
}
