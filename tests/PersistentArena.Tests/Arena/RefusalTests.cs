using GuestMemFs.Format;
using GuestMemFs.Tests.Infrastructure;
using static GuestMemFs.Tests.Arena.ArenaTest;

namespace GuestMemFs.Tests.Arena;

/// <summary>Everything an arena refuses: typed, with its numbers, and without a byte of metadata changed.</summary>
public class RefusalTests
{
    public static TheoryData<string> CheapMedia => TestMedia.Cheap;

    [Theory, MemberData(nameof(CheapMedia))]
    public void Refusals_change_nothing(string kind)
    {
        using TestMedium medium = TestMedia.Create(kind);
        using PersistentArena arena = PersistentArena.Create(On(medium));
        using PersistentRegion data = arena.CreateRegion("data", 4 * MiB,
            new RegionOptions { MaximumLength = 8 * MiB });
        arena.CreateRegion("ram", 2 * MiB, new RegionOptions { Kind = RegionKind.GuestRam }).Dispose();

        Refuses<RegionExistsException>(ReasonCodes.RegionExists, () => arena.CreateRegion("data", 2 * MiB),
            e => Assert.Equal(4 * MiB, e.Length));
        Refuses<RegionExistsException>(ReasonCodes.RegionExists, () => arena.RenameRegion("ram", "data"));
        Refuses<RegionNotFoundException>(ReasonCodes.RegionNotFound, () => arena.OpenRegion("none"),
            e => Assert.Equal("none", e.Name));
        Refuses<RegionNotFoundException>(ReasonCodes.RegionNotFound, () => arena.DeleteRegion("none"));
        Refuses<RegionNotFoundException>(ReasonCodes.RegionNotFound, () => arena.RenameRegion("none", "other"));
        Refuses<RegionKindException>(ReasonCodes.RegionWrongKind, () => arena.OpenRegion("ram", RegionKind.Heap),
            e => Assert.Equal((RegionKind.Heap, RegionKind.GuestRam), (e.Requested, e.Found)));
        Refuses<RegionKindException>(ReasonCodes.RegionWrongKind, () => arena.OpenOrCreateRegion("ram", 2 * MiB));
        Refuses<RegionSizeException>(ReasonCodes.RegionWrongSize, () => arena.OpenOrCreateRegion("data", 6 * MiB),
            e => Assert.Equal((6 * MiB, 4 * MiB), (e.Requested, e.Limit)));
        foreach (long length in (long[])[long.MinValue, -1, 0, 1, MiB, (2 * MiB) - 4096, (2 * MiB) + 1,
            (1L << 46) + 4096, long.MaxValue])
        {
            Refuses<RegionSizeException>(ReasonCodes.RegionWrongSize, () => arena.CreateRegion("x", length),
                e => Assert.Equal(length, e.Requested));
        }

        Refuses<RegionSizeException>(ReasonCodes.RegionWrongSize,
            () => arena.CreateRegion("x", 2 * MiB, new RegionOptions { Alignment = 4096 }));
        Refuses<RegionSizeException>(ReasonCodes.RegionWrongSize,
            () => arena.CreateRegion("x", 4 * MiB, new RegionOptions { MaximumLength = 2 * MiB }));
        Refuses<RegionSizeException>(ReasonCodes.RegionWrongSize, () => data.Grow(2 * MiB),
            e => Assert.Equal(4 * MiB, e.Limit));
        Refuses<RegionSizeException>(ReasonCodes.RegionWrongSize, () => data.Grow(10 * MiB),
            e => Assert.Equal(data.MaximumLength, e.Limit));
        Refuses<RegionInUseException>(ReasonCodes.RegionInUse, () => arena.DeleteRegion("data"),
            e => Assert.Equal(1, e.OpenCount));
        foreach (string name in (string[])["", "a\nb", "\0", "\u0085", "\ud800", new string('x', 129),
            new string('ä', 65)])
        {
            Refuses<InvalidRegionNameException>(ReasonCodes.InvalidRegionName, () => arena.CreateRegion(name, 2 * MiB));
            Refuses<InvalidRegionNameException>(ReasonCodes.InvalidRegionName, () => arena.RenameRegion("data", name));
        }

        long tooMuch = arena.GetSpace().Total + (64 * MiB);
        Refuses<ArenaOutOfSpaceException>(ReasonCodes.OutOfSpace, () => arena.CreateRegion("x", tooMuch),
            e => Assert.True(e.Requested >= tooMuch && e.Free < tooMuch));
        Refuses<ArenaInUseException>(ReasonCodes.ArenaInUse, () => PersistentArena.Open(On(medium)), e =>
        {
            Assert.Equal(Environment.ProcessId, e.ProcessId);
            Assert.InRange(e.Since!.Value, DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddMinutes(1));
        });
        Refuses<ArenaExistsException>(ReasonCodes.ArenaExists, () => PersistentArena.Create(On(medium)));
        Refuses<ForeignFileException>(ReasonCodes.ForeignFile, () =>
        {
            ArenaOptions options = On(medium);
            options.ArenaId = Guid.NewGuid();
            PersistentArena.Open(options);
        }, e => Assert.Equal(arena.Id, e.Found));

        arena.CreateRegion(new string('ä', 64), 2 * MiB).Dispose();

        void Refuses<T>(string code, Action action, Action<T>? check = null)
            where T : ArenaException
        {
            List<RegionInfo> regions = [.. arena.ListRegions()];
            byte[] bytes = RawFile.Read(medium, "arena.meta");
            List<string> files = Files(medium);
            T refused = Assert.Throws<T>(action);
            Assert.Equal(code, refused.ReasonCode);
            Assert.StartsWith(code, refused.Message, StringComparison.Ordinal);
            check?.Invoke(refused);
            Assert.Equal(regions, arena.ListRegions());
            Assert.True(bytes.AsSpan().SequenceEqual(RawFile.Read(medium, "arena.meta")),
                $"{typeof(T).Name} changed the metadata");
            Assert.Equal(files, Files(medium));
        }
    }

    [Theory, MemberData(nameof(CheapMedia))]
    public void Frozen_metadata_stands_still_and_data_does_not(string kind)
    {
        using TestMedium medium = TestMedia.Create(kind);
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            using PersistentRegion region = arena.CreateRegion("r", 2 * MiB);
            arena.CreateRegion("other", 2 * MiB).Dispose();
            arena.Freeze();
            Assert.True(arena.IsFrozen);
            medium.Strict?.Freeze();
            byte[] bytes = RawFile.Read(medium, "arena.meta");
            Assert.Throws<ArenaFrozenException>(() => arena.CreateRegion("x", 2 * MiB));
            Assert.Throws<ArenaFrozenException>(() => arena.DeleteRegion("other"));
            Assert.Throws<ArenaFrozenException>(() => arena.RenameRegion("other", "x"));
            Assert.Throws<ArenaFrozenException>(() => region.Grow(4 * MiB));
            Assert.Throws<ArenaFrozenException>(() => region.Arena.MarkFormatted(region.Mapping));
            Assert.True(bytes.AsSpan().SequenceEqual(RawFile.Read(medium, "arena.meta")));
            Fill(region, 4);
        }

        using (PersistentArena arena = PersistentArena.Open(On(medium)))
        {
            Assert.True(arena.IsFrozen, "the same kernel: still frozen");
            using PersistentRegion region = arena.OpenRegion("r");
            AssertFilled(region, 4);
            medium.Strict?.Thaw();
            arena.Thaw();
            region.Grow(4 * MiB);
        }

        using (PersistentArena arena = PersistentArena.Open(On(medium)))
        {
            Assert.False(arena.IsFrozen);
        }
    }

    [Fact]
    public void An_arena_frozen_under_another_kernel_is_thawed_and_says_so()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            arena.FreezeAs(Guid.NewGuid());
        }

        using (PersistentArena arena = PersistentArena.Open(On(medium)))
        {
            Assert.False(arena.IsFrozen);
            Assert.Equal(ReasonCodes.Thawed, Assert.Single(arena.AttachReport.Reasons).Code);
        }
    }

    [Fact]
    public unsafe void A_writer_under_another_kernel_than_the_last_one_says_what_was_survived()
    {
        var old = Guid.NewGuid();
        using TestMedium medium = TestMedia.Create("tmpfs");
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            AttachReason created = Assert.Single(arena.AttachReport.Reasons);
            Assert.Equal(ReasonCodes.Created, created.Code);
            Assert.Contains("tmpfs does not keep its content over a kexec", created.Text, StringComparison.Ordinal);
        }

        using (var file = new RawFile(medium, "arena.meta"))
        {
            fixed (byte* at = file.Bytes[MetadataLayout.Writer..])
            {
                Assert.True(WriterRecord.TryRead(at, out WriterRecord record));
                record.BootId = old;
                record.WriteTo(at);
            }
        }

        using (PersistentArena arena = PersistentArena.Open(On(medium)))
        {
            AttachReason survived = Assert.Single(arena.AttachReport.Reasons);
            Assert.Equal(ReasonCodes.KernelSurvived, survived.Code);
            Assert.Contains(old.ToString(), survived.Text, StringComparison.Ordinal);
        }

        using (PersistentArena arena = PersistentArena.Open(On(medium)))
        {
            Assert.Empty(arena.AttachReport.Reasons);
        }
    }

    [Fact]
    public void A_second_writer_fences_the_first()
    {
        using TestMedium medium = TestMedia.Create("strict");
        using PersistentArena stale = PersistentArena.Create(On(medium));
        using PersistentRegion region = stale.CreateRegion("r", 2 * MiB);
        medium.SimulateProcessDeath(); // The lock is lost, and the writer does not know.
        using PersistentArena next = PersistentArena.Open(On(medium));
        next.CreateRegion("new", 2 * MiB).Dispose();
        ArenaFencedException fenced = Assert.Throws<ArenaFencedException>(() => stale.CreateRegion("x", 2 * MiB));
        Assert.Equal((1UL, 2UL), (fenced.Epoch, fenced.NewestEpoch));
        Assert.Throws<ArenaFencedException>(() => region.Grow(4 * MiB));
        Assert.Throws<ArenaFencedException>(() => stale.DeleteRegion("new"));
        Assert.Throws<ArenaFencedException>(stale.Freeze);
        stale.Dispose();
        Assert.Equal(["new", "r"], next.ListRegions().Select(r => r.Name));
        next.Dispose();
        using PersistentArena again = PersistentArena.Open(On(medium));
        Assert.Equal(AttachKind.Warm, again.AttachReport.Kind);
    }

    [Fact]
    public unsafe void An_epoch_that_has_no_next_one_is_refused()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        PersistentArena.Create(On(medium)).Dispose();
        using (RawFile file = new(medium, "arena.meta"))
        {
            fixed (byte* start = file.Bytes)
            {
                GuestMemFs.Format.MetadataLayout layout = new(start, GuestMemFs.Format.Superblock.ReadFrom(start));
                *layout.Epoch = GuestMemFs.Format.SealedWord.Seal(
                    uint.MaxValue, layout.Seed(GuestMemFs.Format.WordKind.Epoch));
            }
        }

        Assert.Throws<ArenaDamagedException>(() => PersistentArena.Open(On(medium)));

        using PersistentArena reader = PersistentArena.Open(On(medium, ArenaAccess.ReadOnly));
        Assert.Empty(reader.ListRegions());
    }

    [Fact]
    public void No_arena_no_directory_not_an_arena()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Assert.Throws<ArenaNotFoundException>(() => PersistentArena.Open(On(medium)));
        Assert.Throws<ArenaNotFoundException>(() => PersistentArena.OpenOrCreate(On(medium, ArenaAccess.ReadOnly)));
        Assert.Throws<ArenaNotFoundException>(() =>
            PersistentArena.Open(new ArenaOptions { Directory = medium.Directory + "-none" }));
        Assert.Throws<ArenaReadOnlyException>(() => PersistentArena.Create(On(medium, ArenaAccess.ReadOnly)));
        Assert.Throws<ArenaMediumException>(() =>
            PersistentArena.Create(new ArenaOptions { Directory = medium.Directory + "/none/none" }));
        string path = Path.Combine(medium.Directory!, "arena.meta");
        foreach (byte[] content in (byte[][])[new byte[100], [.. Enumerable.Repeat((byte)7, 2 << 20)],
            [.. Enumerable.Repeat((byte)9, 8192)], [.. new byte[8], 1, .. new byte[(2 << 20) - 9]]])
        {
            File.WriteAllBytes(path, content);
            Assert.Throws<ForeignFileException>(() => PersistentArena.OpenOrCreate(On(medium)));
            Assert.Equal(content, File.ReadAllBytes(path));
        }
    }

    [Fact]
    public void An_arena_of_a_newer_library_is_refused_or_read()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        PersistentArena.Create(On(medium)).Dispose();
        Patch(medium, (ref GuestMemFs.Format.Superblock s) => s.ReadOnlyCompat = 4);
        NewerFormatException refused = Assert.Throws<NewerFormatException>(() => PersistentArena.Open(On(medium)));
        Assert.True(refused.IsReadable);
        Assert.Equal((ReasonCodes.ReadOnlyFormat, 4UL), (refused.ReasonCode, refused.UnknownFeatures));
        PersistentArena.Open(On(medium, ArenaAccess.ReadOnly)).Dispose();

        Patch(medium, (ref GuestMemFs.Format.Superblock s) => (s.ReadOnlyCompat, s.Compat) = (0, 8));
        PersistentArena.Open(On(medium)).Dispose();

        Patch(medium, (ref GuestMemFs.Format.Superblock s) => s.Incompat = 2);
        refused = Assert.Throws<NewerFormatException>(() => PersistentArena.Open(On(medium, ArenaAccess.ReadOnly)));
        Assert.False(refused.IsReadable);
        Assert.Equal((ReasonCodes.NewerFormat, 2UL), (refused.ReasonCode, refused.UnknownFeatures));
        Patch(medium, (ref GuestMemFs.Format.Superblock s) => (s.Incompat, s.FormatVersion) = (0, 2));
        Assert.Throws<NewerFormatException>(() => PersistentArena.OpenOrCreate(On(medium)));
    }

    private delegate void Change(ref GuestMemFs.Format.Superblock superblock);

    private static unsafe void Patch(TestMedium medium, Change change)
    {
        using var file = new RawFile(medium, "arena.meta");
        fixed (byte* start = file.Bytes)
        {
            var superblock = GuestMemFs.Format.Superblock.ReadFrom(start);
            change(ref superblock);
            superblock.Crc = superblock.ComputeCrc();
            superblock.WriteTo(start);
            superblock.WriteTo(start + GuestMemFs.Format.MetadataLayout.SecondCopy);
        }
    }

    private static List<string> Files(TestMedium medium) =>
        [.. medium.Open().ListFiles().Order(StringComparer.Ordinal)];
}
