using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Replication;
using KvStore.Session;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>REPLICAOF and SLAVEOF: whose replica this is.</summary>
internal static class ReplicaOf
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("server",
    [
        new("replicaof", 3, ForOperators | NoScript, KeySpec.None, Choose)
        {
            Since = "5.0.0",
            Summary = "Make the server a replica of another instance, or promote it as master.",
        },
        new("slaveof", 3, ForOperators | NoScript, KeySpec.None, Choose)
        {
            Since = "1.0.0",
            Summary = "Make the server a replica of another instance, or promote it as master.",
        },
    ]);

    public static void Choose(in Call call)
    {
        KvEngine engine = call.Engine;
        if (call.Session.IsReplica)
        {
            call.Reply.Error("ERR Command is not valid when client is a replica."u8);
        }
        else if (engine.IsReadOnly || engine.InGroup)
        {
            call.Reply.Error(engine.IsReadOnly ? Errors.ReadOnly
                : "ERR a transaction that writes cannot change the master"u8);
        }
        else if (MasterAddress.IsNone(call.Args.Shown(1), call.Args.Shown(2)))
        {
            Leave(engine);
            call.Reply.Ok();
        }
        else if (!MasterAddress.TryMake(call.Args.Shown(1), call.Args.Shown(2), out MasterAddress master))
        {
            call.Reply.Error(Numbers.TryParse(call.Args[2], out long port) && port is > 0 and <= ushort.MaxValue
                ? "ERR Invalid master host"u8 : "ERR Invalid master port"u8);
        }
        else if (engine.Following.Address == master)
        {
            call.Reply.Simple("OK Already connected to specified master"u8);
        }
        else
        {
            Follow(engine, master);
            call.Reply.Ok();
        }
    }

    /// <summary>At the start: what was named on the command line counts where it was not followed yet, else what the
    /// store remembers.</summary>
    public static void Begin(KvEngine engine)
    {
        string option = engine.Options.ReplicaOf;
        if (engine.IsReadOnly)
        {
            return;
        }

        if (option.Length > 0 && option != engine.Following.Note.Option)
        {
            if (MasterAddress.TryParse(option, out MasterAddress master))
            {
                Follow(engine, master);
            }
            else
            {
                Leave(engine);
            }

            engine.Following.Note.Remember(option);
        }

        engine.Options.MasterNow = engine.Following.Address?.ToString() ?? "";
        if (engine.Following.Address is { } now)
        {
            Console.WriteLine($"replication: replica of {now}");
        }
        else if (option.Length > 0 && option != ReplicationSettings.NoMaster)
        {
            Console.WriteLine($"replication: --replicaof {option} was followed before, and REPLICAOF NO ONE was said "
                + "since: this is a master");
        }
    }

    private static void Follow(KvEngine engine, MasterAddress master)
    {
        engine.Following.Follow(master);
        engine.Feed.Send();
        engine.Feed.Effects.ForgetDatabase();
        engine.Options.MasterNow = master.ToString();
        foreach (ClientSession session in engine.Waiting.All)
        {
            session.BeginReply();
            session.Reply.Error("UNBLOCKED force unblock from blocking operation, instance state changed "
                + "(master -> replica?)");
            Blocking.Unblock(engine, session);
        }

        engine.Server.FollowMaster();
    }

    /// <summary>
    /// It is a master from here on. Its history gets an id of its own first: after a kill in between, nothing is
    /// written under the master's. Half a copy goes.
    /// </summary>
    private static void Leave(KvEngine engine)
    {
        Following following = engine.Following;
        if (!following.IsOn)
        {
            return;
        }

        if (following.IsLoading)
        {
            engine.RemoveAll();
            engine.Feed.GiveUp();
        }
        else if (engine.Feed.IsOn)
        {
            engine.Feed.Rename(ReplicationId.Random());
        }

        following.Leave();
        engine.Options.MasterNow = "";
        engine.Server.FollowMaster();
    }
}
