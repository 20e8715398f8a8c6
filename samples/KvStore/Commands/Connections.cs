using KvStore.Protocol;
using KvStore.Session;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>PING, HELLO, AUTH and what else concerns the connection itself.</summary>
internal static class Connections
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("connection",
    [
        new("ping", -1, Fast | OfSubscribers, KeySpec.None, Ping)
            { Since = "1.0.0", Summary = "Ping the server" },
        new("echo", 2, Fast, KeySpec.None, Echo)
            { Since = "1.0.0", Summary = "Echo the given string" },
        new("auth", -2, NoAuth | Fast | NoScript | AllowBusy, KeySpec.None, Auth)
            { Since = "1.0.0", Summary = "Authenticate to the server" },
        new("hello", -1, NoAuth | Fast | NoScript | AllowBusy, KeySpec.None, Hello)
            { Since = "6.0.0", Summary = "Handshake with Redis" },
        new("quit", -1, NoAuth | Immediate | Fast | OfSubscribers | NoScript | AllowBusy, KeySpec.None, Quit)
            { Since = "1.0.0", Summary = "Close the connection" },
        new("reset", 1, NoAuth | Immediate | Fast | OfSubscribers | NoScript | AllowBusy, KeySpec.None, Reset)
            { Since = "6.2.0", Summary = "Reset the connection" },
    ]);

    public static void Ping(in Call call)
    {
        if (call.Args.Count > 2)
        {
            call.Reply.Error(Errors.Arity(call.Command.Name));
            return;
        }

        if (call.Session.IsSubscriber)
        {
            call.Reply.Array(2);
            call.Reply.Bulk("pong"u8);
            call.Reply.Bulk(call.Args.Count == 2 ? call.Args[1] : default);
        }
        else if (call.Args.Count == 2)
        {
            call.Reply.Bulk(call.Args[1]);
        }
        else
        {
            call.Reply.Raw("+PONG\r\n"u8);
        }
    }

    public static void Echo(in Call call) => call.Reply.Bulk(call.Args[1]);

    public static void Quit(in Call call)
    {
        call.Reply.Ok();
        call.Session.Close = true;
    }

    public static void Reset(in Call call)
    {
        ClientSession session = call.Session;
        call.Engine.LeaveTransaction(session);
        call.Engine.Forget(session);
        session.Name = "";
        session.Database = 0;
        session.NoEvict = session.NoTouch = false;
        session.ReplyMode = ReplyMode.On;
        session.Reply.Resp3 = false;
        session.User = call.Engine.Users.Default;
        session.Authenticated = call.Engine.Users.IsOpen;
        call.Reply.Simple("RESET"u8);
    }

    public static void Auth(in Call call)
    {
        if (call.Args.Count > 3)
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }

        if (call.Args.Count == 2 && call.Engine.Users.Default.NoPassword)
        {
            call.Reply.Error(
                "ERR AUTH <password> called without any password configured for the default user. "u8 +
                "Are you sure your configuration is correct?"u8);
            return;
        }

        ReadOnlySpan<byte> user = call.Args.Count == 3 ? call.Args[1] : "default"u8;
        if (TryAuthenticate(call, user, call.Args[call.Args.Count - 1]))
        {
            call.Reply.Ok();
        }
    }

    public static void Hello(in Call call)
    {
        bool resp3 = call.Reply.Resp3;
        if (call.Args.Count > 1)
        {
            if (!Protocol.Numbers.TryParse(call.Args[1], out long version))
            {
                call.Reply.Error("ERR Protocol version is not an integer or out of range"u8);
                return;
            }

            if (version is not (2 or 3))
            {
                call.Reply.Error("NOPROTO unsupported protocol version"u8);
                return;
            }

            resp3 = version == 3;
        }

        if (!TryHelloOptions(call, out string? name))
        {
            return;
        }

        if (!call.Session.Authenticated && !call.Engine.Users.IsOpen)
        {
            call.Reply.Error(
                "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH "u8 +
                "<user> <pass> option can be used to authenticate the client and select the RESP protocol version "u8 +
                "at the same time"u8);
            return;
        }

        call.Session.Name = name ?? call.Session.Name;
        call.Reply.Resp3 = resp3;
        ReplyHello(call);
    }

    private static void ReplyHello(in Call call)
    {
        call.Reply.Map(7);
        call.Reply.Bulk("server"u8);
        call.Reply.Bulk("redis"u8);
        call.Reply.Bulk("version"u8);
        call.Reply.Bulk(Info.CompatibleVersion);
        call.Reply.Bulk("proto"u8);
        call.Reply.Integer(call.Reply.Resp3 ? 3 : 2);
        call.Reply.Bulk("id"u8);
        call.Reply.Integer(call.Session.Id);
        call.Reply.Bulk("mode"u8);
        call.Reply.Bulk("standalone"u8);
        call.Reply.Bulk("role"u8);
        call.Reply.Bulk("master"u8);
        call.Reply.Bulk("modules"u8);
        call.Reply.Array(0);
    }

    private static bool TryHelloOptions(in Call call, out string? name)
    {
        name = null;
        for (int i = 2; i < call.Args.Count; i++)
        {
            int more = call.Args.Count - 1 - i;
            if (call.Args.Is(i, "auth"u8) && more >= 2)
            {
                if (!TryAuthenticate(call, call.Args[i + 1], call.Args[i + 2]))
                {
                    return false;
                }

                i += 2;
            }
            else if (call.Args.Is(i, "setname"u8) && more >= 1)
            {
                if (!Clients.TryName(call, i + 1, out name))
                {
                    return false;
                }

                i++;
            }
            else
            {
                call.Reply.Error($"ERR Syntax error in HELLO option '{call.Args.Shown(i)}'");
                return false;
            }
        }

        return true;
    }

    private static bool TryAuthenticate(in Call call, ReadOnlySpan<byte> name, ReadOnlySpan<byte> password)
    {
        string user = Permissions.Shown(name);
        if (call.Engine.Users.Authenticate(user, password) is not { } found)
        {
            Permissions.Log(call, "auth", call.Command.Name.ToUpperInvariant(), user);
            call.Reply.Error("WRONGPASS invalid username-password pair or user is disabled."u8);
            return false;
        }

        call.Session.User = found;
        call.Session.Authenticated = true;
        return true;
    }
}
