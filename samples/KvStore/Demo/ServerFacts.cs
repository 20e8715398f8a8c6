using System.Globalization;

namespace KvStore.Demo;

/// <summary>What a server tells of itself by INFO.</summary>
internal sealed class ServerFacts
{
    private const string StepPrefix = "attach_step_";
    private readonly List<(string Name, string Value)> _facts = [];

    private ServerFacts(string info)
    {
        foreach (string line in info.Split("\r\n"))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0)
            {
                _facts.Add((line[..colon], line[(colon + 1)..]));
            }
        }
    }

    public static ServerFacts Ask(ServerProcess server, string section)
    {
        using var client = RespClient.Connect(server.TcpEndPoint);
        return Ask(client, section);
    }

    public static ServerFacts Ask(RespClient client, string section) => new(client.Call("INFO", section).Text);

    public string? Find(string name) => _facts.FirstOrDefault(f => f.Name == name).Value;

    public long Number(string name) => long.TryParse(Find(name), CultureInfo.InvariantCulture, out long number) ? number
        : 0;

    /// <summary>
    /// KvStore's attach report in a few lines: how the arena was found, how long each step took, and why. Empty for
    /// another server.
    /// </summary>
    public IEnumerable<string> AttachReport()
    {
        if (Find("attach_kind") is not { } kind)
        {
            yield break;
        }

        IEnumerable<string> steps = _facts
            .Where(f => f.Name.StartsWith(StepPrefix, StringComparison.Ordinal))
            .Select(f => $"{f.Name[StepPrefix.Length..].Replace("_ms", "", StringComparison.Ordinal)} {f.Value}");
        yield return $"attach report: {kind}, in {Find("attach_ms")} ms ({string.Join(", ", steps)})";
        foreach ((_, string reason) in _facts.Where(f => f.Name == "attach_reason"))
        {
            yield return reason;
        }
    }
}
