using System.CommandLine;
using GuestMemFs.Cli.Dumps;
using GuestMemFs.Cli.Infrastructure;
using GuestMemFs.Cli.Reports;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs dump REGION FILE</c>.</summary>
internal static class DumpCommand
{
    public static Command Create(Globals globals)
    {
        Argument<string> name = RegionArgument.Existing(globals);
        var file = new Argument<string>(
            "file") { Description = "The file to write. It takes this name when it is whole.", HelpName = "FILE" };
        var live = new Option<bool>("--live") { Description = "Do it beside a writer, though parts may be older than " +
            "others. Not for heaps, whose copy would be of no use." };
        var force = new Option<bool>("--force", "-f") { Description = "Replace a file that is there." };
        return globals.Runs(
            new Command("dump", "Copy a region to an ordinary file, every block with its checksum: before a " +
                "power-off, or for another host. Keeps writers out meanwhile.") { name, file, live, force },
            call => Dump(call, call.Value(name)!, Path.GetFullPath(call.Value(file)!), call.Value(live),
                call.Value(force)));
    }

    private static DumpReport Dump(Invocation call, string name, string file, bool live, bool force)
    {
        using ArenaInspection inspection = call.Place.Inspect();
        if (!live)
        {
            inspection.ExcludeWriters();
        }

        ArenaSnapshot it = inspection.ReadSound();
        RegionInfo info = it.Require(name, call.Place).Info;
        bool beside = live && it.HasWriter;
        if (beside && info.Kind == RegionKind.Heap)
        {
            throw new GmfsException(
                ExitCode.Refused,
                $"Region '{name}' is a heap and has a writer ({it.Writer}): a copy would be torn. Stop the " +
                "writer first.",
                ReasonCodes.ArenaInUse);
        }

        if (inspection.ReadHeap(name)?.Refusal is { } damaged)
        {
            throw damaged;
        }

        using RegionReader region = inspection.OpenRegion(name);
        var header = new DumpHeader(
            it.Metadata.Superblock!.ArenaId,
            it.Epoch,
            DateTimeOffset.UtcNow,
            region.LengthBytes,
            region.UsedBytes,
            info.MaximumLength,
            info.Alignment,
            info.Kind,
            info.Reserve,
            info.IsFormatted,
            beside,
            name);
        var progress = new ProgressLine(call.Shell, "dumping", call.Json);
        long written = DumpWriter.Write(file, force, header, region, progress, call.Cancellation);
        return new DumpReport("dump", name, file, region.LengthBytes, region.UsedBytes, written, header.Taken, beside);
    }
}
