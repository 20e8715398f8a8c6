using GuestMemFs;
using KvStore.Engine;
using KvStore.Memory;
using KvStore.Protocol;
using KvStore.Rdb;
using KvStore.Replication;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>
/// Runs a command that writes where replicas hear of it: its change and the record of what they have to do are one
/// group. A replica does what was done, not what was asked: times are absolute, and what chance chose is named.
/// </summary>
/// <remarks>Where a command has no form of its own here, it goes as it came: it does the same everywhere.</remarks>
internal static class Propagation
{
    /// <summary>Runs it.</summary>
    public static void Run(in Call call)
    {
        KvEngine engine = call.Engine;
        if (call.Command.Has(NamesDatabases))
        {
            DatabaseCommands.MakeNamed(engine, call.Command, call.Args);
        }

        bool holds = WallClock.TryHold();
        AtomicScope atomic = default;
        try
        {
            atomic = engine.BeginAtomic(1);
            if (engine.Replicates)
            {
                RunAndRecord(call);
            }
            else
            {
                call.Command.Handler!(call);
            }

            atomic.Commit();
        }
        finally
        {
            if (holds)
            {
                WallClock.Release();
            }

            atomic.Dispose();
        }

        call.Session.WrittenTo = engine.Feed.Offset;
    }

    private static void RunAndRecord(in Call call)
    {
        KvEngine engine = call.Engine;
        ChangeFeed feed = engine.Feed;
        int database = engine.Databases.Selected.Number;
        (int Count, int Length, int Selected) start = feed.Effects.Mark;
        RemoveStale(call, database);
        int named = feed.Effects.Count;
        long changes = engine.Statistics.Changes;
        long errors = call.Reply.Errors;
        bool isTimed = HasTimes(call);
        feed.Touched.Clear();
        feed.Taken.Clear();
        try
        {
            call.Command.Handler!(call);
        }
        catch (ArenaException) when (call.Session.RunsTransaction)
        {
            // Of a transaction's command that failed some changes may stand.
            RecordKeys(call, database);
            throw;
        }

        bool hasOwn = feed.Effects.Count > named;
        bool isChange = hasOwn || engine.Statistics.Changes != changes
            || (IsAlwaysChange(call.Command.Name) && call.Reply.Errors == errors);
        if (!isChange)
        {
            feed.Effects.CutTo(start);
        }
        else if (!hasOwn)
        {
            Record(call, database, isTimed || HasTimes(call));
        }
    }

    /// <summary>Their changes are not counted as such: FLUSHALL removes what has expired as well.</summary>
    private static bool IsAlwaysChange(string name) =>
        name is "flushall" or "flushdb" || name.StartsWith("function|", StringComparison.Ordinal);

    /// <summary>
    /// Keys that are not seen here because they have expired are still there at a replica: they go first.
    /// </summary>
    private static void RemoveStale(in Call call, int database)
    {
        KvEngine engine = call.Engine;
        Database selected = engine.Databases.Selected;
        bool mayBe = engine.Feed.MayBeStale || selected.Keys.ExpiringCount > 0 || engine.Statistics.Expired > 0;
        if (!mayBe || call.Command.Keys.First == 0 || call.Command.Name is "set" or "setex" or "psetex" or "mset")
        {
            return;
        }

        int last = call.Command.Keys.LastOf(call.Args);
        for (int i = call.Command.Keys.FirstOf(call.Args); i <= last; i = call.Command.Keys.Next(i, last))
        {
            if (!selected.Has(call.Args[i]))
            {
                engine.Feed.Effects.OfKey(database, "DEL"u8, call.Args[i]);
            }
        }
    }

    /// <summary>True for a hash with fields that expire: replicas get it as it is.</summary>
    private static bool HasTimes(in Call call) => call.Engine.Databases.Selected.FieldDues.Any
        && call.Command.Group is "hash" && call.Engine.Hash.TryOpen(call.Key)
        && call.Engine.Hash.NotedTime != FieldTimes.Never;

    private static void Record(in Call call, int database, bool isTimed)
    {
        Effects effects = call.Engine.Feed.Effects;
        switch (call.Command.Name)
        {
            case "set":
            case "setnx":
                RecordString(call, database, call.Args[2]);
                break;
            case "setex":
            case "psetex":
                RecordString(call, database, call.Args[3]);
                break;
            case "incrbyfloat":
                RecordKey(call, database, call.Key);
                break;
            case "expire" or "pexpire" or "expireat" or "pexpireat" or "persist" or "getex":
                RecordExpiry(call, database);
                break;
            case "hincrbyfloat" when !isTimed && call.Engine.Hash.TryOpen(call.Key)
                && call.Engine.Hash.TryGet(call.Args[2], out ReadOnlySpan<byte> value):
                RecordField(effects, database, call, value);
                break;
            case "spop":
                RecordTaken(call, database);
                break;
            case "restore":
                RecordRestore(call, database);
                break;
            case "copy":
                RecordCopy(call, effects, database);
                break;
            case "move":
                RecordMove(call, effects, database);
                break;
            default:
                if (isTimed || GoesAsKeys(call))
                {
                    RecordTouched(call, database);
                }
                else
                {
                    effects.Verbatim(database, call.Args);
                }

                break;
        }
    }

    /// <summary>True where the same command may give another result elsewhere: sums of many numbers in another order,
    /// distances in the last digit, the order of what has none.</summary>
    private static bool GoesAsKeys(in Call call) => call.Command.Name switch
    {
        "sort" or "geosearchstore" or "georadius" or "georadiusbymember" => true,
        "zunionstore" or "zinterstore" => Numbers.TryParse(call.Args[2], out long keys) && keys > 2,
        "rename" or "renamenx" => call.Engine.Databases.Selected.FieldDues.Any,
        _ => false,
    };

    private static void RecordString(in Call call, int database, ReadOnlySpan<byte> value)
    {
        FactsReader facts = default;
        Effects effects = call.Engine.Feed.Effects;
        if (!call.Keys.TryRead(call.Key, ref facts))
        {
            effects.OfKey(database, "DEL"u8, call.Key);
            return;
        }

        bool expires = facts.ExpiresAt != RecordView.NoExpiry;
        effects.Begin(database, expires ? 5 : 3);
        effects.Argument("SET"u8);
        effects.Argument(call.Key);
        effects.Argument(value);
        if (expires)
        {
            effects.Argument("PXAT"u8);
            effects.Argument(facts.ExpiresAt);
        }
    }

    private static void RecordExpiry(in Call call, int database)
    {
        FactsReader facts = default;
        Effects effects = call.Engine.Feed.Effects;
        if (!call.Keys.TryRead(call.Key, ref facts))
        {
            effects.OfKey(database, "DEL"u8, call.Key);
        }
        else if (facts.ExpiresAt == RecordView.NoExpiry)
        {
            effects.OfKey(database, "PERSIST"u8, call.Key);
        }
        else
        {
            effects.Begin(database, 3);
            effects.Argument("PEXPIREAT"u8);
            effects.Argument(call.Key);
            effects.Argument(facts.ExpiresAt);
        }
    }

    private static void RecordField(Effects effects, int database, in Call call, ReadOnlySpan<byte> value)
    {
        effects.Begin(database, 4);
        effects.Argument("HSET"u8);
        effects.Argument(call.Key);
        effects.Argument(call.Args[2]);
        effects.Argument(value);
    }

    private static void RecordTaken(in Call call, int database)
    {
        ChangeFeed feed = call.Engine.Feed;
        if (!call.Engine.Databases.Selected.Has(call.Key))
        {
            feed.Effects.OfKey(database, "DEL"u8, call.Key);
            return;
        }

        feed.Effects.Begin(database, feed.Taken.Count + 2);
        feed.Effects.Argument("SREM"u8);
        feed.Effects.Argument(call.Key);
        feed.Taken.ForEach(it => feed.Effects.Argument(it));
    }

    private static void RecordRestore(in Call call, int database)
    {
        FactsReader facts = default;
        Effects effects = call.Engine.Feed.Effects;
        if (!call.Keys.TryRead(call.Key, ref facts))
        {
            effects.OfKey(database, "DEL"u8, call.Key);
            return;
        }

        Restore(effects, database, call.Key, facts.ExpiresAt, call.Args[3]);
    }

    private static void RecordCopy(in Call call, Effects effects, int database)
    {
        effects.Begin(database, call.Args.Count + 1);
        for (int i = 0; i < call.Args.Count; i++)
        {
            effects.Argument(call.Args[i]);
        }

        effects.Argument("REPLACE"u8); // what is there has expired, or was replaced here too
    }

    private static void RecordMove(in Call call, Effects effects, int database)
    {
        effects.Begin(database, 6);
        effects.Argument("COPY"u8);
        effects.Argument(call.Key);
        effects.Argument(call.Key);
        effects.Argument("DB"u8);
        effects.Argument(call.Args[2]);
        effects.Argument("REPLACE"u8);
        effects.OfKey(database, "DEL"u8, call.Key);
    }

    private static void RecordTouched(in Call call, int database)
    {
        foreach (byte[] key in call.Engine.Feed.Touched)
        {
            RecordKey(call, database, key);
        }
    }

    private static void RecordKeys(in Call call, int database)
    {
        int last = call.Command.Keys.First > 0 ? call.Command.Keys.LastOf(call.Args) : -1;
        for (int i = call.Command.Keys.FirstOf(call.Args); i <= last; i = call.Command.Keys.Next(i, last))
        {
            RecordKey(call, database, call.Args[i]);
        }
    }

    /// <summary>Records what a key has now.</summary>
    public static void RecordKey(in Call call, int database, ReadOnlySpan<byte> key) =>
        RecordKey(call.Engine, database, key);

    /// <inheritdoc cref="RecordKey(in Call, int, ReadOnlySpan{byte})"/>
    public static void RecordKey(KvEngine engine, int database, ReadOnlySpan<byte> key)
    {
        using GrowingBuffer content = new();
        RdbOutput output = new(content);
        ObjectDump dump = new(engine, output);
        FactsReader facts = default;
        if (!engine.Keys.TryRead(key, ref facts) || !dump.TryWrite(key))
        {
            engine.Feed.Effects.OfKey(database, "DEL"u8, key);
            return;
        }

        DumpPayload.Close(output, dump.Version);
        Restore(engine.Feed.Effects, database, key, facts.ExpiresAt, content.Span);
    }

    private static void Restore(
        Effects effects, int database, ReadOnlySpan<byte> key, long expiresAt, ReadOnlySpan<byte> payload)
    {
        bool expires = expiresAt != RecordView.NoExpiry;
        effects.Begin(database, expires ? 6 : 5);
        effects.Argument("RESTORE"u8);
        effects.Argument(key);
        effects.Argument(expires ? expiresAt : 0);
        effects.Argument(payload);
        effects.Argument("REPLACE"u8);
        if (expires)
        {
            effects.Argument("ABSTTL"u8);
        }
    }
}
