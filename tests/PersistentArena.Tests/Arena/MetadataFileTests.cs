using GuestMemFs.Arena;
using GuestMemFs.Format;
using GuestMemFs.Journal;
using GuestMemFs.Tests.Infrastructure;
using static GuestMemFs.Tests.Arena.ArenaTest;

namespace GuestMemFs.Tests.Arena;

/// <summary>A new arena's metadata over memory that holds an older life's.</summary>
public sealed unsafe class MetadataFileTests
{
    [Theory]
    [InlineData(0xA5)]
    [InlineData(0x00)]
    public void A_new_arena_takes_nothing_over_from_what_was_there(byte stale)
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using Medium open = medium.Open();
        using MetadataFile metadata = MetadataFile.TryMap(
            open.CreateFile("arena.meta", 2 * MiB), open.Capabilities)!;
        new Span<byte>(metadata.Start, (int)metadata.Length).Fill(stale);
        Guid id = Guid.NewGuid();

        MetadataLayout made = metadata.Format(id, seed0: 3, seed1: 4, granularity: 2 * MiB, 5);

        Assert.Equal(-1, new ReadOnlySpan<byte>(made.WriterRecord, WriterRecord.Bytes).IndexOfAnyExcept((byte)0));
        Assert.Equal(MetadataFinding.Arena, metadata.Look(freshMemoryIsZero: false, out Guid found));
        Assert.Equal(id, found);
        List<AttachReason> findings = [];
        MetadataLayout read = metadata.ReadSuperblock("place", writable: true, findings);
        Superblock superblock = read.Superblock;
        Assert.Equal((id, 3UL, 4UL, (ulong)(2 * MiB), 5UL), (superblock.ArenaId, superblock.Seed0, superblock.Seed1,
            superblock.Granularity, superblock.CreatedUnixMilliseconds));
        Assert.Equal((0u, 0u), (Open(*read.Epoch, read.Seed(WordKind.Epoch)),
            Open(*read.State, read.Seed(WordKind.Clean))));
        MetadataTables tables = MetadataJournal.Open(read, "place", findings).Tables;
        Assert.Equal((ArenaState.Initial, 0, 0), (tables.State, tables.RegionCount, tables.Extents.Count));
        Assert.Empty(findings);
    }

    [Fact]
    public void What_pages_it_has_is_unknown_once_it_is_gone()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using Medium open = medium.Open();
        MetadataFile metadata = MetadataFile.TryMap(open.CreateFile("arena.meta", 2 * MiB), open.Capabilities)!;
        new Span<byte>(metadata.Start, (int)metadata.Length).Fill(1);
        Assert.NotEqual(default, metadata.ReadPages());

        metadata.Dispose();

        Assert.Equal(default, metadata.ReadPages());
    }

    private static uint Open(ulong word, uint seed) =>
        SealedWord.TryOpen(word, seed, out uint value) ? value : uint.MaxValue;
}
