using System.Globalization;
using GuestMemFs.Tests.Infrastructure;
using static GuestMemFs.Tests.Arena.ArenaTest;

namespace GuestMemFs.Tests.Arena;

/// <summary>
/// The guestmemfs patches hand files' bytes to other names at a kexec, and forget lengths and modes: identity is in the
/// bytes.
/// </summary>
public class KexecTests
{
    [Fact]
    [Trait("speed", "slow")]
    public void Every_byte_is_found_after_any_permutation()
    {
        for (int seed = -2; seed < 24; seed++)
        {
            using var medium = TestMedium.OfMedium("strict",
                new StrictMedium(new StrictOptions { MaximumFileLength = 8 * MiB }));
            Guid id;
            using (PersistentArena arena = PersistentArena.Create(On(medium)))
            {
                id = arena.Id;
                for (int i = 0; i < 4; i++)
                {
                    using PersistentRegion region = arena.CreateRegion(Name(i), (2 + (5 * i)) * MiB,
                        new RegionOptions { Kind = (RegionKind)(i % 3) });
                    Fill(region, i);
                }

                arena.DeleteRegion(Name(1));
                arena.Freeze();
                if (seed % 2 == 0)
                {
                    arena.Abandon();
                }
            }

            for (int kexec = 0; kexec < 2; kexec++)
            {
                medium.SimulateKexec(seed < 0 ? null : seed + (100 * kexec), keepNames: seed == -2);
                using PersistentArena arena = PersistentArena.Open(On(medium));
                Assert.Equal(id, arena.Id);
                Assert.Equal(3, arena.ListRegions().Count(r => r.Name.StartsWith("region", StringComparison.Ordinal)));
                foreach (int i in (int[])[0, 2, 3])
                {
                    using PersistentRegion region = arena.OpenRegion(Name(i));
                    Assert.Equal((2 + (5 * i)) * MiB, region.Length);
                    AssertFilled(region, i);
                }

                // And life goes on: what was deleted is used again, under whatever name it has now.
                arena.Thaw();
                using (PersistentRegion region = arena.CreateRegion($"new-{kexec}", 9 * MiB))
                {
                    AssertZero(region);
                    Fill(region, 50 + kexec);
                }

                if (kexec == 1)
                {
                    using PersistentRegion earlier = arena.OpenRegion("new-0");
                    AssertFilled(earlier, 50);
                    earlier.Grow(15 * MiB);
                    AssertZero(earlier, 9 * MiB);
                }
            }
        }
    }

    [Fact]
    public void A_machines_ram_cannot_pass_for_metadata()
    {
        using TestMedium medium = TestMedia.Create("strict");
        byte[] forged;
        Guid id;
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            id = arena.Id;
            forged = RawFile.Read(medium, "arena.meta");
            using PersistentRegion ram = arena.CreateRegion("ram", 2 * MiB,
                new RegionOptions { Kind = RegionKind.GuestRam });
            forged.CopyTo(ram.AsSpan(0, (int)(2 * MiB)));
            using PersistentRegion second = arena.CreateRegion("ram2", 2 * MiB,
                new RegionOptions { Kind = RegionKind.GuestRam });
            forged.CopyTo(second.AsSpan(0, (int)(2 * MiB)));
        }

        for (int seed = 0; seed < 6; seed++)
        {
            medium.SimulateKexec(seed);
            using PersistentArena arena = PersistentArena.Open(On(medium));
            Assert.Equal(id, arena.Id);
            Assert.Equal(2, arena.ListRegions().Count);
            using PersistentRegion ram = arena.OpenRegion("ram");
            Assert.True(ram.AsSpan(0, (int)(2 * MiB)).SequenceEqual(forged));
        }
    }

    [Fact]
    public void An_older_lifes_arena_under_a_new_ones_files_is_not_seen()
    {
        using TestMedium medium = TestMedia.Create("strict");
        Guid old;
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            old = arena.Id;
            using PersistentRegion region = arena.CreateRegion("old", 10 * MiB);
            Fill(region, 1);
        }

        StrictMedium fresh = medium.Strict!.SimulateFreshMountOverOldContent();
        using (PersistentArena arena = PersistentArena.Create(
            new ArenaOptions { Medium = new BorrowedMedium(fresh), MetadataSize = 2 * MiB }))
        {
            Assert.NotEqual(old, arena.Id);
            Assert.Empty(arena.ListRegions());
            using PersistentRegion region = arena.CreateRegion("new", 10 * MiB);
            AssertZero(region);
            Fill(region, 2);
        }

        using (PersistentArena arena = PersistentArena.Open(new ArenaOptions { Medium = new BorrowedMedium(fresh) }))
        {
            Assert.Equal(AttachKind.Warm, arena.AttachReport.Kind);
            using PersistentRegion region = arena.OpenRegion("new");
            AssertFilled(region, 2);
        }

        Assert.Empty(fresh.Violations);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void What_is_deleted_is_used_again_until_there_is_no_room()
    {
        using TestMedium medium = TestMedia.Create("strict");
        using PersistentArena arena = PersistentArena.Create(On(medium));
        for (int round = 0; round < 40; round++)
        {
            // 40 x 60 MiB are more than the carve-out of 1 GiB.
            using (PersistentRegion region = arena.CreateRegion("r", (50 + (round % 11)) * MiB))
            {
                region.AsSpan(region.Length - 8, 8).Fill(1);
            }

            arena.DeleteRegion("r");
        }

        ArenaSpace space = arena.GetSpace();
        Assert.InRange(space.Reusable, 60 * MiB, 200 * MiB);
        int made = 0;
        ArenaOutOfSpaceException full = Assert.Throws<ArenaOutOfSpaceException>(() =>
        {
            for (; made < 100; made++)
            {
                arena.CreateRegion(Name(made), 60 * MiB).Dispose();
            }
        });
        Assert.InRange(made, 14, 17);
        Assert.True(full.Free < full.Requested);
        Assert.Equal(made, arena.ListRegions().Count);
        arena.DeleteRegion(Name(0));
        arena.CreateRegion("fits", 60 * MiB).Dispose();
    }

    [Fact]
    public void The_number_of_files_is_kept_to()
    {
        using var strict = new StrictMedium(new StrictOptions { MaximumFiles = 5 });
        using (PersistentArena arena = PersistentArena.Create(
            new ArenaOptions { Medium = strict, MetadataSize = 2 * MiB }))
        {
            for (int i = 0; i < 4; i++)
            {
                arena.CreateRegion(Name(i), 2 * MiB).Dispose();
            }

            ArenaOutOfFilesException refused = Assert.Throws<ArenaOutOfFilesException>(() =>
                arena.CreateRegion("x", 2 * MiB));
            Assert.Equal((1, 5, 5), (refused.Requested, refused.Present, refused.Maximum));
            arena.DeleteRegion(Name(2));
            arena.CreateRegion("x", 2 * MiB).Dispose();
        }

        Assert.Empty(strict.Violations);
        strict.DestroyMemory();
    }

    private static string Name(int i) => string.Create(CultureInfo.InvariantCulture, $"region-{i}");
}
