using System.CommandLine;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Reports;

namespace GuestMemFs.Cli.Commands;

/// <summary>The argument that names a region; completed from the arena's own names.</summary>
internal static class RegionArgument
{
    public static Argument<string> Existing(Globals globals)
    {
        var argument = new Argument<string>("region") { Description = "The region's name.", HelpName = "REGION" };
        argument.CompletionSources.Add(context => Names(context.ParseResult.GetValue(globals.Arena),
            context.ParseResult.GetValue(globals.Name), context.ParseResult.GetValue(globals.Holder)));
        return argument;
    }

    private static string[] Names(string? directory, string? name, string? holder)
    {
        try
        {
            using PersistentArena arena = ArenaReference.Find(directory, name, holder).OpenReader();
            return [.. arena.ListRegions().Select(region => region.Name)];
        }
        catch (Exception e) when (Failure.Of(e) is not null)
        {
            return []; // Nothing to complete with is no reason to disturb a command line.
        }
    }
}
