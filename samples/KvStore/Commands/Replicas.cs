using System.Net;
using GuestMemFs;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Replication;
using KvStore.Session;
using KvStore.Transport;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>PSYNC, SYNC and REPLCONF: what a replica says to its master. ROLE and WAIT: what others ask about
/// replicas.</summary>
internal static class Replicas
{
    private const int LongestAddress = 45;

    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands =>
    [
        .. Command.Family("server",
        [
            new("role", 1, Fast | NoScript, KeySpec.None, Role)
            {
                Also = AclCategories.Admin | AclCategories.Dangerous,
                Since = "2.8.12",
                Summary = "Return the role of the instance in the context of replication",
            },
            new("psync", -3, ForOperators | NoMulti | NoScript, KeySpec.None, PSync)
                { Since = "2.8.0", Summary = "An internal command used in replication" },
            new("sync", 1, ForOperators | NoMulti | NoScript, KeySpec.None, Sync)
                { Since = "1.0.0", Summary = "An internal command used in replication" },
            new("replconf", -1, ForOperators | NoScript | AllowBusy, KeySpec.None, ReplConf)
            {
                Since = "3.0.0",
                Summary = "An internal command for configuring the replication stream",
            },
        ]),
        .. Command.Family("connection",
        [
            new("wait", 3, NoScript, KeySpec.None, Wait)
            {
                Since = "3.0.0",
                Summary = "Wait for the synchronous replication of all write commands sent in the context of the "
                    + "current connection",
            },
        ]),
    ];

    public static void Role(in Call call)
    {
        if (call.Engine.Following is { Address: { } master } following)
        {
            call.Reply.Array(5);
            call.Reply.Bulk("slave");
            call.Reply.Bulk(master.Host);
            call.Reply.Integer(master.Port);
            call.Reply.Bulk(following.State.ToString().ToLowerInvariant());
            call.Reply.Integer(call.Engine.Feed.IsOn ? call.Engine.Feed.Offset : -1);
            return;
        }

        ReplicaLink[] online = [.. call.Engine.Feed.Replicas.Where(it => it.State == ReplicaState.Online)];
        call.Reply.Array(3);
        call.Reply.Bulk("master");
        call.Reply.Integer(call.Engine.Feed.Offset);
        call.Reply.Array(online.Length);
        foreach (ReplicaLink replica in online)
        {
            call.Reply.Array(3);
            call.Reply.Bulk(AddressOf(replica));
            call.Reply.Bulk(Numbers.Text(replica.Port));
            call.Reply.Bulk(Numbers.Text(replica.Acknowledged));
        }
    }

    public static void Wait(in Call call)
    {
        if (call.Engine.Follows)
        {
            call.Reply.Error("ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 "
                + "if a replica is configured to be writable (which is not the default) writes to replicas are just "
                + "local and are not propagated.");
            return;
        }

        if (!Numbers.TryParse(call.Args[1], out long least))
        {
            call.Reply.Error(Errors.NotAnInteger);
            return;
        }

        if (!Blocking.TryMilliseconds(call, 2, out long deadline))
        {
            return;
        }

        ChangeFeed feed = call.Engine.Feed;
        int count = feed.CountAt(call.Session.WrittenTo);
        // Redis waits for replicas that may come. Where none was ever here, none is waited for.
        if (count >= least || call.Session.RunsTransaction || !call.Engine.Replicates)
        {
            call.Reply.Integer(count);
            return;
        }

        var blocked = new BlockedCommand(new KeptArguments(call.Args), RecordType.None, deadline) { Replicas = least };
        Blocking.Wait(call, blocked, 0, 0);
        call.Engine.Record("*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n"u8);
    }

    public static void ReplConf(in Call call)
    {
        if (call.Args.Count % 2 == 0)
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }

        for (int i = 1; i < call.Args.Count; i += 2)
        {
            if (call.Args.Is(i, "ack"u8))
            {
                Acknowledge(call, i + 1);
                return; // no reply
            }

            if (call.Args.Is(i, "getack"u8))
            {
                return; // a master asks so, and this is none's replica
            }

            if (!TryIntroduce(call, i))
            {
                return;
            }
        }

        call.Reply.Ok();
    }

    public static void Sync(in Call call)
    {
        if (TryBegin(call, out ReplicaLink replica))
        {
            BeginFull(call, replica, "");
        }
    }

    public static void PSync(in Call call)
    {
        if (!TryBegin(call, out ReplicaLink replica))
        {
            return;
        }

        ChangeFeed feed = call.Engine.Feed;
        string address = call.Session.Address;
        Backlog history = feed.Backlog!;
        if (WhyNotPartial(call, history) is { } why)
        {
            Console.WriteLine($"replica {address} gets all keys: {why}");
            BeginFull(call, replica, $"+FULLRESYNC {history.Id} {feed.Offset}\r\n");
            return;
        }

        _ = Numbers.TryParse(call.Args[2], out long next);
        long from = next - 1; // it counts from one
        feed.Add(replica);
        feed.PartialCount++;
        call.Reply.Raw(replica.TakesNewId ? [.. "+CONTINUE "u8, .. Text(history.Id.ToString()), .. "\r\n"u8]
            : "+CONTINUE\r\n"u8);
        for (long at = from; at < history.Offset;)
        {
            ReadOnlySpan<byte> piece = history.PieceFrom(at);
            call.Reply.Raw(piece);
            at += piece.Length;
        }

        Console.WriteLine($"replica {address} goes on at {from}: {history.Offset - from} bytes of the history");
        replica.StartOffset = replica.Acknowledged = from;
        replica.GoOnline();
        call.Session.ReplyMode = ReplyMode.Off;
    }

    /// <summary>Some replica has more of the history: those who wait for that look again.</summary>
    public static void ServeWaiting(KvEngine engine)
    {
        foreach (ClientSession session in engine.Waiting.ForReplicas())
        {
            int count = engine.Feed.CountAt(session.WrittenTo);
            if (count >= session.Blocked!.Replicas)
            {
                session.BeginReply();
                session.Reply.Integer(count);
                Blocking.Unblock(engine, session);
            }
        }
    }

    /// <summary>The address by which others know a replica.</summary>
    public static string AddressOf(ReplicaLink replica) => replica.AnnouncedAddress.Length > 0
        ? replica.AnnouncedAddress
        : replica.Session.Peer is IPEndPoint peer ? peer.Address.ToString() : replica.Session.Address;

    private static byte[] Text(string text) => System.Text.Encoding.ASCII.GetBytes(text);

    /// <summary>Makes a client a replica of a history, which begins where there is none; or replies why that cannot
    /// be.</summary>
    private static bool TryBegin(in Call call, out ReplicaLink replica)
    {
        replica = call.Engine.Feed.Introduce(call.Session);
        if (replica.IsFollowing)
        {
            return false; // as in Redis, it is not heard
        }

        if (call.Engine.Follows && call.Engine.Following.State != MasterLinkState.Connected)
        {
            call.Reply.Error("NOMASTERLINK Can't SYNC while not connected with my master"u8);
            return false;
        }

        if (call.Engine.IsReadOnly || call.Session.Link is null)
        {
            call.Reply.Error("ERR Can't SYNC: this server takes no writes, and has no history of them"u8);
            return false;
        }

        if (call.Session.Subscriptions is not null || call.Session.IsMonitor)
        {
            call.Reply.Error("ERR SYNC and PSYNC are invalid with pending output"u8);
            return false;
        }

        try
        {
            call.Engine.Feed.TurnOn();
            return true;
        }
        catch (ArenaException e)
        {
            StandardError.WriteLine($"replication: no history can begin: {e.Message}");
            call.Reply.Error($"ERR Can't SYNC: there is no room for the backlog: {e.Message}");
            return false;
        }
    }

    /// <summary>Null where what a replica does not have is in the ring.</summary>
    private static string? WhyNotPartial(in Call call, Backlog history)
    {
        ChangeFeed feed = call.Engine.Feed;
        bool isNew = call.Args[1].SequenceEqual("?"u8);
        string? why = isNew ? "it has none"
            : !history.Id.Is(call.Args[1]) && !IsOfBefore(call, history)
                ? $"it follows history {Shown(call.Args, 1)}, and this is {history.Id}"
            : !Numbers.TryParse(call.Args[2], out long next) ? "its offset is no number"
            : next - 1 > history.Offset ? $"it says that it has {next - 1} bytes of a history of {history.Offset}"
            : next - 1 < history.First ? $"it goes on at {next - 1}, and the backlog begins at {history.First}"
            : null;
        feed.RefusedCount += why is null || isNew ? 0 : 1;
        return why;
    }

    /// <summary>True where it follows the history under the id that this had before, and has no more of it than was
    /// that one's.</summary>
    private static bool IsOfBefore(in Call call, Backlog history) => history.SecondId.Is(call.Args[1])
        && history.SecondId != default
        && Numbers.TryParse(call.Args[2], out long next) && next - 1 <= history.SecondEnd;

    private static string Shown(Arguments args, int index)
    {
        string shown = args.Shown(index);
        return string.Concat(
            shown.Take(ReplicationId.TextLength).Select(it => char.IsAsciiLetterOrDigit(it) ? it : '?'));
    }

    private static void BeginFull(in Call call, ReplicaLink replica, string greeting)
    {
        try
        {
            if (!FullResync.TryBegin(call.Engine, replica, greeting))
            {
                call.Reply.Error("ERR Can't SYNC: other replicas are sent all keys now, try again"u8);
                return;
            }
        }
        catch (ArenaException e)
        {
            StandardError.WriteLine($"replication: no snapshot can be taken: {e.Message}");
            call.Reply.Error($"ERR Can't SYNC: {e.Message}");
            return;
        }

        call.Engine.Feed.FullCount++;
        call.Session.ReplyMode = ReplyMode.Off; // what it is sent from here on is no reply
    }

    private static void Acknowledge(in Call call, int index)
    {
        if (call.Engine.Feed.Find(call.Session) is not { IsFollowing: true } replica
            || !Numbers.TryParse(call.Args[index], out long at))
        {
            return;
        }

        if (at > call.Engine.Feed.Offset || at < 0)
        {
            ChangeFeed.Close(replica, $"it says that it has {at} bytes of a history of {call.Engine.Feed.Offset}");
            return;
        }

        replica.Acknowledged = Math.Max(replica.Acknowledged, at);
        replica.AcknowledgedAt = Environment.TickCount64;
        if (replica.State == ReplicaState.Loaded && !replica.WantsCopyOnly)
        {
            // Not within this command, whose replies are thrown away.
            ChangeFeed feed = call.Engine.Feed;
            call.Session.Link!.Post(() => GoOnline(feed, replica));
        }

        ServeWaiting(call.Engine);
    }

    private static void GoOnline(ChangeFeed feed, ReplicaLink replica)
    {
        if (feed.Find(replica.Session) == replica && replica.State == ReplicaState.Loaded)
        {
            replica.GoOnline();
        }
    }

    /// <summary>Takes what a replica says of itself; or replies what is wrong with it.</summary>
    private static bool TryIntroduce(in Call call, int index)
    {
        ReplicaLink replica = call.Engine.Feed.Introduce(call.Session);
        if (call.Args.Is(index, "listening-port"u8))
        {
            if (!call.TryInteger(index + 1, out long port))
            {
                return false;
            }

            replica.Port = port;
        }
        else if (call.Args.Is(index, "ip-address"u8))
        {
            if (call.Args[index + 1].Length > LongestAddress)
            {
                call.Reply.Error("ERR REPLCONF ip-address provided by replica instance is too long: "
                    + $"{call.Args[index + 1].Length} bytes");
                return false;
            }

            // It is shown in lines of INFO.
            replica.AnnouncedAddress = string.Concat(call.Args.Text(index + 1).Where(it => it > ' ' && it != ','));
        }
        else if (call.Args.Is(index, "capa"u8))
        {
            replica.TakesMarkedEnd |= call.Args.Is(index + 1, "eof"u8);
            replica.TakesNewId |= call.Args.Is(index + 1, "psync2"u8);
        }
        else if (call.Args.Is(index, "rdb-only"u8))
        {
            if (!call.TryInteger(index + 1, out long only))
            {
                return false;
            }

            replica.WantsCopyOnly = only == 1;
        }
        else if (!call.Args.Is(index, "version"u8))
        {
            call.Reply.Error($"ERR Unrecognized REPLCONF option: {call.Args.Shown(index)}");
            return false;
        }

        return true;
    }
}
