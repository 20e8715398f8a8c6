using GuestMemFs.Tests.Infrastructure;
using static GuestMemFs.Tests.Arena.ArenaTest;

namespace GuestMemFs.Tests.Arena;

/// <summary>What a report says, and what an arena leaves in its process.</summary>
public sealed class AttachReportTests
{
    [Fact]
    public void The_text_has_the_arena_the_medium_the_reasons_and_the_steps()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena arena = PersistentArena.Create(On(medium));

        string[] lines = arena.AttachReport.ToString().Split('\n');

        Assert.StartsWith($"arena {arena.Id} in {arena.AttachReport.Location}: Fresh in ", lines[0],
            StringComparison.Ordinal);
        Assert.EndsWith(" ms, epoch 1, 0 regions", lines[0], StringComparison.Ordinal);
        Assert.StartsWith(
            $"  medium   {arena.AttachReport.MediumName}, pages of {arena.AttachReport.PageSize >> 10} KiB expected, ",
            lines[1], StringComparison.Ordinal);
        Assert.Contains(", survives ", lines[1], StringComparison.Ordinal);
        Assert.Contains(lines, line => line.StartsWith($"  reason   {ReasonCodes.Created}", StringComparison.Ordinal));
        Assert.Matches("^  steps    medium [0-9.]+ ms, find [0-9.]+ ms, .* [0-9.]+ ms$", lines[^1]);
    }

    [Fact]
    public void A_readers_report_counts_no_early_ends()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena writer = PersistentArena.Create(On(medium));

        using PersistentArena reader = PersistentArena.Open(On(medium, ArenaAccess.ReadOnly));

        Assert.Equal(0, reader.AttachReport.EarlyEnds);
    }

    [Fact]
    public void A_disposed_arena_leaves_no_mapping_of_its_files()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        PersistentArena arena = PersistentArena.Create(On(medium));
        PersistentRegion region = arena.CreateRegion("region", 4 * MiB);
        Assert.NotEmpty(Mappings(medium));

        region.Dispose();
        arena.Dispose();

        Assert.DoesNotContain(Mappings(medium), line => line.EndsWith("arena.meta", StringComparison.Ordinal));
    }

    private static string[] Mappings(TestMedium medium) =>
        [.. File.ReadLines("/proc/self/maps").Where(line =>
            line.Contains(medium.Directory!, StringComparison.Ordinal))];
}
