using System.Text.Json;
using System.Text.Json.Serialization;

namespace GuestMemFs.LiveUpdate.Plan;

/// <summary>Plans as JSON.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    ReadCommentHandling = JsonCommentHandling.Skip,
    AllowTrailingCommas = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(LiveUpdatePlan))]
internal sealed partial class PlanJson : JsonSerializerContext;
