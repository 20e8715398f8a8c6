using System.CommandLine;
using System.Globalization;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Checking;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Reports;
using GuestMemFs.Cli.Rescue;
using GuestMemFs.Cli.Terminal;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs rescue</c>.</summary>
internal static class RescueCommand
{
    public static Command Create(Globals globals)
    {
        var process = new Argument<int?>("PID")
        {
            Description = "The process that has the arena. Without it: the writer of --arena.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var to = new Option<string>("--to")
        {
            Description = "The directory that gets the files, on the medium that the arena is to go on on: empty, " +
                "or not there.",
            HelpName = "DIR",
            Required = true,
        };
        var end = new Option<bool>("--end")
        {
            Description = "End the process (SIGKILL) once the copy is whole, so that it acknowledges nothing that " +
                "the copy lacks.",
        };
        var command = new Command(
            "rescue",
            "Bring back the files of an arena that were removed under a living process: copied out of its memory " +
                "while it stands still, and checked.")
        {
            process, to, end,
        };
        return globals.Runs(
            command,
            call => Run(Find(call, call.Value(process)), Path.GetFullPath(call.Value(to)!), call.Value(end)));
    }

    private static RescueReport Run(MappedArena arena, string destination, bool end)
    {
        ArenaCopy.Prepare(destination);
        using var stopped = new StoppedProcess(arena.Process);
        IReadOnlyList<(string Name, long Length)> files = ArenaCopy.Run(arena, destination);
        CheckReport check = ArenaCheck.Run(ArenaReference.Named(destination, null, null)!, deep: true);
        bool ends = end && check.Healthy;
        if (ends)
        {
            stopped.Kill();
        }

        return new RescueReport(
            arena.Process,
            arena.Directory,
            destination,
            [.. files.Select(file => file.Name)],
            files.Sum(file => file.Length),
            ends,
            check.Findings);
    }

    private static MappedArena Find(Invocation call, int? process)
    {
        string? directory = call.NamedArena?.Text;
        if (process is null && directory is null)
        {
            throw new GmfsException(
                ExitCode.Usage,
                "Whose arena? Say the process (gmfs rescue PID --to DIR), or the directory where its files were " +
                    "(--arena).");
        }

        string which = directory is null ? "under that number" : $"whose files were in {directory}";
        MappedArena[] found = [.. MappedArena.Of(process).Where(it => directory is null || it.Directory == directory)];
        MappedArena[] removed = [.. found.Where(arena => arena.IsDamaged)];
        MappedArena[] writers = [.. removed.Where(arena => arena.IsWriter)];
        return (writers.Length > 0 ? writers : removed) switch
        {
            [var one] => one,
            [] when found.Length > 0 => throw new GmfsException(
                ExitCode.Refused,
                $"Nothing is lost: {Names(found)}, and no file of it was removed. Nothing was changed."),
            [] => throw new GmfsException(
                ExitCode.NotFound,
                $"No process has an arena mapped {which}, as far as this user may look. Run it as root."),
            var many => throw new GmfsException(
                ExitCode.Usage,
                $"There are several: {Names(many)}. Say which with the process, or with --arena. Nothing was changed."),
        };
    }

    private static string Names(IEnumerable<MappedArena> arenas) => string.Join(", ", arenas.Select(NameOf));

    private static string NameOf(MappedArena arena) =>
        string.Create(CultureInfo.InvariantCulture, $"process {arena.Process} has the one of {arena.Directory}");
}
