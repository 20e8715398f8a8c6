using GuestMemFs.Tests.Infrastructure;
using GuestMemFs.Tests.Arena;
using static GuestMemFs.Tests.Inspection.Inspected;

namespace GuestMemFs.Tests.Inspection;

/// <summary>What an inspection says is what is there: closed, beside a writer, after one was killed.</summary>
public sealed class ArenaInspectionTests
{
    public static TheoryData<string> Cheap => TestMedia.Cheap;

    [Theory]
    [MemberData(nameof(Cheap))]
    public void A_closed_arena_is_told_part_by_part(string kind)
    {
        using TestMedium medium = TestMedia.Create(kind);
        Fill(medium);
        using ArenaInspection inspection = Open(medium);

        ArenaSnapshot arena = inspection.Read();

        Assert.Null(arena.Refusal);
        Assert.Equal(ArenaCondition.Closed, arena.Condition);
        Assert.Equal(Environment.ProcessId, arena.Writer?.ProcessId);
        Assert.False(arena.HasWriter);
        Assert.Equal(1UL, arena.Epoch);
        Assert.Equal(["blob", "carts", "empty"], arena.Regions.Select(region => region.Info.Name));
        Assert.Equal(16 * MiB, arena.Find("carts")!.Extents.Sum(extent => extent.UsedBytes));
        using PersistentArena library = PersistentArena.Open(ArenaTest.On(medium, ArenaAccess.ReadOnly));
        Assert.Equal(library.ListRegions(), arena.Regions.Select(region => region.Info));
        Assert.Equal(library.Id, arena.Metadata.Superblock!.ArenaId);
        Assert.Equal(library.GetSpace() with { Free = 0 }, inspection.ReadSpace() with { Free = 0 });
        foreach (RegionSnapshot region in arena.Regions)
        {
            IEnumerable<string> files = library.GetRegionFiles(region.Info.Name).Select(file => file.Name);
            Assert.Equal(files, region.Extents.Select(inspection.Locate));
        }
    }

    [Fact]
    public void The_metadata_tells_its_halves_words_and_sizes()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Fill(medium);
        using ArenaInspection inspection = Open(medium);

        MetadataSnapshot metadata = inspection.Read().Metadata;

        Assert.True(metadata is
        {
            IsFirstCopyIntact: true, IsSecondCopyIntact: true, IsIdentityIntact: true, IsActiveWordIntact: true,
            IsEpochWordIntact: true, IsStateWordIntact: true, FileName: MetadataSnapshot.UsualFileName,
        });
        Assert.Equal(2 * MiB, metadata.FileLengthBytes);
        Assert.Equal(default, metadata.Superblock!.Features);
        JournalHalfSnapshot half = Assert.Single(metadata.JournalHalves, half => half.IsInForce);
        Assert.True(half is { IsHeaderIntact: true, IsTailIntact: true, Generation: > 0 });
        Assert.Equal(metadata.JournalUsedBytes, half.UsedBytes);
        Assert.InRange(metadata.JournalCompactedBytes, 1, metadata.JournalCapacityBytes);
        Assert.True(metadata.JournalSequence > 0);
    }

    [Fact]
    public void A_compaction_puts_the_other_half_in_force()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Fill(medium);
        using ArenaInspection inspection = Open(medium);
        JournalHalfSnapshot before = InForce(inspection);
        using PersistentArena writer = PersistentArena.Open(ArenaTest.On(medium));

        uint generation = before.Generation;
        for (int i = 0; i < 100_000 && generation == before.Generation; i++)
        {
            writer.RenameRegion(i % 2 == 0 ? "blob" : "blog", i % 2 == 0 ? "blog" : "blob");
            generation = i % 500 == 0 ? InForce(inspection).Generation : generation;
        }

        JournalHalfSnapshot after = InForce(inspection);
        Assert.Equal(before.Generation + 1, after.Generation);
        Assert.NotEqual(before.Index, after.Index);
    }

    [Fact]
    public void Beside_a_writer_the_inspection_names_it_and_follows_what_it_commits()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Fill(medium);
        using ArenaInspection inspection = Open(medium);
        using PersistentArena writer = PersistentArena.Open(ArenaTest.On(medium));
        using PersistentRegion region = writer.OpenRegion("carts");
        PersistentDictionary carts = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(region), "carts");
        Assert.Equal(Records, Figures(inspection)?.Records);

        carts.Set("another"u8, "one"u8);
        writer.CreateRegion("later", 2 * MiB).Dispose();
        writer.Freeze();

        ArenaSnapshot arena = inspection.Read();
        Assert.True(arena is { Condition: ArenaCondition.InUse, HasWriter: true, IsFrozen: true, Epoch: 2 });
        Assert.Equal(File.ReadAllText("/proc/self/comm").TrimEnd('\n'), arena.Writer!.ProgramName);
        Assert.True(arena.Writer is { IsAlive: true, IsOfThisKernel: true });
        Assert.NotNull(arena.Find("later"));
        Assert.Equal(Records + 1, Figures(inspection)?.Records);
        Assert.True(inspection.Check().IsHealthy);
    }

    [Fact]
    public void A_writer_that_was_killed_leaves_it_not_closed()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Fill(medium);
        PersistentArena.Open(ArenaTest.On(medium)).Abandon();
        using ArenaInspection inspection = Open(medium);

        inspection.ExcludeWriters(); // The record names this process, which lives: only the lock knows better.

        Assert.Equal(ArenaCondition.NotClosed, inspection.Read().Condition);
        ArenaFinding finding = Assert.Single(inspection.Check(deep: true).Findings);
        Assert.Equal((FindingSeverity.Note, ReasonCodes.NotClosed), (finding.Severity, finding.ReasonCode));
    }

    [Theory]
    [MemberData(nameof(Cheap))]
    public void No_look_changes_a_byte(string kind)
    {
        using TestMedium medium = TestMedia.Create(kind);
        Fill(medium);
        Dictionary<string, byte[]> before = Bytes(medium);

        using (ArenaInspection inspection = Open(medium))
        {
            inspection.Read();
            inspection.ReadSpace();
            inspection.ReadFiles();
            inspection.ReadHeap("carts");
            inspection.SurveyHeap("carts");
            Assert.True(inspection.Check(deep: true).IsHealthy);
            using RegionReader reader = inspection.OpenRegion("blob");
            reader.Read(0, new byte[MiB]);
        }

        Dictionary<string, byte[]> after = Bytes(medium);
        Assert.Equal(before.Keys.Order(), after.Keys.Order());
        Assert.All(after, file => Assert.True(before[file.Key].AsSpan().SequenceEqual(file.Value), file.Key));
    }

    [Fact]
    public void Writers_are_kept_out_until_the_inspection_is_disposed_of()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Fill(medium);
        using (ArenaInspection inspection = Open(medium))
        {
            inspection.ExcludeWriters();
            inspection.Check(deep: true); // Gives back no lock that it did not take.
            Assert.Throws<ArenaInUseException>(() => PersistentArena.Open(ArenaTest.On(medium)));
        }

        using PersistentArena writer = PersistentArena.Open(ArenaTest.On(medium));
        using ArenaInspection beside = Open(medium);
        Assert.Throws<ArenaInUseException>(beside.ExcludeWriters);
        Assert.Throws<ArenaInUseException>(() => beside.Check(deep: true));
        Assert.True(beside.Check().IsHealthy);
    }

    [Fact]
    public void A_deep_check_lets_writers_in_again()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Fill(medium);
        using ArenaInspection inspection = Open(medium);

        ArenaVerification it = inspection.Check(deep: true);

        Assert.Equal((1, 1), (it.HeapCount, it.HeapsWalked));
        Assert.Equal(4, it.FileCount);
        PersistentArena.Open(ArenaTest.On(medium)).Dispose();
    }

    [Fact]
    public void Where_there_is_no_arena_it_says_so()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using ArenaInspection empty = Open(medium);

        Assert.Throws<ArenaNotFoundException>(empty.Read);
        Assert.Throws<ArenaNotFoundException>(() => empty.Check());
        Assert.Throws<ArenaNotFoundException>(() => ArenaInspection.Open(medium.Directory + "-not"));
        empty.Dispose();
        Assert.Throws<ObjectDisposedException>(empty.Read);
        Assert.Throws<ObjectDisposedException>(empty.ExcludeWriters);
    }

    [Fact]
    public void A_region_that_is_not_there_is_named()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Fill(medium);
        using ArenaInspection inspection = Open(medium);

        Assert.Equal("none", Assert.Throws<RegionNotFoundException>(() => inspection.ReadHeap("none")).Name);
        Assert.Equal("none", Assert.Throws<RegionNotFoundException>(() => inspection.SurveyHeap("none")).Name);
        Assert.Equal("none", Assert.Throws<RegionNotFoundException>(() => inspection.OpenRegion("none")).Name);
        Assert.Throws<ArgumentOutOfRangeException>(() => inspection.SurveyHeap("carts", parts: 0));
    }

    private static JournalHalfSnapshot InForce(ArenaInspection inspection) =>
        inspection.Read().Metadata.JournalHalves.Single(half => half.IsInForce);

    private static DictionaryFigures? Figures(ArenaInspection inspection) =>
        inspection.ReadHeap("carts")!.Roots.Single(root => root.Name == "carts").Dictionary;
}
