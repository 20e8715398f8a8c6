using System.CommandLine;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Reports;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs map</c>.</summary>
internal static class MapCommand
{
    public static Command Create(Globals globals)
    {
        var svg = new Option<string?>(
            "--svg") { Description = "Draw the map into this file: SVG that needs nothing else.", HelpName = "FILE" };
        return globals.Runs(new Command("map",
            "A picture of the arena: which region lies where, how full it is, how fragmented.") { svg }, call =>
        {
            MapReport map = Look(call.Arena);
            if (call.Value(svg) is not { } file)
            {
                return map;
            }

            File.WriteAllText(file, MapSvg.Draw(map));
            return call.Json ? map : new DoneReport("map", file, $"Drew the arena in {map.Arena} to {file}.");
        });
    }

    internal static MapReport Look(ArenaReference place)
    {
        using ArenaInspection inspection = place.Inspect();
        ArenaSnapshot it = inspection.ReadSound();
        ArenaSpace space = inspection.ReadSpace();
        MapRegion[] regions =
        [
            .. it.Regions
                .OrderBy(region => region.Extents.Count > 0 ? region.Extents[0].Id : 0)
                .Select(region => Look(inspection, region)),
        ];
        MapFile[] unused = [.. it.UnusedExtents.Select(extent => FileOf(inspection, extent))];
        bool sampled = regions.Any(region => region.Cells is not null);
        return new MapReport(place.Text, it.Metadata.Superblock!.ArenaId, space.Total, space.Free, sampled, regions,
            unused);
    }

    private static MapRegion Look(ArenaInspection inspection, RegionSnapshot region)
    {
        RegionInfo info = region.Info;
        MapFile[] files = [.. region.Extents.Select(extent => FileOf(inspection, extent))];
        var bare = new MapRegion(info.Name, info.Kind, info.Length, files, null, null, null, null, null, null);
        try
        {
            return inspection.SurveyHeap(info.Name) is { } survey ? Survey(bare, survey) : bare;
        }
        catch (ArenaException e)
        {
            return bare with { Problem = $"{e.ReasonCode} {RefusalText.Of(e)}" };
        }
    }

    private static MapRegion Survey(MapRegion region, HeapSurvey survey)
    {
        double cell = survey.PartBytes;
        return region with
        {
            Cells = [.. survey.Parts.Select(s =>
                new MapCell(s.UsedBytes / cell, s.FreeInSlabBytes / cell, s.FreeRunBytes / cell))],
            Used = survey.UsedBytes,
            Free = survey.FreeBytes,
            LongestFree = survey.LongestFreeBytes,
            Fragmented = survey.Fragmentation,
            Problem = survey.IsConsistent
                ? null
                : "some pages make no sense: a writer is at them, or they are damaged ('gmfs check --deep' tells)",
        };
    }

    private static MapFile FileOf(ArenaInspection inspection, ExtentSnapshot extent) =>
        new(inspection.Locate(extent) ?? $"extent-{extent.Id:x} (missing)", extent.FileLengthBytes, extent.UsedBytes);
}
