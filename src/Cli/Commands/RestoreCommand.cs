using System.CommandLine;
using GuestMemFs.Cli.Dumps;
using GuestMemFs.Cli.Infrastructure;
using GuestMemFs.Cli.Reports;

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
        using var dump = new DumpReader(file);
        DumpHeader header = dump.Header;
        name ??= header.Name;
        using PersistentArena arena = call.Place.OpenWriter();
        RestoringRegion.RemoveAll(arena);
        if (arena.FindRegion(name) is { } taken)
        {
            throw new GmfsException(
                ExitCode.Refused,
                $"There is a region '{name}' of {Sizes.Of(taken.Length)} in {call.Place.Text} already.",
                ReasonCodes.RegionExists);
        }

        string making = RestoringRegion.NewName();
        try
        {
            Fill(arena, making, dump, maximum ?? header.MaximumLength,
                new ProgressLine(call.Shell, "restoring", call.Json), call.Cancellation);
            arena.RenameRegion(making, name);
        }
        catch
        {
            if (arena.FindRegion(making) is not null)
            {
                arena.DeleteRegion(making);
            }

            throw;
        }

        return new DumpReport("restore", name, file, header.Length, header.Stored, new FileInfo(file).Length,
            header.Taken, header.BesideWriter);
    }

    private static void Fill(PersistentArena arena, string name, DumpReader dump, long maximum, ProgressLine progress,
        CancellationToken cancelled)
    {
        DumpHeader header = dump.Header;
        var options = new RegionOptions { Kind = header.Kind, Reserve = header.Reserve, Alignment = header.Alignment,
            MaximumLength = maximum };
        using PersistentRegion region = arena.CreateRegion(name, header.Length, options);

        // A heap's memory may hold an older life's bytes at first, and all of it below the frontier has its space.
        bool heap = header.Kind == RegionKind.Heap;
        dump.ReadAll(
            (at, block) =>
            {
                if (heap || block.Span.IndexOfAnyExcept((byte)0) >= 0)
                {
                    long page = at & -RegionOptions.MinimumLength; // Whole ones: a piece of one is given small pages.
                    region.EnsureBacked(page,
                        Math.Min(region.Length,
                            (at + block.Length + RegionOptions.MinimumLength - 1) & -RegionOptions.MinimumLength)
                            - page);
                    block.Span.CopyTo(region.AsSpan(at, block.Length));
                }

                progress.At(at + block.Length, header.Stored);
            },
            cancelled);
        if (header.Formatted)
        {
            PersistentHeap.Adopt(region);
        }

        region.Flush(0, region.Length);
        progress.End();
    }
}
