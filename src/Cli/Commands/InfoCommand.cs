using System.CommandLine;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Reports;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs info</c>.</summary>
internal static class InfoCommand
{
    private const string Description = "Everything that the arena says of itself, damaged or not: superblock, feature "
        + "bits, journal halves, regions, files, heaps, roots.";

    public static Command Create(Globals globals) => globals.Runs(
        new Command("info", Description),
        call => Look(call.Arena));

    private static InfoReport Look(ArenaReference place)
    {
        using ArenaInspection inspection = place.Inspect();
        ArenaSnapshot it = inspection.Read();
        MetadataSnapshot metadata = it.Metadata;
        return new InfoReport(
            place.Text,
            inspection.Medium.Name,
            WriterFacts.State(it),
            metadata.FileName,
            metadata.FileLengthBytes,
            metadata.Superblock is { } superblock ? SuperblockFacts.Of(superblock) : null,
            [.. Parts(metadata)],
            [.. metadata.JournalHalves.Select(HalfFacts.Of)],
            metadata.JournalUsedBytes,
            metadata.JournalCompactedBytes,
            metadata.JournalCapacityBytes,
            metadata.JournalSequence,
            it.Epoch,
            it.IsFrozen,
            [.. it.Regions.Select(region => Look(inspection, region))],
            [.. it.UnusedExtents.Select(extent => ExtentLine.Of(inspection, extent))],
            it.Refusal is { } refusal ? Body(refusal) : null);
    }

    private static IEnumerable<PartFacts> Parts(MetadataSnapshot metadata) =>
    [
        new("superblock's first copy", metadata.IsFirstCopyIntact),
        new("superblock's second copy", metadata.IsSecondCopyIntact),
        new("identity", metadata.IsIdentityIntact),
        new("active word", metadata.IsActiveWordIntact),
        new("epoch word", metadata.IsEpochWordIntact),
        new("state word", metadata.IsStateWordIntact),
    ];

    private static RegionFacts Look(ArenaInspection inspection, RegionSnapshot region)
    {
        RegionInfo info = region.Info;
        HeapInfo? heap = null;
        string? problem = null;
        try
        {
            heap = inspection.ReadHeap(info.Name) is { } read ? Look(inspection, read, out problem) : null;
        }
        catch (ArenaException e)
        {
            problem = TextOf(e);
        }

        ExtentLine[] extents = [.. region.Extents.Select(extent => ExtentLine.Of(inspection, extent))];
        return new RegionFacts(
            info.Name, info.Id, info.Kind, info.Length, info.MaximumLength, info.Reserve, extents, heap, problem);
    }

    private static HeapInfo Look(ArenaInspection inspection, HeapSnapshot heap, out string? problem)
    {
        HeapSurvey? survey = heap.Refusal is null ? inspection.SurveyHeap(heap.Region) : null;
        problem = heap.Refusal is { } refusal ? TextOf(refusal) : null;
        return new HeapInfo(
            heap.FormatVersion,
            FeatureFacts.Of(heap.Features),
            heap.FrontierBytes,
            heap.ChangesInFlight,
            [.. heap.Roots.Select(RootLine.Of)],
            survey?.UsedBytes,
            survey?.FreeBytes,
            survey?.LongestFreeBytes);
    }

    private static string TextOf(ArenaException e) => $"{e.ReasonCode} {RefusalText.Of(e)}";

    private static ErrorBody Body(ArenaException e) =>
        new((int)Failure.ExitCodeOf(e), e.ReasonCode, RefusalText.Of(e), NextStep.For(e.ReasonCode));
}
