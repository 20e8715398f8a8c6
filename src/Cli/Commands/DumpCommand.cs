using System.CommandLine;
using System.Diagnostics;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Reports;
using GuestMemFs.Cli.Rescue;
using GuestMemFs.Cli.Terminal;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs dump REGION FILE</c>.</summary>
internal static class DumpCommand
{
    public static Command Create(Globals globals)
    {
        Argument<string> name = RegionArgument.Existing(globals);
        var file = new Argument<string>(
            "file") { Description = "The file to write. It takes this name when it is whole.", HelpName = "FILE" };
        var live = new Option<bool>("--live") { Description = "Do it beside a writer. A heap's writer is stopped " +
            "(SIGSTOP) for as long as the copy takes; of other regions parts may be older than others." };
        var force = new Option<bool>("--force", "-f") { Description = "Replace a file that is there." };
        return globals.Runs(
            new Command("dump", "Copy a region to an ordinary file, every block with its checksum: before a " +
                "power-off, or for another host. Keeps writers out meanwhile.") { name, file, live, force },
            call => Dump(call, call.Value(name)!, Path.GetFullPath(call.Value(file)!), call.Value(live),
                call.Value(force)));
    }

    private static DumpReport Dump(Invocation call, string name, string file, bool live, bool force)
    {
        using ArenaInspection inspection = call.Arena.Inspect();
        if (!live)
        {
            inspection.ExcludeWriters();
        }

        ArenaSnapshot it = inspection.ReadSound();
        RegionInfo info = it.Require(name, call.Arena).Info;
        bool beside = live && it.HasWriter;
        bool heap = info.Kind == RegionKind.Heap;
        if (inspection.ReadHeap(name)?.Refusal is { } damaged)
        {
            throw damaged;
        }

        // What a stopped writer has in flight is recovered where the copy is opened, as after its death.
        var progress = new ProgressLine(call.Shell, "dumping", call.Json);
        var options = new DumpOptions { Overwrite = force, Progress = progress };
        long start = Stopwatch.GetTimestamp();
        using StoppedProcess? stopped = beside && heap ? new StoppedProcess(WriterOf(inspection, name)) : null;
        DumpInfo dump = RegionDump.Write(inspection, name, file, options, beside && !heap, call.Cancellation);
        progress.End();
        return DumpReport.Of("dump", name, file, stopped is null ? dump
            : dump with { Pause = Stopwatch.GetElapsedTime(start) });
    }

    // By what the kernel says of its memory: the number that it noted may be another process's here.
    private static int WriterOf(ArenaInspection arena, string name) =>
        MappedArena.Of(null).FirstOrDefault(it => it.IsWriter && it.Directory == arena.Medium.Location)?.Process
            ?? throw new GmfsException(
                ExitCode.Refused,
                $"Region '{name}' is a heap, and the process that writes it cannot be stopped from here for the " +
                    "copy. Run this as root or as its user, or have the program take the dump itself (KvStore: " +
                    "BGSAVE; RegionDump.Write).",
                ReasonCodes.ArenaInUse);
}
