using System.CommandLine;
using GuestMemFs.Cli.Infrastructure;
using GuestMemFs.Cli.Reports;
using GuestMemFs.Heap;
using GuestMemFs.Journal;
using GuestMemFs.Regions;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs map</c>.</summary>
internal static class MapCommand
{
    public static Command Create(Globals globals)
    {
        var svg = new Option<string?>("--svg") { Description = "Draw the map into this file: SVG that needs nothing else.", HelpName = "FILE" };
        return globals.Runs(new Command("map", "A picture of the arena: which region lies where, how full it is, how fragmented.") { svg }, call =>
        {
            MapReport map = Look(call.Place);
            if (call.Value(svg) is not { } file)
            {
                return map;
            }

            File.WriteAllText(file, MapSvg.Draw(map));
            return call.Json ? map : new DoneReport("map", file, $"Drew the arena in {map.Arena} to {file}.");
        });
    }

    internal static MapReport Look(Place place)
    {
        using PersistentArena arena = place.OpenReader();
        MetadataInspection? it = MetadataInspection.Take(arena.Medium);
        if (it?.Journal?.Tables is not { } tables)
        {
            throw it?.Refusal ?? (Exception)new GmfsException(ExitCode.NotFound, $"The arena in {place.Text} went away.", ReasonCodes.ArenaNotFound);
        }

        var files = new ExtentFiles(arena.Medium, arena.Id, (long)it.Superblock.Granularity, writable: false);
        ArenaSpace space = arena.GetSpace();
        MapRegion[] regions = [.. tables.Regions.OrderBy(node => node.Extents.Count > 0 ? node.Extents[0].Id : 0).Select(node => Look(arena, node, files))];
        MapFile[] unused = [.. tables.Extents.Where(e => e.State != ExtentState.InUse).Select(e => FileOf(files, e))];
        return new MapReport(place.Text, arena.Id, space.Total, space.Free, regions.Any(r => r.Cells is not null), regions, unused);
    }

    private static MapRegion Look(PersistentArena arena, RegionNode node, ExtentFiles files)
    {
        RegionEntry entry = node.Entry;
        var region = new MapRegion(entry.Name, entry.Kind, entry.Length, [.. node.Extents.Select(e => FileOf(files, e))], null, null, null, null, null, null);
        try
        {
            using PersistentRegion open = arena.OpenRegion(entry.Name);
            return HeapFacts.TryOpen(open) is { } heap ? Survey(region, heap) : region;
        }
        catch (ArenaException e)
        {
            return region with { Problem = $"{e.ReasonCode} {Failure.TextOf(e)}" };
        }
    }

    private static MapRegion Survey(MapRegion region, PersistentHeap heap)
    {
        (HeapStretch[] stretches, long longest, bool consistent) = HeapSurvey.Take(heap.Space, HeapFacts.SurveyCells, HeapFacts.SlabsPerCell);
        double cell = (double)region.Length / HeapFacts.SurveyCells;
        long used = stretches.Sum(s => s.UsedBytes);
        long free = stretches.Sum(s => s.FreeRunBytes + s.FreeInSlabBytes);
        return region with
        {
            Cells = [.. stretches.Select(s => new MapCell(s.UsedBytes / cell, s.FreeInSlabBytes / cell, s.FreeRunBytes / cell))],
            Used = used,
            Free = free,
            LongestFree = longest,
            Fragmented = free == 0 ? 0 : 1 - ((double)longest / free),
            Problem = consistent ? null : "some pages make no sense: a writer is at them, or they are damaged ('gmfs check --deep' tells)",
        };
    }

    private static MapFile FileOf(ExtentFiles files, ExtentEntry extent) => new(files.Locate(extent) ?? ExtentFiles.NameOf(extent.Id) + " (missing)", extent.FileLength, extent.Used);
}
