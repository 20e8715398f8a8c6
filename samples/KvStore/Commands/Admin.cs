using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>TIME, SAVE, SHUTDOWN and their like.</summary>
internal static class Admin
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("server",
    [
        new("time", 1, Fast, KeySpec.None, Time)
            { Since = "2.6.0", Summary = "Return the current server time" },
        new("save", 1, ForOperators | NoMulti | NoScript, KeySpec.None, Save)
            { Since = "1.0.0", Summary = "Nothing to do: every acknowledged write is persistent" },
        new("bgsave", -1, ForOperators | NoScript, KeySpec.None, BgSave)
            { Since = "1.0.0", Summary = "Nothing to do: every acknowledged write is persistent" },
        new("lastsave", 1, Fast, KeySpec.None, LastSave)
        {
            Also = AclCategories.Admin | AclCategories.Dangerous,
            Since = "1.0.0",
            Summary = "The time now: every acknowledged write is persistent",
        },
        new("shutdown", -1, ForOperators | NoMulti | NoScript, KeySpec.None, Shutdown)
            { Since = "1.0.0", Summary = "Close the arena clean and shut down the server" },
    ]);

    public static void Time(in Call call)
    {
        long microseconds = (WallClock.Now - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        call.Reply.Array(2);
        call.Reply.BulkInteger(microseconds / 1_000_000);
        call.Reply.BulkInteger(microseconds % 1_000_000);
    }

    // What was acknowledged is in persistent memory already.
    public static void Save(in Call call) => call.Reply.Ok();

    public static void BgSave(in Call call)
    {
        if (call.Args.Count > 1 && (call.Args.Count > 2 || !call.Args.Is(1, "schedule"u8)))
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }

        call.Reply.Simple("Nothing to save: every acknowledged write is persistent already"u8);
    }

    public static void LastSave(in Call call) => call.Reply.Integer(WallClock.Now.ToUnixTimeSeconds());

    public static void Shutdown(in Call call)
    {
        for (int i = 1; i < call.Args.Count; i++)
        {
            if (call.Args.Is(i, "abort"u8) && call.Args.Count == 2)
            {
                call.Reply.Error("ERR No shutdown in progress."u8);
                return;
            }

            if (!call.Args.Is(i, "nosave"u8) && !call.Args.Is(i, "save"u8) && !call.Args.Is(i, "now"u8)
                && !call.Args.Is(i, "force"u8))
            {
                call.Reply.Error(Errors.Syntax);
                return;
            }
        }

        call.Session.Close = true;
        call.Engine.Server.RequestShutdown("SHUTDOWN");
    }
}
