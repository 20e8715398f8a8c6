using System.Globalization;

namespace GuestMemFs.Benchmarks.Servers;

/// <summary>What of the comparison runs, and how large.</summary>
internal sealed record ComparisonOptions
{
    public const string Usage = "servers [throughput] [restart] [fragmentation] [--folder DIR] [--keys 10M] " +
        "[--requests 2M] [--rounds 5] [--arena DIR] [--only NAME,NAME]";

    /// <summary>Parts that run; empty: all.</summary>
    public IReadOnlyList<string> Parts { get; init; } = [];

    /// <summary>Where <c>benchmarks/servers/run</c> put the servers.</summary>
    public string Folder { get; init; } = Path.Combine("artifacts", "servers");

    /// <summary>Keys of the restart.</summary>
    public long Keys { get; init; } = 10_000_000;

    /// <summary>Requests of a run at depth 16; a quarter of it at depth 1.</summary>
    public long Requests { get; init; } = 2_000_000;

    /// <summary>Runs of each, alternating between the servers; the median counts.</summary>
    public int Rounds { get; init; } = 5;

    /// <summary>Where arenas are made.</summary>
    public string Arena { get; init; } = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();

    public IReadOnlyList<string> Only { get; init; } = [];

    /// <summary>Room for the keys, generously.</summary>
    public long ArenaSize => Math.Max(1L << 30, Keys * 320);

    public bool Runs(string part) => Parts.Count == 0 || Parts.Contains(part);

    /// <summary>Reads the arguments. Throws <see cref="FormatException"/> where they are wrong.</summary>
    public static ComparisonOptions Parse(ReadOnlySpan<string> arguments)
    {
        var options = new ComparisonOptions();
        for (int i = 0; i < arguments.Length; i++)
        {
            string name = arguments[i];
            string Value(ReadOnlySpan<string> all) =>
                ++i < all.Length ? all[i] : throw new FormatException($"{name} needs a value. {Usage}");
            options = name switch
            {
                "throughput" or "restart" or "fragmentation" => options with { Parts = [.. options.Parts, name] },
                "--folder" => options with { Folder = Value(arguments) },
                "--keys" => options with { Keys = Number(name, Value(arguments)) },
                "--requests" => options with { Requests = Number(name, Value(arguments)) },
                "--rounds" => options with { Rounds = (int)Number(name, Value(arguments)) },
                "--arena" => options with { Arena = Value(arguments) },
                "--only" => options with { Only = Value(arguments).Split(',') },
                _ => throw new FormatException($"Unknown: {name}. {Usage}"),
            };
        }

        return options;
    }

    private static long Number(string name, string text)
    {
        long unit = text[^1] switch { 'k' or 'K' => 1_000, 'm' or 'M' => 1_000_000, _ => 1 };
        return long.TryParse(unit == 1 ? text : text[..^1], CultureInfo.InvariantCulture, out long number) && number > 0
            ? number * unit
            : throw new FormatException($"{name} {text} is not a positive number. {Usage}");
    }
}
