using System.Text;
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
            { Since = "1.0.0", Summary = "Copy the store to the backup file; every acknowledged write is persistent" },
        new("bgsave", -1, ForOperators | NoScript, KeySpec.None, BgSave)
            { Since = "1.0.0", Summary = "Copy the store to the backup file while it serves" },
        new("bgrewriteaof", 1, ForOperators | NoScript, KeySpec.None, BgRewriteAof)
            { Since = "1.0.0", Summary = "Nothing to do: there is no append-only file" },
        new("lastsave", 1, Fast, KeySpec.None, LastSave)
        {
            Also = AclCategories.Admin | AclCategories.Dangerous,
            Since = "1.0.0",
            Summary = "When the last copy was taken; the time now where there is no backup file",
        },
        new("module", -2, NoFlags, KeySpec.None, null)
        {
            Since = "4.0.0",
            Summary = "A container for module commands",
            Subcommands =
            [
                HelpTexts.Of("module", "5.0.0"),
                new("module|list", 2, ForOperators | NoScript, KeySpec.None, Modules)
                    { Since = "4.0.0", Summary = "List the modules: there are none" },
            ],
        },
        new("shutdown", -1, ForOperators | NoMulti | NoScript | AllowBusy, KeySpec.None, Shutdown)
            { Since = "1.0.0", Summary = "Close the arena clean and shut down the server" },
    ]);

    public static void Modules(in Call call) => call.Reply.Array(0);

    public static void Time(in Call call)
    {
        long microseconds = (WallClock.Now - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        call.Reply.Array(2);
        call.Reply.BulkInteger(microseconds / 1_000_000);
        call.Reply.BulkInteger(microseconds % 1_000_000);
    }

    // What was acknowledged is in persistent memory already. A copy is for the day on which that is gone.
    public static void Save(in Call call)
    {
        Backup backup = call.Engine.Keyspace.Backup;
        if (backup.IsWanted && backup.Save() is { } failure)
        {
            call.Reply.Error(Encoding.UTF8.GetBytes($"ERR {failure}"));
            return;
        }

        call.Reply.Ok();
    }

    public static void BgRewriteAof(in Call call) =>
        call.Reply.Simple("Nothing to rewrite: every acknowledged write is persistent already"u8);

    public static void BgSave(in Call call)
    {
        if (call.Args.Count > 1 && (call.Args.Count > 2 || !call.Args.Is(1, "schedule"u8)))
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }

        Backup backup = call.Engine.Keyspace.Backup;
        if (!backup.IsWanted)
        {
            call.Reply.Simple("Nothing to save: every acknowledged write is persistent already"u8);
        }
        else if (backup.TryBegin())
        {
            call.Reply.Simple("Background saving started"u8);
        }
        else
        {
            call.Reply.Error("ERR Background save already in progress"u8);
        }
    }

    public static void LastSave(in Call call)
    {
        Backup backup = call.Engine.Keyspace.Backup;
        call.Reply.Integer((backup.IsWanted ? backup.LastTaken : WallClock.Now).ToUnixTimeSeconds());
    }

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

        if (call.Engine.Busy is { } script)
        {
            if (!call.Args.Has("nosave"u8))
            {
                call.Reply.Error(Errors.Busy(script.IsFunction));
                return;
            }

            script.IsKilled = true; // what it wrote is taken back
        }

        Backup backup = call.Engine.Keyspace.Backup;
        if (backup.IsWanted && call.Args.Count > 1 && call.Args.Is(1, "save"u8) && backup.Save() is { } failure)
        {
            call.Reply.Error(Encoding.UTF8.GetBytes($"ERR {failure}. The server keeps running; try SHUTDOWN NOSAVE."));
            return;
        }

        call.Session.Close = true;
        call.Engine.Server.RequestShutdown("SHUTDOWN");
    }
}
