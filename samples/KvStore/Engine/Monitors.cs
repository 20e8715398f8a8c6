using System.Globalization;
using System.Text;
using KvStore.Protocol;
using KvStore.Session;

namespace KvStore.Engine;

/// <summary>Clients that see each command that runs: MONITOR. Used under the engine's gate.</summary>
internal sealed class Monitors(PubSub pubSub)
{
    private readonly List<ClientSession> _sessions = [];

    public bool Any => _sessions.Count > 0;

    public void Add(ClientSession session)
    {
        if (!session.IsMonitor)
        {
            session.IsMonitor = true;
            _sessions.Add(session);
        }
    }

    public void Remove(ClientSession session)
    {
        if (session.IsMonitor)
        {
            session.IsMonitor = false;
            _sessions.Remove(session);
        }
    }

    /// <summary>Shows them a command.</summary>
    public void Show(ClientSession session, int database, Arguments args)
    {
        DateTimeOffset now = WallClock.TimeOfDay;
        long microseconds = (now - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        string address = session.Link is null ? "lua"
            : session.UnixSocket.Length > 0 && session.Address.StartsWith(session.UnixSocket, StringComparison.Ordinal)
                ? $"unix:{session.UnixSocket}"
            : session.Address;
        var line = new StringBuilder();
        (long seconds, long rest) = Math.DivRem(microseconds, 1_000_000);
        line.Append(CultureInfo.InvariantCulture, $"+{seconds}.{rest:000000} [{database} {address}]");
        for (int i = 0; i < args.Count; i++)
        {
            line.Append(" \"");
            if (SecretArguments.IsSecret(args, i))
            {
                line.Append(SecretArguments.Shown);
            }
            else
            {
                AddQuoted(line, args[i]);
            }

            line.Append('"');
        }

        byte[] bytes = Encoding.Latin1.GetBytes(line.Append("\r\n").ToString());
        foreach (ClientSession monitor in _sessions)
        {
            monitor.Push(bytes, waits: monitor == pubSub.Current);
        }
    }

    private static void AddQuoted(StringBuilder to, ReadOnlySpan<byte> bytes)
    {
        foreach (byte b in bytes)
        {
            _ = b switch
            {
                (byte)'\\' or (byte)'"' => to.Append('\\').Append((char)b),
                (byte)'\n' => to.Append("\\n"),
                (byte)'\r' => to.Append("\\r"),
                (byte)'\t' => to.Append("\\t"),
                7 => to.Append("\\a"),
                8 => to.Append("\\b"),
                >= (byte)' ' and <= (byte)'~' => to.Append((char)b),
                _ => to.Append(CultureInfo.InvariantCulture, $"\\x{b:x2}"),
            };
        }
    }
}
