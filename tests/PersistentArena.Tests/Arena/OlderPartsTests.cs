using GuestMemFs.Format;
using GuestMemFs.Tests.Infrastructure;
using static GuestMemFs.Tests.Arena.ArenaTest;

namespace GuestMemFs.Tests.Arena;

/// <summary>
/// An arena whose files are not of one time: a backup restored in part. What does not belong together is refused, and
/// no file that may hold data is deleted.
/// </summary>
public class OlderPartsTests
{
    [Fact]
    public void Files_that_an_older_metadata_does_not_know_are_set_aside_and_come_back_with_the_newer_one()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        byte[] older;
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            Make(arena, "a", 1);
            older = RawFile.Read(medium, "arena.meta"); // Of an arena that is open: its next writer sweeps.
            Make(arena, "b", 2);
        }

        byte[] newer = RawFile.Read(medium, "arena.meta");
        Write(medium, "arena.meta", older);

        using (PersistentArena arena = PersistentArena.Open(On(medium)))
        {
            AttachReason reason = Assert.Single(arena.AttachReport.Reasons, r => r.Code == ReasonCodes.FilesSetAside);
            Assert.Contains("aside-extent-2", reason.Text, StringComparison.Ordinal);
            Assert.DoesNotContain(arena.AttachReport.Reasons, r => r.Code == ReasonCodes.OrphansAdopted);
            Assert.Equal(["a"], arena.ListRegions().Select(r => r.Name));
        }

        Assert.Contains("aside-extent-2", Names(medium));
        Write(medium, "arena.meta", newer);
        using PersistentArena again = PersistentArena.Open(On(medium));
        using PersistentRegion b = again.OpenRegion("b");
        AssertFilled(b, 2);
        using PersistentRegion a = again.OpenRegion("a");
        AssertFilled(a, 1);
    }

    [Theory]
    [InlineData(ArenaAccess.ReadWrite)]
    [InlineData(ArenaAccess.ReadOnly)]
    public void An_older_extent_is_refused(ArenaAccess access)
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            Make(arena, "r", 1, 9 * MiB);
            using PersistentRegion region = arena.OpenRegion("r");
            region.Grow(20 * MiB);
        }

        foreach (string file in (string[])["extent-1", "extent-2"])
        {
            byte[] older = RawFile.Read(medium, file);
            Refill(medium, 2);
            byte[] newer = RawFile.Read(medium, file);
            Write(medium, file, older);
            for (int open = 0; open < 6; open++)
            {
                using PersistentArena arena = PersistentArena.Open(On(medium, access));
                var refused = Assert.Throws<ExtentException>(() => arena.OpenRegion("r"));
                Assert.Equal((ReasonCodes.ExtentOfOtherGeneration, "r"), (refused.ReasonCode, refused.Region));
            }

            Write(medium, file, newer);
            Refill(medium, 1);
        }
    }

    [Fact]
    public void Older_metadata_beside_newer_extents_is_refused_however_often_it_is_opened()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            Make(arena, "r", 1);
        }

        byte[] older = RawFile.Read(medium, "arena.meta");
        Refill(medium, 2);
        byte[] newer = RawFile.Read(medium, "arena.meta");
        Write(medium, "arena.meta", older);
        for (int open = 0; open < 6; open++)
        {
            using PersistentArena arena = PersistentArena.Open(On(medium));
            Assert.Equal(ReasonCodes.ExtentOfOtherGeneration,
                Assert.Throws<ExtentException>(() => arena.OpenRegion("r")).ReasonCode);
        }

        Write(medium, "arena.meta", newer);
        using PersistentArena again = PersistentArena.Open(On(medium));
        using PersistentRegion region = again.OpenRegion("r");
        AssertFilled(region, 2);
    }

    /// <summary>
    /// The medium that gives nothing back: there older metadata would have a file used again that holds a region now.
    /// </summary>
    [Fact]
    public void A_file_that_only_an_older_metadata_calls_unused_is_not_used_again()
    {
        using TestMedium medium = TestMedia.Create("strict");
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            Make(arena, "first", 1);
            arena.DeleteRegion("first");
        }

        byte[] older = RawFile.Read(medium, "arena.meta");
        using (PersistentArena arena = PersistentArena.Open(On(medium)))
        {
            Make(arena, "second", 2);
            Assert.Equal(2, arena.GetSpace().FileCount);
        }

        byte[] newer = RawFile.Read(medium, "arena.meta");
        Write(medium, "arena.meta", older);
        using (PersistentArena arena = PersistentArena.Open(On(medium)))
        {
            Assert.Contains(arena.AttachReport.Reasons,
                r => r.Code == ReasonCodes.FilesSetAside && r.Text.Contains("extent-1", StringComparison.Ordinal));
            Make(arena, "third", 3);
        }

        Write(medium, "arena.meta", newer);
        using PersistentArena again = PersistentArena.Open(On(medium));
        using PersistentRegion second = again.OpenRegion("second");
        AssertFilled(second, 2);
    }

    [Theory]
    [InlineData("tmpfs")]
    [InlineData("strict")]
    public void Extents_without_their_metadata_keep_a_new_arena_away(string kind)
    {
        using TestMedium medium = TestMedia.Create(kind);
        Guid id;
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            id = arena.Id;
            Make(arena, "r", 1);
        }

        byte[] metadata = RawFile.Read(medium, "arena.meta");
        Delete(medium, "arena.meta");
        string[] before = Names(medium);

        Refused(() => PersistentArena.OpenOrCreate(On(medium)));
        Refused(() => PersistentArena.Create(On(medium)));
        Refused(() => PersistentArena.Open(On(medium)));
        Assert.Equal(before, Names(medium));
        if (kind == "strict")
        {
            medium.SimulateKexec(seed: 1); // Names are gone, identities are not.
            Refused(() => PersistentArena.OpenOrCreate(On(medium)));
            return;
        }

        File.WriteAllBytes(Path.Combine(medium.Directory!, "arena.meta"), metadata);
        using PersistentArena again = PersistentArena.OpenOrCreate(On(medium));
        using PersistentRegion region = again.OpenRegion("r");
        AssertFilled(region, 1);

        void Refused(Action open)
        {
            var refused = Assert.Throws<ArenaMetadataMissingException>(open);
            Assert.Equal(ReasonCodes.MetadataMissing, refused.ReasonCode);
            Assert.Equal([id], refused.ArenaIds);
            Assert.Single(refused.Files);
        }
    }

    [Fact]
    public void Parts_of_a_frozen_arena_are_compared_and_nothing_is_committed()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            Make(arena, "r", 1);
            arena.Freeze();
        }

        byte[] older = RawFile.Read(medium, "extent-1");
        using (PersistentArena arena = PersistentArena.Open(On(medium)))
        {
            long log = arena.GetSpace().MetadataUsed;
            using (PersistentRegion region = arena.OpenRegion("r"))
            {
                AssertFilled(region, 1);
            }

            Assert.Equal(log, arena.GetSpace().MetadataUsed);
            arena.Thaw();
        }

        Refill(medium, 2);
        Write(medium, "extent-1", older);
        using PersistentArena again = PersistentArena.Open(On(medium));
        again.Freeze();
        Assert.Equal(ReasonCodes.ExtentOfOtherGeneration,
            Assert.Throws<ExtentException>(() => again.OpenRegion("r")).ReasonCode);
    }

    [Fact]
    public void An_arena_of_an_older_library_opens_and_gets_its_generations()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            Make(arena, "r", 1);
            arena.ForgetGeneration("r"); // As an older library writes the entry.
        }

        using (var raw = new RawFile(medium, "extent-1"))
        {
            raw.Bytes.Slice(raw.Bytes.Length - ExtentIdentity.BlockBytes + ExtentMark.Offset, ExtentMark.Bytes).Clear();
        }

        byte[] older = RawFile.Read(medium, "extent-1");
        Refill(medium, 2);
        Write(medium, "extent-1", older);
        using PersistentArena again = PersistentArena.Open(On(medium));
        Assert.Equal(ReasonCodes.ExtentOfOtherGeneration,
            Assert.Throws<ExtentException>(() => again.OpenRegion("r")).ReasonCode);

        // And where somebody means it, it is taken as it is.
        again.ForgetGeneration("r");
        using PersistentRegion region = again.OpenRegion("r");
        AssertFilled(region, 1);
    }

    [Fact]
    public void Readers_open_a_region_while_its_writers_come_and_go()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena arena = PersistentArena.Create(On(medium));
        Make(arena, "r", 1);
        using PersistentArena reader = PersistentArena.Open(On(medium, ArenaAccess.ReadOnly));
        bool stop = false;
        var writing = new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                arena.OpenRegion("r").Dispose();
            }
        });
        writing.Start();

        for (long end = Environment.TickCount64 + 1000; Environment.TickCount64 < end;)
        {
            using PersistentRegion region = reader.OpenRegion("r");
            AssertFilled(region, 1, 4096);
        }

        Volatile.Write(ref stop, true);
        writing.Join();
    }

    private static void Make(PersistentArena arena, string name, int seed, long length = 4 * MiB)
    {
        using PersistentRegion region = arena.CreateRegion(name, length,
            new RegionOptions { MaximumLength = 64 * MiB });
        Fill(region, seed);
    }

    private static void Refill(TestMedium medium, int seed)
    {
        using PersistentArena arena = PersistentArena.Open(On(medium));
        using PersistentRegion region = arena.OpenRegion("r");
        Fill(region, seed);
    }

    private static void Write(TestMedium medium, string name, byte[] bytes)
    {
        using var raw = new RawFile(medium, name);
        bytes.CopyTo(raw.Bytes);
    }

    private static void Delete(TestMedium medium, string name)
    {
        using Medium open = medium.Open();
        open.DeleteFile(name);
    }

    private static string[] Names(TestMedium medium)
    {
        using Medium open = medium.Open();
        return [.. open.ListFiles().Order(StringComparer.Ordinal)];
    }
}
