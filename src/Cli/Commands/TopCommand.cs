using System.CommandLine;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Reports;
using GuestMemFs.Cli.Terminal;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs top</c>.</summary>
internal static class TopCommand
{
    private const string Home = "\x1b[H\x1b[J";

    public static Command Create(Globals globals)
    {
        var once = new Option<bool>("--once") { Description = "Look once and end." };
        var interval = new Option<double>("--interval", "-i") { Description = "Seconds between looks.",
            HelpName = "SECONDS", DefaultValueFactory = _ => 1 };
        var count = new Option<int>("--count",
            "-c") { Description = "End after so many looks [default: until interrupted].", HelpName = "N" };
        var command = new Command("top",
            "What happens in the arena, look after look. With --json one object a line.") { once, interval, count };
        return globals.RunsFreely(command, call =>
        {
            double seconds = call.Value(interval);
            if (!(seconds is >= 0.01 and <= 86_400))
            {
                throw new GmfsException(ExitCode.Usage, "--interval takes 0.01 to 86400 seconds.");
            }

            int looks = call.Value(once) ? 1 : call.Value(count);
            Watch(globals, call, TimeSpan.FromSeconds(seconds), looks <= 0 ? int.MaxValue : looks);
            return ExitCode.Done;
        });
    }

    private static void Watch(Globals globals, Invocation call, TimeSpan interval, int looks)
    {
        TopReport? before = null;
        for (int i = 0; i < looks && !call.Cancellation.IsCancellationRequested; i++)
        {
            if (i > 0 && call.Cancellation.WaitHandle.WaitOne(interval))
            {
                return;
            }

            TopReport now = Look(call.Arena, before);
            if (call.Json && looks > 1)
            {
                call.Shell.Out.WriteLine(GmfsJson.Line(now));
                call.Shell.Out.Flush();
            }
            else
            {
                call.Shell.Out.Write(call.Shell.IsTerminal && looks > 1 ? Home : string.Empty);
                globals.Show(now, call.Json);
            }

            before = now;
        }
    }

    private static TopReport Look(ArenaReference place, TopReport? before)
    {
        // Opened anew each time: a writer may have come or gone, and regions with it.
        StatusReport status = StatusCommand.Look(place);
        DateTimeOffset at = DateTimeOffset.UtcNow;
        double seconds = before is null ? 0 : Math.Max((at - before.At).TotalSeconds, 0.001);
        using ArenaInspection inspection = place.Inspect();
        TopRegion[] regions =
        [
            .. inspection.ReadSound().Regions.Select(region => Rates(
                Region(inspection, region.Info), before?.Regions.FirstOrDefault(r => r.Name == region.Info.Name),
                seconds)),
        ];
        return new TopReport(place.Text, at, status.State, status.Epoch, status.Frozen, status.MediumFree,
            status.MediumTotal, status.MetadataUsed, status.MetadataCapacity, regions);
    }

    private static TopRegion Region(ArenaInspection inspection, RegionInfo region)
    {
        HeapFacts? heap = null;
        try
        {
            heap = HeapFacts.Read(inspection, region.Name);
        }
        catch (ArenaException)
        {
            // Deleted this moment, or damaged: check says which. Here it has no figures.
        }

        return new TopRegion(region.Name, region.Kind, region.Length, heap?.Frontier, heap?.Roots.Sum(r => r.Records),
            heap?.Roots.Sum(r => r.RecordBytes), null, null);
    }

    private static TopRegion Rates(TopRegion now, TopRegion? before, double seconds) => before is null ? now : now with
    {
        RecordsRate = (now.Records - before.Records) / seconds,
        BytesRate = (now.RecordBytes - before.RecordBytes) / seconds,
    };
}
