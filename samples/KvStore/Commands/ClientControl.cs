using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Session;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>CLIENT: what ends, stops, silences and wakes connections.</summary>
internal static class ClientControl
{
    /// <summary>Those of CLIENT's subcommands.</summary>
    public static Command[] Subcommands =>
    [
        new("client|kill", -3, ForOperators | NoScript, KeySpec.None, Kill)
            { Since = "2.4.0", Summary = "Kill the connection of a client" },
        new("client|pause", -3, ForOperators | NoScript, KeySpec.None, Pause)
            { Since = "3.0.0", Summary = "Stop processing commands from clients for some time" },
        new("client|unpause", 2, ForOperators | NoScript, KeySpec.None, Unpause)
            { Since = "6.2.0", Summary = "Resume processing of clients that were paused" },
        new("client|reply", 3, NoScript, KeySpec.None, Reply)
            { Since = "3.2.0", Summary = "Instruct the server whether to reply to commands" },
        new("client|unblock", -3, ForOperators | NoScript, KeySpec.None, Unblock)
            { Since = "5.0.0", Summary = "Unblock a client blocked in a blocking command" },
    ];

    public static void Kill(in Call call)
    {
        if (call.Args.Count == 3)
        {
            string address = call.Args.Text(2);
            bool any = End(call, new ClientFilter { Address = address }, skipsOwn: false) > 0;
            if (any)
            {
                call.Reply.Ok();
            }
            else
            {
                call.Reply.Error("ERR No such client"u8);
            }
        }
        else if (TryFilter(call, out ClientFilter filter, out bool skipsOwn))
        {
            call.Reply.Integer(End(call, filter, skipsOwn));
        }
    }

    public static void Pause(in Call call)
    {
        bool onlyWrites = call.Args.Count == 4 && call.Args.Is(3, "write"u8);
        if (call.Args.Count > 4)
        {
            call.Reply.Error(Errors.NoSuchForm(call.Args.Shown(1), "CLIENT"));
        }
        else if (call.Args.Count == 4 && !onlyWrites && !call.Args.Is(3, "all"u8))
        {
            call.Reply.Error("ERR CLIENT PAUSE mode must be WRITE or ALL"u8);
        }
        else if (!Numbers.TryParse(call.Args[2], out long milliseconds))
        {
            call.Reply.Error("ERR timeout is not an integer or out of range"u8);
        }
        else if (milliseconds < 0)
        {
            call.Reply.Error("ERR timeout is negative"u8);
        }
        else if (milliseconds > long.MaxValue / 2)
        {
            call.Reply.Error("ERR timeout is out of range"u8);
        }
        else
        {
            call.Engine.Pause.Begin(KvEngine.DueIn(milliseconds), onlyWrites);
            call.Engine.Server.WakeBy(call.Engine.Pause.Until);
            call.Reply.Ok();
        }
    }

    public static void Unpause(in Call call)
    {
        call.Engine.Pause.End();
        call.Reply.Ok();
    }

    public static void Reply(in Call call)
    {
        ClientSession session = call.Session;
        if (call.Args.Is(2, "on"u8))
        {
            session.Reply.IsMuted = false;
            session.ReplyMode = ReplyMode.On;
            call.Reply.Ok();
        }
        else if (call.Args.Is(2, "off"u8))
        {
            session.ReplyMode = ReplyMode.Off;
        }
        else if (!call.Args.Is(2, "skip"u8))
        {
            call.Reply.Error(Errors.Syntax);
        }
        else if (session.ReplyMode != ReplyMode.Off)
        {
            session.ReplyMode = ReplyMode.SkipNext;
        }
    }

    public static void Unblock(in Call call)
    {
        if (call.Args.Count > 4)
        {
            call.Reply.Error(Errors.NoSuchForm(call.Args.Shown(1), "CLIENT"));
            return;
        }

        bool asError = call.Args.Count == 4 && call.Args.Is(3, "error"u8);
        if (call.Args.Count == 4 && !asError && !call.Args.Is(3, "timeout"u8))
        {
            call.Reply.Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"u8);
            return;
        }

        if (!call.TryInteger(2, out long id))
        {
            return;
        }

        ClientSession? session = call.Engine.Waiting.Find(id);
        call.Reply.Integer(session is null ? 0 : 1);
        if (session is not null)
        {
            Blocking.GiveUp(call.Engine, session, asError);
        }
    }

    private static bool TryFilter(in Call call, out ClientFilter filter, out bool skipsOwn)
    {
        filter = new ClientFilter();
        skipsOwn = true;
        if (call.Args.Count % 2 != 0)
        {
            call.Reply.Error(Errors.Syntax);
            return false;
        }

        for (int i = 2; i < call.Args.Count; i += 2)
        {
            if (call.Args.Is(i, "skipme"u8) && (call.Args.Is(i + 1, "yes"u8) || call.Args.Is(i + 1, "no"u8)))
            {
                skipsOwn = call.Args.Is(i + 1, "yes"u8);
            }
            else if (!TryOption(call, i, filter))
            {
                return false;
            }
        }

        return true;
    }

    private static bool TryOption(in Call call, int index, ClientFilter filter)
    {
        string value = call.Args.Text(index + 1);
        if (call.Args.Is(index, "id"u8))
        {
            return TryPositive(call, index + 1, "client-id", out long id) && (filter.Ids.Add(id) || true);
        }

        if (call.Args.Is(index, "maxage"u8))
        {
            bool isAge = TryPositive(call, index + 1, "maxage", out long age);
            filter.LeastAge = age;
            return isAge;
        }

        if (call.Args.Is(index, "type"u8))
        {
            return filter.TryType(call, index + 1);
        }

        if (call.Args.Is(index, "addr"u8))
        {
            filter.Address = value;
        }
        else if (call.Args.Is(index, "laddr"u8))
        {
            filter.LocalAddress = value;
        }
        else if (!call.Args.Is(index, "user"u8))
        {
            call.Reply.Error(Errors.Syntax);
            return false;
        }
        else if (call.Engine.Users.Find(value) is null)
        {
            call.Reply.Error($"ERR No such user '{call.Args.Shown(index + 1)}'");
            return false;
        }
        else
        {
            filter.User = value;
        }

        return true;
    }

    private static bool TryPositive(in Call call, int index, string name, out long value)
    {
        bool isPositive = Numbers.TryParse(call.Args[index], out value) && value > 0;
        if (!isPositive)
        {
            call.Reply.Error($"ERR {name} should be greater than 0");
        }

        return isPositive;
    }

    /// <summary>Ends connections, its own after the reply; how many.</summary>
    private static int End(in Call call, ClientFilter filter, bool skipsOwn)
    {
        ClientSession own = call.Session;
        int count = 0;
        call.Engine.Server.Disconnect(session =>
        {
            bool ends = session != own && filter.Fits(session);
            count += ends ? 1 : 0;
            return ends;
        });
        if (!skipsOwn && filter.Fits(own))
        {
            own.Close = true;
            count++;
        }

        return count;
    }
}
