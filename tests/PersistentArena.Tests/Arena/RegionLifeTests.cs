using GuestMemFs.Tests.Infrastructure;
using static GuestMemFs.Tests.Arena.ArenaTest;

namespace GuestMemFs.Tests.Arena;

/// <summary>Regions over their life, on every medium.</summary>
public class RegionLifeTests(ITestOutputHelper output)
{
    public static TheoryData<string> Media => TestMedia.All;

    public static TheoryData<string> CheapMedia => TestMedia.Cheap;

    [Theory, MemberData(nameof(Media))]
    [Trait("speed", "slow")]
    public void What_was_written_is_there_for_the_next_process(string kind)
    {
        using TestMedium medium = TestMedia.Create(kind);
        long length = kind == "hugetlbfs-1g" ? 0 : 6 * MiB;
        Assert.SkipWhen(length == 0,
            "two pages of 1 GiB are too few for an arena: one for its metadata, two for a region");
        Guid id;
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            Assert.Equal(AttachKind.Fresh, arena.AttachReport.Kind);
            Assert.Equal(1UL, arena.Epoch);
            id = arena.Id;
            using PersistentRegion region = arena.CreateRegion("data", length);
            Assert.Equal(0, region.Address % (2 * MiB));
            AssertZero(region);
            Fill(region, 1);
        }

        using (PersistentArena arena = PersistentArena.Open(On(medium)))
        {
            Assert.Equal(AttachKind.Warm, arena.AttachReport.Kind);
            Assert.Equal(id, arena.Id);
            Assert.Equal(2UL, arena.Epoch);
            Assert.Empty(arena.AttachReport.Reasons);
            Assert.True(arena.AttachReport.Pages.IsKnown);
            if (kind is "hugetlbfs")
            {
                Assert.Equal(arena.AttachReport.Pages.Resident, arena.AttachReport.Pages.Huge);
            }

            output.WriteLine(arena.AttachReport.ToString());
            Assert.Contains(arena.AttachReport.Steps, step => step.Name == "replay");
            using PersistentRegion region = arena.OpenRegion("data", RegionKind.Raw);
            Assert.Equal(length, region.Length);
            AssertFilled(region, 1);
            arena.Abandon();
        }

        medium.SimulateProcessDeath();
        using (PersistentArena arena = PersistentArena.OpenOrCreate(On(medium)))
        {
            Assert.Equal(AttachKind.Recovered, arena.AttachReport.Kind);
            Assert.Contains(arena.AttachReport.Reasons, r => r.Code == ReasonCodes.NotClosed);
            Assert.Equal(3UL, arena.Epoch);
            using PersistentRegion region = arena.OpenRegion("data");
            AssertFilled(region, 1);
        }
    }

    [Theory, MemberData(nameof(CheapMedia))]
    [Trait("speed", "slow")]
    public void A_region_grows_at_its_address_while_it_is_in_use(string kind)
    {
        using TestMedium medium = TestMedia.Create(kind);
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            using PersistentRegion region = arena.CreateRegion("data", (2 * MiB) + 4096,
                new RegionOptions { MaximumLength = 200 * MiB });
            using PersistentRegion other = arena.CreateRegion("other", 2 * MiB);
            Fill(other, 2);
            nint address = region.Address;
            Fill(region, 1);
            Span<byte> early = region.AsSpan(0, 4096);
            long before = region.Length;
            foreach (long length in (long[])[3 * MiB, 4 * MiB, 10 * MiB, (77 * MiB) + 4096])
            {
                region.Grow(length);
                Assert.Equal(length, region.Length);
                Assert.Equal(address, region.Address);
                AssertZero(region, before);
                AssertFilled(region, 1, (2 * MiB) + 4096);
                before = length;
            }

            early[0] ^= 0xFF;
            Assert.Equal(early[0], region.AsSpan(0, 1)[0]);
            early[0] ^= 0xFF;
            Fill(region, 3);
            AssertFilled(other, 2);
        }

        using (PersistentArena arena = PersistentArena.Open(On(medium)))
        {
            using PersistentRegion region = arena.OpenRegion("data");
            Assert.Equal((77 * MiB) + 4096, region.Length);
            AssertFilled(region, 3);
            using PersistentRegion other = arena.OpenRegion("other");
            AssertFilled(other, 2);
            if (kind == "strict")
            {
                Assert.True(arena.FindRegion("data")!.ExtentCount >= 3, "77 MiB in files of at most 32 MiB");
            }
        }
    }

    [Theory, MemberData(nameof(CheapMedia))]
    [Trait("speed", "slow")]
    public void A_guest_machines_ram_holds_not_one_byte_of_ours(string kind)
    {
        using TestMedium medium = TestMedia.Create(kind);
        const long First = 80 * MiB;
        const long Second = 120 * MiB;
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            using PersistentRegion ram = arena.CreateRegion("ram", First,
                new RegionOptions { Kind = RegionKind.GuestRam });
            Fill(ram, 7);
            ram.Grow(Second);
            Fill(ram, 7);
            arena.RenameRegion("ram", "vm-1");
            arena.CreateRegion("x", 2 * MiB).Dispose();
            arena.DeleteRegion("x");
            arena.Freeze();
            arena.Thaw();
            ram.Flush(0, ram.Length);
            AssertFilled(ram, 7);
        }

        for (int open = 0; open < 2; open++)
        {
            using PersistentArena arena = PersistentArena.Open(On(medium));
            using PersistentRegion ram = arena.OpenRegion("vm-1", RegionKind.GuestRam);
            Assert.Equal(Second, ram.Length);
            AssertFilled(ram, 7);
        }
    }

    [Theory, MemberData(nameof(CheapMedia))]
    [Trait("speed", "slow")]
    public void Deleted_memory_is_zero_for_the_next_region(string kind)
    {
        using TestMedium medium = TestMedia.Create(kind);
        using PersistentArena arena = PersistentArena.Create(On(medium));
        for (int round = 0; round < 5; round++)
        {
            using (PersistentRegion region = arena.CreateRegion("r", (10 + round) * MiB,
                new RegionOptions { Kind = RegionKind.Heap }))
            {
                if (round > 0 && kind != "strict")
                {
                    AssertZero(region);
                }

                Fill(region, round);
            }

            arena.DeleteRegion("r");
            using (PersistentRegion region = arena.CreateRegion("s", 2 * MiB))
            {
                AssertZero(region);
                region.Grow(9 * MiB);
                AssertZero(region);
                Fill(region, 9);
            }

            arena.DeleteRegion("s");
        }

        Assert.Empty(arena.ListRegions());
        Assert.Equal(0, arena.GetSpace().InUse);
    }

    [Theory, MemberData(nameof(CheapMedia))]
    public void Names_are_listed_renamed_and_deleted(string kind)
    {
        using TestMedium medium = TestMedia.Create(kind);
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            foreach (string name in (string[])["b", "a", "µ-größe", "c"])
            {
                arena.CreateRegion(name, 2 * MiB).Dispose();
            }

            arena.RenameRegion("c", "z");
            arena.DeleteRegion("b");
            Assert.Equal(["a", "z", "µ-größe"], arena.ListRegions().Select(r => r.Name));
        }

        using (PersistentArena arena = PersistentArena.Open(On(medium)))
        {
            Assert.Equal(["a", "z", "µ-größe"], arena.ListRegions().Select(r => r.Name));
            Assert.Null(arena.FindRegion("b"));
            Assert.False(arena.TryOpenRegion("c", out _));
            using PersistentRegion again = arena.OpenOrCreateRegion("a", 2 * MiB);
            Assert.Equal(3, arena.ListRegions().Count);
        }
    }

    [Fact]
    public void Two_openings_share_one_mapping_until_both_are_gone()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena arena = PersistentArena.Create(On(medium));
        PersistentRegion first = arena.CreateRegion("r", 2 * MiB);
        PersistentRegion second = arena.OpenRegion("r");
        Assert.Equal(first.Address, second.Address);
        first.Dispose();
        first.Dispose();
        second.AsSpan(0, 1)[0] = 1;
        Assert.Throws<ObjectDisposedException>(() => { first.AsSpan(0, 1); });
        second.Dispose();
    }

    [Fact]
    public void A_disposed_arenas_regions_refuse_and_stay_mapped()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        PersistentArena arena = PersistentArena.Create(On(medium));
        PersistentRegion region = arena.CreateRegion("r", 2 * MiB);
        Span<byte> span = region.AsSpan(0, 16);
        arena.Dispose();
        span[3] = 5;
        Assert.Equal(5, span[3]);
        Assert.Throws<ObjectDisposedException>(() => { region.AsSpan(0, 1); });
        Assert.Throws<ObjectDisposedException>(() => region.Grow(4 * MiB));
        Assert.Throws<ObjectDisposedException>(() => arena.ListRegions());
        region.Dispose();
    }

    [Fact]
    public void One_gibibyte_alignment()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena arena = PersistentArena.Create(On(medium));
        using PersistentRegion region = arena.CreateRegion("r", 2 * MiB, new RegionOptions { Alignment = 1L << 30 });
        Assert.Equal(0, region.Address % (1 << 30));
        region.AsSpan(0, 1)[0] = 1;
    }
}
