using System.Globalization;

namespace KvStore.Demo;

/// <summary>What the demo was asked for.</summary>
internal sealed record DemoOptions
{
    public const string Usage = """
        KvStore demo: loads keys through a socket, kills the server with SIGKILL in mid-write, starts it again and
        checks every key.

          --keys N        how many keys, as 500k, 2M, 10M   (default: 5M, fewer where memory is short)
          --value N       bytes a value                      (default: 100)
          --size N        the arena's size, as 4G            (default: what the keys need)
          --arena DIR     where the arena is made            (default: the best medium that is here)
          --keep          leave the arena there afterwards
          --no-redis      do not compare with redis-server
          --seed N        other keys' values
        """;

    private const long DefaultKeys = 5_000_000;

    // What a key costs at most with its record, its share of the index and the slack of the size classes.
    private const int Overhead = 128;

    public long Keys { get; init; }

    public int ValueLength { get; init; } = 100;

    public long ArenaSize { get; init; }

    public string? ArenaParent { get; init; }

    public bool Keep { get; init; }

    public bool WithRedis { get; init; } = true;

    public ulong Seed { get; init; } = 1;

    /// <summary>
    /// Reads the arguments. Throws <see cref="FormatException"/> with what is wrong and what would be right.
    /// </summary>
    public static DemoOptions Parse(ReadOnlySpan<string> arguments)
    {
        var options = new DemoOptions();
        for (int i = 0; i < arguments.Length; i++)
        {
            string name = arguments[i];
            options = name switch
            {
                "--keep" => options with { Keep = true },
                "--no-redis" => options with { WithRedis = false },
                "--keys" => options with { Keys = Number(arguments, ref i, 1, 999_999_999_999) },
                "--value" => options with { ValueLength = (int)Number(arguments, ref i, 1, 1 << 20) },
                "--size" => options with { ArenaSize = Number(arguments, ref i, 64L << 20, long.MaxValue) },
                "--seed" => options with { Seed = (ulong)Number(arguments, ref i, 0, long.MaxValue) },
                "--arena" => options with { ArenaParent = Text(arguments, ref i) },
                _ => throw new FormatException($"The demo does not know {name}.\n\n{Usage}"),
            };
        }

        return options.WithDefaults();
    }

    private DemoOptions WithDefaults()
    {
        long each = ValueLength + Dataset.KeyLength + Overhead;

        // A third of what is free: the same keys are in redis-server for a while too, and the machine has others.
        long fitting = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes is var all
            ? Math.Min(all, AvailableMemory()) / 3 / each : 0;
        long keys = Keys != 0 ? Keys : Math.Clamp(fitting, 10_000, DefaultKeys);
        long megabytes = ((keys * each * 5 / 4) >> 20) + 256;
        return this with { Keys = keys, ArenaSize = ArenaSize != 0 ? ArenaSize : megabytes << 20 };
    }

    private static long AvailableMemory()
    {
        const string name = "MemAvailable:";
        string? line = File.ReadLines("/proc/meminfo").FirstOrDefault(l =>
            l.StartsWith(name, StringComparison.Ordinal));
        return line is null ? long.MaxValue : long.Parse(line[name.Length..^2],
            NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture) * 1024;
    }

    private static string Text(ReadOnlySpan<string> arguments, ref int i) =>
        ++i < arguments.Length ? arguments[i]
            : throw new FormatException($"{arguments[i - 1]} needs a value.\n\n{Usage}");

    private static long Number(ReadOnlySpan<string> arguments, ref int i, long least, long most)
    {
        string name = arguments[i];
        string text = Text(arguments, ref i);
        bool bytes = name is "--size" or "--value";
        long unit = char.ToUpperInvariant(text[^1]) switch
        {
            'K' => bytes ? 1L << 10 : 1_000,
            'M' => bytes ? 1L << 20 : 1_000_000,
            'G' => bytes ? 1L << 30 : 1_000_000_000,
            _ => 1,
        };
        return long.TryParse(unit == 1 ? text : text[..^1], CultureInfo.InvariantCulture, out long number)
            && number >= least && number <= most / unit && number * unit >= least
            ? number * unit
            : throw new FormatException(
                $"{name} {text} is not a number from {least:N0} to {most:N0} (K, M and G may follow it).");
    }
}
