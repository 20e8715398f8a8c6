using System.Text.Json;
using System.Text.Json.Serialization;

namespace GuestMemFs.LiveUpdate.Participants;

/// <summary>What participants save, and what endpoints are asked and answer, as JSON.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    ReadCommentHandling = JsonCommentHandling.Skip,
    AllowTrailingCommas = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(MachineSaved))]
[JsonSerializable(typeof(EndpointRequest))]
[JsonSerializable(typeof(EndpointAnswer))]
internal sealed partial class ParticipantJson : JsonSerializerContext;
