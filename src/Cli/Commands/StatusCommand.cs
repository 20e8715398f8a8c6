using System.CommandLine;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Reports;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs status</c>.</summary>
internal static class StatusCommand
{
    public static Command Create(Globals globals) =>
        globals.Runs(new Command("status", "The arena as a whole: medium, writer, space, metadata."),
            call => Look(call.Arena));

    internal static StatusReport Look(ArenaReference place)
    {
        using PersistentArena arena = place.OpenReader();
        using ArenaInspection inspection = ArenaInspection.Open(arena.Medium);
        ArenaSnapshot it = inspection.ReadSound();
        ArenaSpace space = arena.GetSpace();
        MediumCapabilities can = arena.Medium.Capabilities;
        return new StatusReport(
            place.Text,
            arena.Id,
            arena.Medium.Name,
            can.Survives,
            can.PageSize,
            it.Metadata.Superblock!.Created,
            WriterFacts.State(it),
            WriterFacts.Of(it),
            arena.Epoch,
            arena.IsFrozen,
            arena.ListRegions().Count,
            space.InUse,
            space.Reusable,
            space.Total,
            space.Free,
            space.FileCount,
            space.MaximumFiles == int.MaxValue ? null : space.MaximumFiles,
            it.Metadata.JournalUsedBytes,
            it.Metadata.JournalCapacityBytes,
            [.. arena.AttachReport.Reasons.Select(reason => reason.ToString())]);
    }
}
