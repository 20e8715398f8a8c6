using System.Globalization;
using System.Net;
using System.Net.Sockets;
using GuestMemFs;
using KvStore.Demo;

namespace KvStore.Transfer;

/// <summary>What import and export were asked for.</summary>
internal sealed record TransferOptions
{
    public const string Usage = """
        KvStore import FILE: has a server that runs take every key of an RDB file, of versions 1 to 12.
        KvStore export FILE: writes the keys of a server that runs as an RDB file, which redis-server loads.

          --host ADDRESS    the server's address                           (default: 127.0.0.1)
          --port N          its port                                       (default: 6379)
          --socket PATH     its unix socket, in place of both
          --timeout SECONDS how long the server may be silent              (default: 120)
          --trust-owner USER  user whose file, or whose directory, is used too; only root's and one's own, else
          --user NAME       the user to log in as; the password is in the environment, REDISCLI_AUTH
          --replace         import: keys that are there are replaced
          --skip            import: keys that are there are left as they are
          --pause           export: the server's clients do not write meanwhile, so that it is of one instant

        An import reads the file to its end before it sends a key: one that is damaged changes nothing. A key is there
        whole or not at all. Where keys are there already and neither --replace nor --skip is given, it ends at the
        first; so after one that was killed, say --skip. An export replaces FILE when it is whole.
        """;

    // Of one reply, whatever the server says: a scan of 256 keys replies some more.
    private const int MostItems = 1 << 20;

    public string File { get; private init; } = "";

    public string Host { get; private init; } = "127.0.0.1";

    public int Port { get; private init; } = 6379;

    public string Socket { get; private init; } = "";

    public string User { get; private init; } = "default";

    public TimeSpan Timeout { get; private init; } = TimeSpan.FromMinutes(2);

    /// <summary>Whose files are used.</summary>
    public PathTrust Trust { get; private init; } = PathTrust.Own;

    public bool Replaces { get; private init; }

    public bool Skips { get; private init; }

    public bool Pauses { get; private init; }

    /// <summary>Reads the arguments. Throws <see cref="FormatException"/> with what is wrong.</summary>
    public static TransferOptions Parse(ReadOnlySpan<string> arguments)
    {
        var options = new TransferOptions();
        for (int i = 0; i < arguments.Length; i++)
        {
            string name = arguments[i];
            options = name switch
            {
                "--replace" => options with { Replaces = true },
                "--skip" => options with { Skips = true },
                "--pause" => options with { Pauses = true },
                "--host" => options with { Host = Text(arguments, ref i) },
                "--port" => options with { Port = Number(Text(arguments, ref i)) },
                "--socket" => options with { Socket = Text(arguments, ref i) },
                "--user" => options with { User = Text(arguments, ref i) },
                "--timeout" => options with { Timeout = Seconds(Text(arguments, ref i)) },
                "--trust-owner" => options with { Trust = Trusting(Text(arguments, ref i)) },
                _ when options.File.Length == 0 && !name.StartsWith("--", StringComparison.Ordinal) =>
                    options with { File = name },
                _ => throw new FormatException($"{name} is not known.\n\n{Usage}"),
            };
        }

        return options.File.Length == 0 ? throw new FormatException($"Which file?\n\n{Usage}")
            : options.Replaces && options.Skips ? throw new FormatException("--replace and --skip: take one.")
            : options;
    }

    /// <summary>Connects, and logs in.</summary>
    /// <exception cref="SocketException">Nobody listens.</exception>
    /// <exception cref="InvalidDataException">The password is wrong.</exception>
    public RespClient Connect()
    {
        EndPoint endPoint = Socket.Length > 0 ? new UnixDomainSocketEndPoint(Socket)
            : new IPEndPoint(IPAddress.TryParse(Host, out IPAddress? address) ? address
                : Dns.GetHostAddresses(Host)[0], Port);
        RespClient client = RespClient.Connect(endPoint, Timeout, MostItems);
        if (Environment.GetEnvironmentVariable("REDISCLI_AUTH") is { Length: > 0 } password)
        {
            client.Add("AUTH", User, password);
            client.Flush();
            client.ReadOk();
        }

        return client;
    }

    private static string Text(ReadOnlySpan<string> arguments, ref int i) =>
        ++i < arguments.Length ? arguments[i]
            : throw new FormatException($"{arguments[i - 1]} needs a value.\n\n{Usage}");

    private static TimeSpan Seconds(string text) =>
        int.TryParse(text, CultureInfo.InvariantCulture, out int seconds) && seconds is > 0 and < 86400
            ? TimeSpan.FromSeconds(seconds)
            : throw new FormatException($"--timeout {text} is not a number of seconds from 1 to 86399.");

    private static PathTrust Trusting(string user)
    {
        try
        {
            return new PathTrust(user);
        }
        catch (ArgumentException e)
        {
            throw new FormatException($"--trust-owner: {e.Message}", e);
        }
    }

    private static int Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port is > 0 and < 65536
            ? port : throw new FormatException($"--port {text} is not a number from 1 to 65535.");
}
