using System.CommandLine;
using GuestMemFs.Cli.Dumps;
using GuestMemFs.Cli.Infrastructure;
using GuestMemFs.Cli.Reports;
using GuestMemFs.Journal;
using GuestMemFs.Regions;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs dump REGION FILE</c>.</summary>
internal static class DumpCommand
{
    public static Command Create(Globals globals)
    {
        Argument<string> name = RegionArgument.Existing(globals);
        var file = new Argument<string>("file") { Description = "The file to write. It takes this name when it is whole.", HelpName = "FILE" };
        var live = new Option<bool>("--live") { Description = "Do it beside a writer, though parts may be older than others. Not for heaps, whose copy would be of no use." };
        var force = new Option<bool>("--force", "-f") { Description = "Replace a file that is there." };
        return globals.Runs(
            new Command("dump", "Copy a region to an ordinary file, every block with its checksum: before a power-off, or for another host. Keeps writers out meanwhile.") { name, file, live, force },
            call => Dump(call, call.Value(name)!, Path.GetFullPath(call.Value(file)!), call.Value(live), call.Value(force)));
    }

    private static DumpReport Dump(Invocation call, string name, string file, bool live, bool force)
    {
        using Medium medium = call.Place.OpenMedium();
        using WriterExclusion? quiet = live ? null : WriterExclusion.Take(medium);
        using PersistentArena arena = call.Place.OpenReader();
        MetadataInspection it = MetadataInspection.Take(medium, writersExcluded: !live)!;
        RegionNode node = it.Journal?.Tables.Find(name) ?? throw new RegionNotFoundException(call.Place.Text, name, arena.ListRegions().Count);
        using PersistentRegion region = arena.OpenRegion(name);
        bool beside = live && it.HasLiveWriter;
        if (beside && node.Entry.Kind == RegionKind.Heap)
        {
            throw new GmfsException(ExitCode.Refused, $"Region '{name}' is a heap and has a writer ({WriterFacts.Of(it)}): a copy would be torn. Stop the writer first.", ReasonCodes.ArenaInUse);
        }

        PersistentHeap? heap = HeapFacts.TryOpen(region);
        long stored = heap?.FrontierBytes ?? (node.Entry.Kind == RegionKind.Heap ? 0 : region.Length);
        var header = new DumpHeader(
            arena.Id, arena.Epoch, DateTimeOffset.UtcNow, region.Length, stored, node.Entry.MaximumLength, node.Entry.Alignment, node.Entry.Kind, node.Entry.Reserve,
            node.Entry.Formatted, beside, name);
        using RegionSource source = RegionSource.Open(arena, region, node, (long)it.Superblock.Granularity);
        long written = DumpWriter.Write(file, force, header, source, new ProgressLine(call.Shell, "dumping", call.Json), call.Cancellation);
        return new DumpReport("dump", name, file, region.Length, stored, written, header.Taken, beside);
    }
}
