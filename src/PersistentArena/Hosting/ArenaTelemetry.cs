using System.Diagnostics.Metrics;

namespace GuestMemFs.Hosting;

/// <summary>The package's one meter, <c>GuestMemFs.PersistentArena</c>.</summary>
internal static class ArenaTelemetry
{
    public const string MeterName = "GuestMemFs.PersistentArena";

    private static readonly Meter s_meter = new(MeterName,
        typeof(ArenaTelemetry).Assembly.GetName().Version?.ToString(3));

    private static readonly Histogram<double> s_attachDuration = s_meter.CreateHistogram(
        "guestmemfs.arena.attach.duration",
        unit: "s",
        description: "How long opening an arena took, until its data could be read.",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1,
            0.25, 0.5, 1, 5] });

    private static readonly Counter<long> s_lost = s_meter.CreateCounter<long>(
        "guestmemfs.arena.files.lost",
        unit: "{file}",
        description: "Files of an open arena that were found removed or moved, the directory among them.");

    public static void Lost(ArenaFilesLost lost, string arena) => s_lost.Add(
        lost.Files.Count + (lost.IsDirectoryGone ? 1 : 0),
        new KeyValuePair<string, object?>("guestmemfs.arena.name", arena));

    public static void Attached(AttachReport report, string arena) => s_attachDuration.Record(
        report.Duration.TotalSeconds,
        new("guestmemfs.arena.name", arena),
        new("guestmemfs.arena.medium", report.MediumName),
        new("guestmemfs.arena.attach.kind", Kind(report.Kind)));

    private static string Kind(AttachKind kind) => kind switch
    {
        AttachKind.Fresh => "fresh",
        AttachKind.Warm => "warm",
        AttachKind.Recovered => "recovered",
        _ => "reader",
    };
}
