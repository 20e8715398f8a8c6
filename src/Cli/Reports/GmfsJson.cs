using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace GuestMemFs.Cli.Reports;

/// <summary>The reports as JSON, generated at build time.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(ErrorReport))]
[JsonSerializable(typeof(DoneReport))]
[JsonSerializable(typeof(ListReport))]
[JsonSerializable(typeof(ArenasReport))]
[JsonSerializable(typeof(StatusReport))]
[JsonSerializable(typeof(RegionReport))]
[JsonSerializable(typeof(MediaReport))]
[JsonSerializable(typeof(CheckReport))]
[JsonSerializable(typeof(ExplainReport))]
[JsonSerializable(typeof(MapReport))]
[JsonSerializable(typeof(DumpReport))]
internal sealed partial class GmfsJson : JsonSerializerContext
{
    // What is read on a terminal keeps its umlauts and quotes; nothing of it goes into HTML.
    private static readonly GmfsJson s_readable = Readable();

    public static string Text(Report report)
    {
        JsonSerializerContext context = s_readable;
        return JsonSerializer.Serialize(report, report.GetType(), context);
    }

    private static GmfsJson Readable() => new(new JsonSerializerOptions
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
