using System.CommandLine;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Reports;
using GuestMemFs.Cli.Terminal;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs restore FILE [REGION]</c>.</summary>
internal static class RestoreCommand
{
    public static Command Create(Globals globals)
    {
        var file = new Argument<string>("file") { Description = "A dump.", HelpName = "FILE" };
        var name = new Argument<string?>("region") { Description = "The name of the region to make [default: " +
            "the dump's].", HelpName = "REGION?", Arity = ArgumentArity.ZeroOrOne };
        var maximum = new Option<string?>("--max-size") { Description = "How far the region can grow at its address " +
            "[default: as before].", HelpName = "SIZE" };
        return globals.Runs(
            new Command("restore", "Make a region from a dump, in this or another arena. Interrupted, it leaves no " +
                "half region.") { file, name, maximum },
            call => Restore(call, Path.GetFullPath(call.Value(file)!), call.Value(name), call.Size(maximum)));
    }

    private static DumpReport Restore(Invocation call, string file, string? name, long? maximum)
    {
        _ = RegionDump.Read(file, call.Trust); // before the arena is opened: a writer's epoch is not for nothing
        using PersistentArena arena = call.Arena.OpenWriter();
        var progress = new ProgressLine(call.Shell, "restoring", call.Json);
        var options = new RestoreOptions
        {
            Region = name,
            MaximumLength = maximum,
            Trust = call.Trust,
            Progress = progress,
        };
        DumpInfo dump = RegionDump.Restore(file, arena, options, call.Cancellation);
        progress.End();
        return DumpReport.Of("restore", name ?? dump.Region, file, dump);
    }
}
