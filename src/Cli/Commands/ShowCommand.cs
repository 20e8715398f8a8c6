using System.CommandLine;
using GuestMemFs.Cli.Infrastructure;
using GuestMemFs.Cli.Reports;
using GuestMemFs.Journal;
using GuestMemFs.Regions;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs show REGION</c>.</summary>
internal static class ShowCommand
{
    public static Command Create(Globals globals)
    {
        Argument<string> name = RegionArgument.Existing(globals);
        return globals.Runs(new Command("show", "One region: its size, its files, what its heap holds.") { name }, call => Look(call.Place, call.Value(name)!));
    }

    private static RegionReport Look(Place place, string name)
    {
        using PersistentArena arena = place.OpenReader();
        MetadataInspection? inspection = MetadataInspection.Take(arena.Medium);
        MetadataTables tables = inspection?.Journal?.Tables ?? throw new GmfsException(ExitCode.NotFound, $"The arena in {place.Text} went away.", ReasonCodes.ArenaNotFound);
        RegionNode node = tables.Find(name) ?? throw new RegionNotFoundException(place.Text, name, tables.RegionCount);
        HeapFacts? heap = null;
        ErrorBody? problem = null;
        try
        {
            using PersistentRegion region = arena.OpenRegion(name);
            heap = arena.FindRegion(name) is { } info ? HeapFacts.Read(arena, info) : null;
        }
        catch (ArenaException e) when (e is not RegionNotFoundException)
        {
            problem = new ErrorBody((int)Failure.ExitCodeOf(e), e.ReasonCode, Failure.TextOf(e), NextStep.For(e.ReasonCode));
        }

        var files = new ExtentFiles(arena.Medium, arena.Id, (long)inspection.Superblock.Granularity, writable: false);
        RegionEntry entry = node.Entry;
        return new RegionReport(
            place.Text, entry.Name, entry.Id, entry.Kind, entry.Length, entry.MaximumLength, entry.Alignment, entry.Reserve,
            DateTimeOffset.FromUnixTimeMilliseconds(entry.CreatedUnixMilliseconds), entry.Formatted, heap,
            [.. node.Extents.Select(e => new ExtentLine(e.Id, (int)e.Ordinal, files.Locate(e), e.FileLength, e.Used))],
            problem);
    }
}
