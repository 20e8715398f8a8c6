using System.Diagnostics;
using GuestMemFs;
using KvStore.Commands;
using KvStore.Engine;
using KvStore.Transport;

namespace KvStore.Server;

/// <summary>
/// Between the requests, on the event loop's thread: removes what has expired and what was flushed, and moves records
/// together, a little at a time; once a second: idle clients and the rate of commands.
/// </summary>
/// <remarks>
/// On no thread of its own: one that wakes ten times a second takes a core from the client or the loop, and the
/// scheduler may leave both of these on the other for long.
/// </remarks>
internal sealed class Housekeeping(KvEngine engine, IHousekept server)
{
    private const int Pause = 100;
    private const int BucketsAtATime = 64;
    private const int EntriesAtATime = 256;

    /// <summary>
    /// While there is much to do, it takes a quarter of the time: clients wait for a turn, but not for the end.
    /// </summary>
    private const int ShortPause = 3;
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(1);

    /// <summary>
    /// Never in short pauses: a write that has no room makes its own, and this takes half a hundredth of the time.
    /// </summary>
    private static readonly TimeSpan CompactionTurn = TimeSpan.FromMicroseconds(500);

    private long _second = Environment.TickCount64;
    private long _due = Environment.TickCount64;
    private long _commands;

    public long CommandsPerSecond { get; private set; }

    /// <summary>Does a turn, where one is due; after how many milliseconds it is to be called again.</summary>
    public int Run()
    {
        long rest = _due - Environment.TickCount64;
        if (rest <= 0)
        {
            rest = TakeTurn();
            _due = Environment.TickCount64 + rest;
        }

        return (int)Math.Min(rest, ExpireWaiting());
    }

    /// <summary>Replies to clients whose time to wait is over; after how many milliseconds the next one's is.</summary>
    private long ExpireWaiting()
    {
        lock (engine.Gate)
        {
            if (engine.Closed || (engine.Waiting.NextDeadline is null && !engine.Pause.IsOn))
            {
                return long.MaxValue;
            }

            BlockedClients.ExpireOverdue(engine);
            if (engine.Pause.IsOn && engine.Pause.Until <= KvEngine.Milliseconds)
            {
                engine.Pause.End();
            }

            long next = Math.Min(
                engine.Waiting.NextDeadline ?? long.MaxValue, engine.Pause.IsOn ? engine.Pause.Until : long.MaxValue);
            return Math.Max(1, next - KvEngine.Milliseconds);
        }
    }

    private int TakeTurn()
    {
        bool more = false;
        try
        {
            lock (engine.Gate)
            {
                bool may = !engine.Closed && !engine.IsReadOnly && !engine.Pause.IsOn;
                more = may && ((!engine.Follows && RemoveExpired())
                    | CollectGarbage() | Eviction.TakeTurn(engine, Turn));
                if (engine.Tracking.HasChanges)
                {
                    engine.Tracking.SendChanges(); // what expired; no command ends that would
                }

                if (may && !more)
                {
                    engine.Keyspace.Compact(CompactionTurn);
                }

                if (engine.Feed.IsOn && !engine.Closed)
                {
                    engine.Feed.Send(); // what expired
                }
            }
        }
        catch (ArenaException e)
        {
            // Expired keys stay unseen all the same; the next turn tries again.
            StandardError.WriteLine($"housekeeping: {e.Message}");
        }

        server.ResumeAccepting();
        long now = Environment.TickCount64;
        if (now - _second >= 1000)
        {
            EverySecond(now);
        }

        return more ? ShortPause : Pause;
    }

    /// <summary>True where there is more.</summary>
    private bool RemoveExpired()
    {
        if (!engine.RemovesExpired)
        {
            return false;
        }

        Database[] expiring = [.. engine.Databases.Made.Where(database => database.Keys.ExpiringCount > 0)];
        bool more = false;
        foreach (Database database in expiring)
        {
            engine.Databases.Select(database.Number);
            more |= RemoveExpired(Turn / expiring.Length);
        }

        more |= RemoveExpiredFields();
        BlockedClients.ServeReady(engine); // some may wait for entries of what has gone
        return more;
    }

    /// <summary>True where there is more.</summary>
    private bool RemoveExpiredFields()
    {
        bool more = false;
        foreach (Database database in engine.Databases.Made)
        {
            long start = Stopwatch.GetTimestamp();
            int done = database.FieldDues.Any ? 1 : 0;
            while (done > 0 && Stopwatch.GetElapsedTime(start) < Turn)
            {
                engine.Databases.Select(database.Number);
                done = FieldSweep.Run(engine);
            }

            more |= done > 0;
        }

        return more;
    }

    private bool RemoveExpired(TimeSpan turn)
    {
        long start = Stopwatch.GetTimestamp();
        int removed;
        do
        {
            removed = engine.RemoveExpired(BucketsAtATime);
        }
        while (Stopwatch.GetElapsedTime(start) < turn);
        return removed >= BucketsAtATime / 4;
    }

    /// <summary>
    /// Gives back what FLUSHALL removed, and large collections that are gone. True where there is more.
    /// </summary>
    private bool CollectGarbage()
    {
        long start = Stopwatch.GetTimestamp();
        bool done = true;
        foreach (Database database in engine.Databases.Made)
        {
            done = CollectGarbage(database, start) && done;
        }

        BlockedClients.ServeReady(engine); // some may wait for what has gone with its key

        bool areFree = false;
        while (Stopwatch.GetElapsedTime(start) < Turn && !areFree)
        {
            areFree = engine.StreamSweep.Free(EntriesAtATime);
        }

        return !(done && areFree);
    }

    /// <summary>True where nothing is left of it; at once where the turn is over.</summary>
    private bool CollectGarbage(Database database, long start)
    {
        bool done = false;
        while (Stopwatch.GetElapsedTime(start) < Turn && !done)
        {
            done = database.Keys.CollectGarbage(BucketsAtATime) && engine.FreeNested(database, BucketsAtATime);
        }

        return done;
    }

    private void EverySecond(long now)
    {
        CommandsPerSecond = Math.Max(0, engine.Statistics.Commands - _commands) * 1000 / (now - _second);
        _commands = engine.Statistics.Commands;
        _second = now;
        server.EverySecond();
        LookForFiles();
        LookAtReplicas(now / 1000);
        engine.Keyspace.Backup.BeginWhenDue();
        if (engine.Options.Timeout > 0)
        {
            server.CloseIdle(engine.Options.Timeout);
        }
    }

    private void LookAtReplicas(long second)
    {
        lock (engine.Gate)
        {
            if (engine.Feed.IsOn && !engine.Closed && engine.Feed.EverySecond(second, engine.Follows))
            {
                engine.Record("*1\r\n$4\r\nPING\r\n"u8);
                engine.Feed.Send();
            }
        }
    }

    /// <summary>Says once that somebody removed the store's files, and once that they are back.</summary>
    private void LookForFiles()
    {
        try
        {
            lock (engine.Gate)
            {
                ArenaFilesLost? lost = engine.Closed ? null : engine.Keyspace.CheckFiles();
                if (!engine.Closed && lost is not null != engine.FilesLost)
                {
                    engine.FilesLost = lost is not null;
                    StandardError.WriteLine(lost?.ToString() ?? "The store's files are in their place again.");
                }
            }
        }
        catch (ArenaException e)
        {
            StandardError.WriteLine($"housekeeping: {e.Message}");
        }
    }
}
