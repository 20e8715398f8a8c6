using System.Text;
using KvStore.Protocol;
using KvStore.Session;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>CLIENT and its subcommands.</summary>
internal static class Clients
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("connection",
    [
        new("client", -2, NoFlags, KeySpec.None, null)
        {
            Since = "2.4.0",
            Summary = "A container for client connection commands",
            Subcommands =
            [
                HelpTexts.Of("client", "5.0.0"),
                new("client|id", 2, NoScript, KeySpec.None, Id)
                    { Since = "5.0.0", Summary = "Returns the client ID for the current connection" },
                new("client|getname", 2, NoScript, KeySpec.None, GetName)
                    { Since = "2.6.9", Summary = "Get the current connection name" },
                new("client|setname", 3, NoScript, KeySpec.None, SetName)
                    { Since = "2.6.9", Summary = "Set the current connection name" },
                new("client|setinfo", 4, NoFlags, KeySpec.None, SetInfo)
                    { Since = "7.2.0", Summary = "Set client or connection specific info" },
                new("client|list", -2, ForOperators | NoScript, KeySpec.None, List)
                    { Since = "2.4.0", Summary = "Get the list of client connections" },
                new("client|info", 2, NoScript, KeySpec.None, Info)
                    { Since = "6.2.0", Summary = "Returns information about the current client connection" },
                new("client|no-evict", 3, ForOperators | NoScript, KeySpec.None, NoEvict)
                    { Since = "7.0.0", Summary = "Set client eviction mode for the current connection" },
                new("client|no-touch", 3, NoScript, KeySpec.None, NoTouch)
                    { Since = "7.2.0", Summary = "Set whether the connection's reads count as uses of keys" },
                .. ClientControl.Subcommands,
                .. ClientTracking.Subcommands,
            ],
        },
    ]);

    /// <summary>Each client may keep three names, and they are shown in each list.</summary>
    private const int LongestName = 1024;

    public static void Id(in Call call) => call.Reply.Integer(call.Session.Id);

    public static void GetName(in Call call)
    {
        if (call.Session.Name.Length == 0)
        {
            call.Reply.Null();
        }
        else
        {
            call.Reply.Bulk(call.Session.Name);
        }
    }

    public static void SetName(in Call call)
    {
        if (TryName(call, 2, out string? name))
        {
            call.Session.Name = name!;
            call.Reply.Ok();
        }
    }

    public static void SetInfo(in Call call)
    {
        bool isName = call.Args.Is(2, "lib-name"u8);
        if (!isName && !call.Args.Is(2, "lib-ver"u8))
        {
            call.Reply.Error($"ERR Unrecognized option '{call.Args.Shown(2)}'");
            return;
        }

        if (!IsPlain(call.Args[3]))
        {
            call.Reply.Error($"ERR {(isName ? "lib-name" : "lib-ver")} cannot contain spaces, newlines or special " +
                "characters.");
            return;
        }

        if (call.Args[3].Length > LongestName)
        {
            call.Reply.Error($"ERR {(isName ? "lib-name" : "lib-ver")} has at most {LongestName} bytes.");
            return;
        }

        if (isName)
        {
            call.Session.LibraryName = call.Args.Text(3);
        }
        else
        {
            call.Session.LibraryVersion = call.Args.Text(3);
        }

        call.Reply.Ok();
    }

    public static void NoEvict(in Call call)
    {
        // No client is ever evicted; the flag is kept, and shown, for those who set it.
        if (TrySwitch(call, out bool on))
        {
            call.Session.NoEvict = on;
            call.Reply.Ok();
        }
    }

    public static void NoTouch(in Call call)
    {
        if (TrySwitch(call, out bool on))
        {
            call.Session.NoTouch = on;
            call.Reply.Ok();
        }
    }

    public static void Info(in Call call) => call.Reply.Verbatim(Describe(call.Session) + "\n");

    public static void List(in Call call)
    {
        var filter = new ClientFilter();
        bool isTyped = call.Args.Count == 4 && call.Args.Is(2, "type"u8);
        bool isNumbered = call.Args.Count > 3 && call.Args.Is(2, "id"u8);
        if (call.Args.Count > 2 && !isTyped && !isNumbered)
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }

        if (isTyped && !filter.TryType(call, 3))
        {
            return;
        }

        for (int i = 3; isNumbered && i < call.Args.Count; i++)
        {
            if (!Protocol.Numbers.TryParse(call.Args[i], out long id))
            {
                call.Reply.Error("ERR Invalid client ID"u8);
                return;
            }

            filter.Ids.Add(id);
        }

        var text = new StringBuilder();
        foreach (ClientSession session in call.Engine.Server.Sessions.OrderBy(s => s.Id))
        {
            if (filter.Fits(session))
            {
                text.Append(Describe(session)).Append('\n');
            }
        }

        call.Reply.Verbatim(text.ToString());
    }

    /// <summary>Reads a client's name, or replies what is wrong with it.</summary>
    public static bool TryName(in Call call, int index, out string? name)
    {
        name = "";
        if (call.Args[index].Length > LongestName)
        {
            call.Reply.Error($"ERR Client names have at most {LongestName} bytes.");
            return false;
        }

        name = call.Args.Text(index);
        if (IsPlain(call.Args[index]))
        {
            return true;
        }

        call.Reply.Error("ERR Client names cannot contain spaces, newlines or special characters."u8);
        return false;
    }

    private static bool IsPlain(ReadOnlySpan<byte> text) => text.IndexOfAnyExceptInRange((byte)'!', (byte)'~') < 0;

    private static int Count(ClientSession session, ChannelKind kind) => session.Subscriptions?.Names(kind).Count ?? 0;

    private static bool TrySwitch(in Call call, out bool on)
    {
        on = call.Args.Is(2, "on"u8);
        bool known = on || call.Args.Is(2, "off"u8);
        if (!known)
        {
            call.Reply.Error(Errors.Syntax);
        }

        return known;
    }

    internal static string Describe(ClientSession session)
    {
        long now = Environment.TickCount64;
        return $"id={session.Id} addr={session.Address} laddr={session.LocalAddress} fd={session.Descriptor} " +
            $"name={session.Name} "
            + $"age={(now - session.Created) / 1000} idle={(now - session.LastActive) / 1000} "
            + $"flags={Flags(session)} "
            + $"db={session.Database} "
            + $"sub={Count(session, ChannelKind.Channel)} psub={Count(session, ChannelKind.Pattern)} "
            + $"ssub={Count(session, ChannelKind.Shard)} "
            + $"multi={session.Transaction?.Count ?? -1} qbuf={session.InputBytes} qbuf-free={session.InputRoom} "
            + $"argv-mem=0 multi-mem={session.Transaction?.Bytes ?? 0} rbs=0 rbp=0 obl={session.Reply.Pending} oll=0 "
            + $"omem={session.Reply.Pending} tot-mem={session.KeptBytes + session.InputRoom + session.Reply.Pending} "
            + $"events=r cmd={session.LastCommand ?? "NULL"} user={session.User.Name} "
            + $"redir={session.Tracking?.RedirectTo ?? -1} "
            + $"resp={(session.Reply.Resp3 ? 3 : 2)} "
            + $"lib-name={session.LibraryName} lib-ver={session.LibraryVersion}";
    }

    private static string Flags(ClientSession session)
    {
        string flags = session.IsMonitor ? "O" : session.IsReplica ? "S" : "";
        flags += session.Subscriptions is not null ? "P" : "";
        flags += session.Transaction is not null ? "x" : "";
        flags += session.IsBlocked ? "b" : "";
        flags += session.Tracking is not null ? "t" : "";
        flags += session.Tracking is { IsRedirectBroken: true } ? "R" : "";
        flags += session.Tracking is { Broadcasts: true } ? "B" : "";
        flags += session.WatchBroken ? "d" : "";
        flags += session.Peer is System.Net.Sockets.UnixDomainSocketEndPoint ? "U" : "";
        flags += session.NoEvict ? "e" : "";
        flags += session.NoTouch ? "T" : "";
        return flags.Length == 0 ? "N" : flags;
    }
}
