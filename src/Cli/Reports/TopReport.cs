using GuestMemFs.Cli.Terminal;
using Spectre.Console;

namespace GuestMemFs.Cli.Reports;

/// <summary>A region at one moment. Rates are since the moment before, in units a second; null at the first.</summary>
internal sealed record TopRegion(string Name, RegionKind Kind, long Length, long? HandedOut, long? Records,
    long? RecordBytes, double? RecordsRate, double? BytesRate);

/// <summary>An arena at one moment.</summary>
internal sealed record TopReport(string Arena, DateTimeOffset At, string State, ulong Epoch, bool Frozen,
    long MediumFree, long MediumTotal, long MetadataUsed, long MetadataCapacity, IReadOnlyList<TopRegion> Regions)
        : Report
{
    public override void Draw(IAnsiConsole console)
    {
        console.WriteLine($"{At:HH:mm:ss}  {Arena}  {State}{(Frozen ? ", frozen" : string.Empty)}, epoch {Epoch}");
        console.WriteLine($"free {Sizes.Of(MediumFree)} of {Sizes.Of(MediumTotal)}, " +
            $"metadata {Sizes.Percent(MetadataUsed, MetadataCapacity)}");
        Table table = Drawing.Table(console, "region", "kind", ">size", ">handed out", ">records", ">records/s",
            ">record bytes", ">bytes/s");
        foreach (TopRegion r in Regions)
        {
            table.Row(
                r.Name, ListReport.Name(r.Kind), Sizes.Of(r.Length),
                r.HandedOut is { } used ? $"{Sizes.Of(used)} ({Sizes.Percent(used, r.Length)})" : "-",
                r.Records?.ToString("N0", null) ?? "-",
                r.RecordsRate?.ToString("+#,0;-#,0;0", null) ?? "-", r.RecordBytes is { } bytes ? Sizes.Of(bytes) : "-",
                r.BytesRate is { } rate ? (rate < 0 ? "-" : "+") + Sizes.Of((long)Math.Abs(rate)) : "-");
        }

        console.Write(table);
    }
}
