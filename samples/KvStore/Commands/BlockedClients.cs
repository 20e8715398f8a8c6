using System.Diagnostics;
using GuestMemFs;
using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Session;

namespace KvStore.Commands;

/// <summary>Serves clients whose commands wait for keys.</summary>
/// <remarks>After all that made their keys ready is done: they see what a transaction or a script leaves, and not what
/// it does on the way.</remarks>
internal static class BlockedClients
{
    /// <summary>Serves those who wait for keys that became ready, until no more does.</summary>
    public static void ServeReady(KvEngine engine)
    {
        ClientSession? current = engine.PubSub.Current;
        while (engine.Waiting.TryTakeReady(out WaitingQueue queue))
        {
            LinkedListNode<ClientSession>? next;
            bool isGone = false;
            for (LinkedListNode<ClientSession>? place = queue.First; place is not null; place = next)
            {
                next = place.Next;
                BlockedCommand blocked = place.Value.Blocked!;
                var facts = default(FactsReader);
                engine.Databases.Select(queue.Database);
                isGone = isGone || !engine.Keys.TryRead(queue.Key, ref facts);
                if (blocked.NeedsKey || (!isGone && blocked.Type == facts.Type))
                {
                    Serve(engine, place.Value, queue.Key);
                }
            }
        }

        engine.PubSub.Current = current;
    }

    /// <summary>Replies to those whose time is over.</summary>
    public static void ExpireOverdue(KvEngine engine)
    {
        long now = KvEngine.Milliseconds;
        while (engine.Waiting.NextOverdue(now) is { } session)
        {
            Blocking.GiveUp(engine, session, asError: false);
        }
    }

    private static void Serve(KvEngine engine, ClientSession session, byte[] key)
    {
        if (session.Close || session.Link is { IsEnded: true })
        {
            engine.Waiting.Remove(session);
            return;
        }

        BlockedCommand blocked = session.Blocked!;
        Arguments args = blocked.Arguments.Arguments;
        Command command = BuiltIn.Table.Resolve(args)!;
        engine.PubSub.Current = session; // messages that it causes come behind its reply
        session.BeginReply();
        long start = session.Reply.Position;
        long began = Stopwatch.GetTimestamp();
        if (command.Has(CommandFlags.Write) && !engine.WriteRefusal.IsEmpty)
        {
            session.Reply.Error(engine.WriteRefusal);
        }
        else if (!session.User.Unlimited
            && Permissions.Refusal(new Call(command, args, session, engine)) is { } refusal)
        {
            session.Reply.Error(refusal);
        }
        else
        {
            blocked.ReadyKey = key;
            Dispatcher.Run(session, engine, command, args);
            blocked.ReadyKey = null;
        }

        if (session.Reply.Position != start)
        {
            CommandCounting.CountRun(session, engine, command.Number, Stopwatch.GetElapsedTime(began));
            Blocking.Unblock(engine, session);
        }
        else
        {
            session.Reply.IsMuted = false;
        }
    }
}
