using System.CommandLine;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Reports;
using GuestMemFs.Cli.Terminal;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs rm REGION</c>.</summary>
internal static class RemoveCommand
{
    public static Command Create(Globals globals)
    {
        Argument<string> name = RegionArgument.Existing(globals);
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not ask." };
        return globals.Runs(new Command("rm",
            "Delete a region and what it holds. There is no way back: dump it first.") { name, yes }, call =>
        {
            string region = call.Value(name)!;
            RegionInfo info;
            using (PersistentArena look = call.Arena.OpenReader())
            {
                info = look.FindRegion(region)
                    ?? throw Inspections.NoRegion(region, call.Arena, look.ListRegions().Count);
            }

            call.Confirm(call.Value(yes), $"Delete region {region} " +
                $"({ListReport.Name(info.Kind)}, {Sizes.Of(info.Length)}) of the arena in {call.Arena.Text} for good?");
            using PersistentArena arena = call.Arena.OpenWriter();
            arena.DeleteRegion(region);
            return new DoneReport("rm", region, $"Deleted region {region}, {Sizes.Of(info.Length)}.");
        });
    }
}
