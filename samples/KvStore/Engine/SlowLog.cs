using KvStore.Protocol;

namespace KvStore.Engine;

/// <summary>The commands that took long: SLOWLOG. Used under the engine's gate.</summary>
internal sealed class SlowLog
{
    private const int MostArguments = 32;
    private const int MostBytes = 128;

    private readonly LinkedList<SlowLogEntry> _entries = [];
    private long _nextId;

    public int Count => _entries.Count;

    /// <summary>The latest first.</summary>
    public IEnumerable<SlowLogEntry> Entries => _entries;

    /// <summary>Adds a command, shortened; the oldest go where there are more than so many.</summary>
    public void Add(string[] arguments, long microseconds, string address, string name, int most)
    {
        _entries.AddFirst(new SlowLogEntry(
            _nextId++, WallClock.Now.ToUnixTimeSeconds(), microseconds, arguments, address, name));
        while (_entries.Count > most)
        {
            _entries.RemoveLast();
        }
    }

    public void Clear() => _entries.Clear();

    /// <summary>Arguments as the log keeps them: a byte is a character.</summary>
    public static string[] Shorten(Arguments args)
    {
        int shown = args.Count > MostArguments ? MostArguments - 1 : args.Count;
        var texts = new List<string>(shown + 1);
        for (int i = 0; i < shown; i++)
        {
            texts.Add(SecretArguments.IsSecret(args, i) ? SecretArguments.Shown : Shorten(args[i]));
        }

        if (shown < args.Count)
        {
            texts.Add($"... ({args.Count - shown} more arguments)");
        }

        return [.. texts];
    }

    private static string Shorten(ReadOnlySpan<byte> argument)
    {
        string text = System.Text.Encoding.Latin1.GetString(argument[..Math.Min(MostBytes, argument.Length)]);
        return argument.Length > MostBytes ? $"{text}... ({argument.Length - MostBytes} more bytes)" : text;
    }
}

/// <summary>A command that took long.</summary>
/// <param name="Id">Its number.</param>
/// <param name="UnixSeconds">When.</param>
/// <param name="Microseconds">How long it took.</param>
/// <param name="Arguments">The command, shortened.</param>
/// <param name="Address">Whose it was.</param>
/// <param name="Name">The client's name.</param>
internal sealed record SlowLogEntry(
    long Id, long UnixSeconds, long Microseconds, string[] Arguments, string Address, string Name);
