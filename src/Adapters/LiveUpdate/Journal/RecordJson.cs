using System.Text.Json;
using System.Text.Json.Serialization;

namespace GuestMemFs.LiveUpdate.Journal;

/// <summary>The journal's records as JSON.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    ReadCommentHandling = JsonCommentHandling.Skip,
    AllowTrailingCommas = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(PlanRecord))]
internal sealed partial class RecordJson : JsonSerializerContext;
