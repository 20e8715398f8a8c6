using System.Globalization;
using GuestMemFs.Tests.Infrastructure;
using static GuestMemFs.Tests.Arena.ArenaTest;

namespace GuestMemFs.Tests.Arena;

/// <summary>Growth that fails, growth beside others, and many threads at one arena.</summary>
public class GrowthTests
{
    [Fact]
    public void A_kind_or_a_reserve_that_there_is_not_is_refused()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena arena = PersistentArena.Create(On(medium));

        Assert.Throws<ArgumentOutOfRangeException>(() =>
            arena.CreateRegion("region", 2 * MiB, new RegionOptions { Kind = (RegionKind)9 }));
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            arena.CreateRegion("region", 2 * MiB, new RegionOptions { Reserve = (RegionReserve)9 }));
        Assert.Null(arena.FindRegion("region"));
    }

    [Theory]
    [InlineData(RegionKind.Heap, 64L << 30)]
    [InlineData(RegionKind.Raw, 1L << 30)]
    public void A_small_region_may_grow_to_what_its_kind_usually_needs(RegionKind kind, long maximum)
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena arena = PersistentArena.Create(On(medium));

        using PersistentRegion region = arena.CreateRegion("region", 2 * MiB, new RegionOptions { Kind = kind });

        Assert.InRange(region.MaximumLength, maximum, maximum + (4 * MiB));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Growth_that_finds_no_room_leaves_everything_and_gives_all_back()
    {
        using TestMedium medium = TestMedia.Create("tmpfs-huge"); // 512 MiB
        using PersistentArena arena = PersistentArena.Create(On(medium));
        using PersistentRegion region = arena.CreateRegion("r", 10 * MiB,
            new RegionOptions { MaximumLength = 2L << 30 });
        Fill(region, 1);
        for (int i = 0; i < 3; i++)
        {
            ArenaOutOfSpaceException full = Assert.Throws<ArenaOutOfSpaceException>(() => region.Grow(1L << 30));
            Assert.True(full.Requested > full.Free);
            Assert.Equal(10 * MiB, region.Length);
            AssertFilled(region, 1);
        }

        region.Grow(300 * MiB);
        AssertZero(region, 10 * MiB);
        AssertFilled(region, 1, 10 * MiB);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Growth_whose_medium_fails_half_way_gives_all_back()
    {
        for (int calls = 1; calls < 30; calls++)
        {
            using var memory = TestMedium.OfMedium("strict",
                new StrictMedium(new StrictOptions { MaximumFileLength = 8 * MiB, CarveOut = 64 * MiB }));
            var failing = new FailingMedium(memory.Open());
            using PersistentArena arena = PersistentArena.Create(
                new ArenaOptions { Medium = failing, MetadataSize = 2 * MiB });
            using PersistentRegion region = arena.CreateRegion("r", 5 * MiB,
                new RegionOptions { MaximumLength = 60 * MiB });
            Fill(region, 1);
            failing.FailAfter = calls;
            bool failed = false;
            try
            {
                region.Grow(20 * MiB);
            }
            catch (ArenaMediumException e)
            {
                failed = true;
                Assert.Equal(5 * MiB, region.Length);
                Assert.Equal(28, e.Errno);
            }

            failing.FailAfter = int.MaxValue;
            AssertFilled(region, 1, 5 * MiB);

            // What the failed growth made is used by the next one: the carve-out has no room for it twice.
            region.Grow(42 * MiB);
            AssertZero(region, 5 * MiB);
            AssertFilled(region, 1, 5 * MiB);
            if (!failed)
            {
                return;
            }
        }

        Assert.Fail("growth never succeeded");
    }

    [Fact]
    public void The_shortest_files_that_hold_data_are_long_enough()
    {
        using TestMedium memory = TestMedium.OfMedium("strict",
            new StrictMedium(new StrictOptions { MaximumFileLength = 4 * MiB, CarveOut = 64 * MiB }));
        using (PersistentArena arena = PersistentArena.Create(On(memory)))
        {
            using PersistentRegion region = arena.CreateRegion("r", 5 * MiB);
            Fill(region, 1);
        }

        using PersistentArena again = PersistentArena.Open(On(memory));
        using PersistentRegion found = again.OpenRegion("r");
        AssertFilled(found, 1);
    }

    [Fact]
    public void Growth_that_fails_leaves_no_file_where_removing_it_gives_its_room_back()
    {
        using TestMedium memory = TestMedia.Create("tmpfs");
        FailingMedium failing = new(memory.Open()) { LongestFile = 8 * MiB }; // growth takes several
        using PersistentArena arena = PersistentArena.Create(
            new ArenaOptions { Medium = failing, MetadataSize = 2 * MiB });
        using PersistentRegion region = arena.CreateRegion("r", 2 * MiB,
            new RegionOptions { MaximumLength = 60 * MiB, Reserve = RegionReserve.OnDemand });
        string[] before = [.. failing.ListFiles().Order(StringComparer.Ordinal)];
        int failed = 0;
        for (int calls = 0; region.Length == 2 * MiB; calls++)
        {
            failing.FailAfter = calls;
            Exception? error = Record.Exception(() => region.Grow(20 * MiB));
            failing.FailAfter = int.MaxValue;
            if (error is not null)
            {
                failed++;
                Assert.IsType<ArenaMediumException>(error);
                Assert.Equal(before, failing.ListFiles().Order(StringComparer.Ordinal));
            }
        }

        Assert.InRange(failed, 2, 10);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Many_threads_share_an_arena()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            Parallel.For(0, 4, thread =>
            {
                for (int i = 0; i < 40; i++)
                {
                    string name = string.Create(CultureInfo.InvariantCulture, $"{thread}-{i}");
                    using (PersistentRegion region = arena.CreateRegion(name, 2 * MiB,
                        new RegionOptions { Reserve = RegionReserve.OnDemand }))
                    {
                        region.EnsureBacked(0, 4096);
                        region.AsSpan(0, 4096).Fill((byte)thread);
                        region.Grow(4 * MiB);
                        using PersistentRegion again = arena.OpenRegion(name);
                        Assert.Equal(region.Address, again.Address);
                    }

                    if (i % 2 == 0)
                    {
                        arena.DeleteRegion(name);
                    }
                }
            });
        }

        using (PersistentArena arena = PersistentArena.Open(On(medium)))
        {
            Assert.Equal(80, arena.ListRegions().Count);
            foreach (RegionInfo info in arena.ListRegions())
            {
                using PersistentRegion region = arena.OpenRegion(info.Name);
                Assert.Equal(4 * MiB, region.Length);
                Assert.Equal(-1, region.AsSpan(0, 4096).IndexOfAnyExcept((byte)(info.Name[0] - '0')));
            }

            Assert.Equal(arena.GetSpace().FileCount, arena.Medium.ListFiles().Count);
        }
    }

    /// <summary>Says "no" (not: no room) to every file it is asked to create after so many calls.</summary>
    private sealed class FailingMedium(Medium medium) : Medium
    {
        public int FailAfter { get; set; } = int.MaxValue;

        public override string Name => medium.Name;

        public override string Location => medium.Location;

        public long LongestFile { get; init; } = long.MaxValue;

        public override MediumCapabilities Capabilities => medium.Capabilities with
        {
            MaximumFileLength = Math.Min(LongestFile, medium.Capabilities.MaximumFileLength),
        };

        public override MediumSpace GetSpace() => medium.GetSpace();

        public override IReadOnlyList<string> ListFiles() => medium.ListFiles();

        public override MediumFile? TryOpenFile(string name, bool writable)
        {
            Count();
            return medium.TryOpenFile(name, writable);
        }

        public override MediumFile CreateFile(string name, long length)
        {
            Count();
            return medium.CreateFile(name, length);
        }

        public override void DeleteFile(string name) => medium.DeleteFile(name);

        private void Count()
        {
            if (FailAfter-- <= 0)
            {
                throw new MediumException(MediumErrorKind.Other, "open", "a file", 28, "The test says no.");
            }
        }
    }
}
