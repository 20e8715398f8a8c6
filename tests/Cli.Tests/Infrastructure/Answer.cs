using System.Text.Json;

namespace GuestMemFs.Cli.Tests.Infrastructure;

/// <summary>What a command ended with and wrote.</summary>
internal sealed record Answer(int Code, string Out, string Error)
{
    /// <summary>The answer as JSON.</summary>
    public JsonElement Json
    {
        get
        {
            using JsonDocument document = JsonDocument.Parse(Out);
            return document.RootElement.Clone();
        }
    }

    /// <summary>The reason code of a refusal in JSON.</summary>
    public string? Reason => Json.GetProperty("error").GetProperty("reason").GetString();

    /// <summary>The reason codes of the findings of check or explain, in JSON.</summary>
    public string[] Findings =>
        [.. Json.GetProperty("findings").EnumerateArray().Select(f => f.GetProperty("reason").GetString()!)];

    public void IsDone() => Is(0);

    public void Is(int code) => Assert.True(Code == code, $"ended with {Code}, not {code}\n{Out}\n{Error}");
}
