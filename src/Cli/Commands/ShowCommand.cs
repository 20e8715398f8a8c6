using System.CommandLine;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Reports;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs show REGION</c>.</summary>
internal static class ShowCommand
{
    public static Command Create(Globals globals)
    {
        Argument<string> name = RegionArgument.Existing(globals);
        return globals.Runs(new Command("show", "One region: its size, its files, what its heap holds.") { name },
            call => Look(call.Arena, call.Value(name)!));
    }

    private static RegionReport Look(ArenaReference place, string name)
    {
        using ArenaInspection inspection = place.Inspect();
        ArenaSnapshot it = inspection.ReadSound();
        RegionSnapshot region = it.Require(name, place);
        HeapFacts? heap = null;
        ErrorBody? problem = null;
        try
        {
            using RegionReader whole = inspection.OpenRegion(name); // All of its files are there.
            heap = HeapFacts.Read(inspection, name);
        }
        catch (ArenaException e) when (e is not RegionNotFoundException)
        {
            problem = new ErrorBody((int)Failure.ExitCodeOf(e), e.ReasonCode, RefusalText.Of(e),
                NextStep.For(e.ReasonCode));
        }

        RegionInfo info = region.Info;
        return new RegionReport(
            place.Text, info.Name, info.Id, info.Kind, info.Length, info.MaximumLength, info.Alignment, info.Reserve,
            info.Created, info.IsFormatted, heap,
            [.. region.Extents.Select(extent => ExtentLine.Of(inspection, extent))],
            problem);
    }
}
