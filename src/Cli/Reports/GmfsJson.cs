using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace GuestMemFs.Cli.Reports;

/// <summary>The reports as JSON, generated at build time.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(ErrorReport))]
[JsonSerializable(typeof(DoneReport))]
[JsonSerializable(typeof(ListReport))]
[JsonSerializable(typeof(ArenasReport))]
[JsonSerializable(typeof(StatusReport))]
[JsonSerializable(typeof(RegionReport))]
[JsonSerializable(typeof(InfoReport))]
[JsonSerializable(typeof(MediaReport))]
[JsonSerializable(typeof(CheckReport))]
[JsonSerializable(typeof(RepairReport))]
[JsonSerializable(typeof(RescueReport))]
[JsonSerializable(typeof(TopReport))]
[JsonSerializable(typeof(ExplainReport))]
[JsonSerializable(typeof(MapReport))]
[JsonSerializable(typeof(DumpReport))]
[JsonSerializable(typeof(LiveUpdateReport))]
[JsonSerializable(typeof(LiveUpdateCheckReport))]
internal sealed partial class GmfsJson : JsonSerializerContext
{
    // What is read on a terminal keeps its umlauts and quotes; nothing of it goes into HTML.
    private static readonly GmfsJson s_readable = With(indented: true);
    private static readonly GmfsJson s_line = With(indented: false);

    /// <summary>One report, for people too.</summary>
    public static string Text(Report report) => Write(report, s_readable);

    /// <summary>One of many reports, on a line of its own.</summary>
    public static string Line(Report report) => Write(report, s_line);

    private static string Write(Report report, JsonSerializerContext context) =>
        JsonSerializer.Serialize(report, report.GetType(), context);

    private static GmfsJson With(bool indented) => new(new JsonSerializerOptions
    {
        WriteIndented = indented,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
