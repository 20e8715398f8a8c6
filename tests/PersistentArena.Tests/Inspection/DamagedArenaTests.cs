using GuestMemFs.Format;
using GuestMemFs.Tests.Infrastructure;
using GuestMemFs.Tests.Arena;
using static GuestMemFs.Tests.Inspection.Inspected;

namespace GuestMemFs.Tests.Inspection;

/// <summary>An arena with damage is looked at all the same, and the damage has a name.</summary>
public sealed class DamagedArenaTests
{
    [Theory]
    [InlineData(40, ReasonCodes.SuperblockRepaired)]
    [InlineData(MetadataLayout.SecondCopy + 40, ReasonCodes.SuperblockRepaired)]
    [InlineData(MetadataLayout.ActiveWord, ReasonCodes.ActiveWordRepaired)]
    [InlineData(MetadataLayout.StateWord, ReasonCodes.StateWordDamaged)]
    [InlineData(MetadataLayout.EpochWord, ReasonCodes.EpochRepaired)]
    [InlineData(-ExtentIdentity.BlockBytes + 16, ReasonCodes.MetadataIdentityRepaired)]
    public void A_part_that_does_not_check_is_a_warning(int offset, string reason)
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Fill(medium);
        Damage(medium, offset);
        using ArenaInspection inspection = Open(medium);

        ArenaVerification it = inspection.Check();

        ArenaFinding finding = Assert.Single(it.Findings, finding => finding.Severity != FindingSeverity.Note);
        Assert.Equal((FindingSeverity.Warning, FindingScope.Metadata), (finding.Severity, finding.Scope));
        Assert.Equal(reason, finding.ReasonCode);
        Assert.False(it.IsHealthy);
        Assert.Equal(3, it.Arena.Regions.Count);
        MetadataSnapshot parts = it.Arena.Metadata;
        bool[] intact =
        [
            parts.IsFirstCopyIntact, parts.IsSecondCopyIntact, parts.IsIdentityIntact, parts.IsActiveWordIntact,
            parts.IsEpochWordIntact, parts.IsStateWordIntact,
        ];
        Assert.Equal(5, intact.Count(part => part));
    }

    [Theory]
    [InlineData(8, ReasonCodes.JournalHeaderRepaired)]
    [InlineData(JournalHeader.TailOffset, ReasonCodes.TailWordRepaired)]
    public void A_journal_word_that_does_not_check_is_a_warning(int offset, string reason)
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Fill(medium);
        Damage(medium, HalfInForce(medium) + offset);
        using ArenaInspection inspection = Open(medium);

        ArenaVerification it = inspection.Check();

        Assert.Equal(reason, Assert.Single(it.Findings).ReasonCode);
        JournalHalfSnapshot half = it.Arena.Metadata.JournalHalves.Single(half => half.IsInForce);
        Assert.Equal(offset == 8, !half.IsHeaderIntact);
        Assert.Equal(offset != 8, !half.IsTailIntact);
    }

    [Fact]
    public void A_committed_record_that_does_not_check_is_a_refusal_beside_what_still_reads()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Fill(medium);
        Damage(medium, HalfInForce(medium) + JournalHeader.LogOffset + 40);
        using ArenaInspection inspection = Open(medium);

        ArenaSnapshot arena = inspection.Read();

        Assert.Equal(ReasonCodes.JournalDamaged, arena.Refusal?.ReasonCode);
        Assert.Equal(ArenaCondition.Refused, arena.Condition);
        Assert.Empty(arena.Regions);
        Assert.NotNull(arena.Metadata.Superblock);
        Assert.Equal(2, arena.Metadata.JournalHalves.Count);
        Assert.True(arena.Metadata.IsActiveWordIntact);
        Assert.Equal(ReasonCodes.JournalDamaged, Assert.Single(inspection.Check().Findings).ReasonCode);
        Assert.Throws<ArenaDamagedException>(inspection.ReadFiles);
        Assert.Throws<ArenaDamagedException>(() => inspection.ReadHeap("carts"));
    }

    [Fact]
    public void Both_superblocks_lost_is_a_refusal_without_one()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Fill(medium);
        Damage(medium, 40);
        Damage(medium, MetadataLayout.SecondCopy + 40);
        using ArenaInspection inspection = Open(medium);

        ArenaSnapshot arena = inspection.Read();

        Assert.Equal(ReasonCodes.SuperblockDamaged, arena.Refusal?.ReasonCode);
        Assert.Null(arena.Metadata.Superblock);
        Assert.True(arena.Metadata is { IsFirstCopyIntact: false, IsSecondCopyIntact: false });
    }

    [Fact]
    public void A_newer_format_is_refused_and_its_feature_bits_are_told()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Fill(medium);
        using (var raw = new RawFile(medium, "arena.meta"))
        {
            foreach (int copy in (int[])[0, MetadataLayout.SecondCopy])
            {
                Span<byte> superblock = raw.Bytes[copy..];
                BitConverter.TryWriteBytes(superblock[16..], 0x5UL); // Compat
                BitConverter.TryWriteBytes(superblock[32..], 1UL << 60); // Incompat
                BitConverter.TryWriteBytes(superblock[120..], Checksum.Of(superblock[..120]));
            }
        }

        using ArenaInspection inspection = Open(medium);
        ArenaSnapshot arena = inspection.Read();

        Assert.Equal(ReasonCodes.NewerFormat, arena.Refusal?.ReasonCode);
        FeatureSet features = arena.Metadata.Superblock!.Features;
        Assert.Equal(new FeatureSet(0x5, 0, 1UL << 60, 0, 1UL << 60), features);
    }

    [Fact]
    public void Files_are_told_by_their_bytes()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using TestMedium other = TestMedia.Create("tmpfs");
        Fill(medium);
        Fill(other);
        string directory = medium.Directory!;
        File.WriteAllText(Path.Combine(directory, "notes.txt"), "hello");
        File.Copy(Path.Combine(directory, "extent-2"), Path.Combine(directory, "copy"));
        File.Copy(Path.Combine(directory, "arena.meta"), Path.Combine(directory, "arena.meta.old"));
        File.Copy(Path.Combine(other.Directory!, "extent-1"), Path.Combine(directory, "theirs"));
        Damage(medium, -ExtentIdentity.BlockBytes + 16, "extent-3");
        using ArenaInspection inspection = Open(medium);

        Dictionary<string, ArenaFileSnapshot> files = inspection.ReadFiles().ToDictionary(file => file.Name);

        Assert.Equal(ArenaFileRole.Metadata, files["arena.meta"].Role);
        Assert.Equal(ArenaFileRole.Extent, files["extent-1"].Role);
        Assert.Equal((ArenaFileRole.ExtentCopy, "extent-2"), (files["copy"].Role, files["copy"].CopyOf));
        Assert.Equal(ArenaFileRole.MetadataCopy, files["arena.meta.old"].Role);
        Assert.Equal(ArenaFileRole.Foreign, files["theirs"].Role);
        Assert.Equal(ReasonCodes.ForeignFilesIgnored, files["theirs"].ReasonCode);
        Assert.Equal(ArenaFileRole.Unknown, files["notes.txt"].Role);
        Assert.Equal(ReasonCodes.StrayFile, files["notes.txt"].ReasonCode);
        Assert.Equal(ArenaFileRole.DamagedExtent, files["extent-3"].Role);
        Assert.Equal(1UL, files["extent-1"].Identity?.ExtentId);
        Assert.Equal(4, files.Values.Count(file => file.Objection is not null));
    }

    [Fact]
    public void A_missing_file_damages_its_region_alone()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Fill(medium);
        File.Delete(Path.Combine(medium.Directory!, "extent-2"));
        using ArenaInspection inspection = Open(medium);

        ArenaFinding finding = Assert.Single(inspection.Check(deep: true).Findings);

        Assert.Equal(ReasonCodes.ExtentMissing, finding.ReasonCode);
        Assert.Equal((FindingScope.Region, "blob"), (finding.Scope, finding.Subject));
        Assert.Null(inspection.Locate(inspection.Read().Find("blob")!.Extents[0]));
        Assert.Throws<ExtentException>(() => inspection.OpenRegion("blob"));
        Assert.NotNull(inspection.ReadHeap("carts"));
    }

    private static int HalfInForce(TestMedium medium)
    {
        using ArenaInspection inspection = Open(medium);
        MetadataSnapshot metadata = inspection.Read().Metadata;
        int index = metadata.JournalHalves.Single(half => half.IsInForce).Index;
        return (int)(metadata.Superblock!.HalfOffsetBytes + (index * metadata.Superblock.HalfLengthBytes));
    }

    private static void Damage(TestMedium medium, int offset, string file = "arena.meta")
    {
        using var raw = new RawFile(medium, file);
        raw.Bytes[offset < 0 ? raw.Bytes.Length + offset : offset] ^= 0x10;
    }
}
