using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>HEXPIRE and its family: when fields of a hash expire.</summary>
internal static class HashTimes
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("hash",
    [
        New("hexpire", "Set expiry for hash field using relative time to expire (seconds)"),
        New("hpexpire", "Set expiry for hash field using relative time to expire (milliseconds)"),
        New("hexpireat", "Set expiry for hash field using an absolute Unix timestamp (seconds)"),
        New("hpexpireat", "Set expiry for hash field using an absolute Unix timestamp (milliseconds)"),
        new("httl", -5, ReadOnly | Fast, KeySpec.One, HTtl)
            { Since = "7.4.0", Summary = "Returns the TTL in seconds of a hash field." },
        new("hpttl", -5, ReadOnly | Fast, KeySpec.One, HPTtl)
            { Since = "7.4.0", Summary = "Returns the TTL in milliseconds of a hash field." },
        new("hexpiretime", -5, ReadOnly | Fast, KeySpec.One, HExpireTime)
        {
            Since = "7.4.0",
            Summary = "Returns the expiration time of a hash field as a Unix timestamp, in seconds.",
        },
        new("hpexpiretime", -5, ReadOnly | Fast, KeySpec.One, HPExpireTime)
        {
            Since = "7.4.0",
            Summary = "Returns the expiration time of a hash field as a Unix timestamp, in msec.",
        },
        new("hpersist", -5, Write | Fast, KeySpec.One, HPersist)
        {
            KeyAccess = KeyAccess.Write,
            Since = "7.4.0",
            Summary = "Removes the expiration time for each specified field",
        },
    ]);

    private const int NoField = -2;
    private const int NoTime = -1;
    private const int Refused = 0;
    private const int Done = 1;
    private const int Removed = 2;
    private const int ConditionAt = 3;
    private const long PerSecond = 1000;

    public static void HTtl(in Call call) => ReplyTimes(call, inSeconds: true, absolute: false);

    public static void HPTtl(in Call call) => ReplyTimes(call, inSeconds: false, absolute: false);

    public static void HExpireTime(in Call call) => ReplyTimes(call, inSeconds: true, absolute: true);

    public static void HPExpireTime(in Call call) => ReplyTimes(call, inSeconds: false, absolute: true);

    public static void HPersist(in Call call)
    {
        CollectionCalls.Change(call, call.Engine.Hash, call.Args.Count, static (in Call call, FieldMap hash) =>
        {
            if (!HashFields.TryCount(call, 2, HashFields.NotPositive, out int first))
            {
                return;
            }

            for (int i = first; i < call.Args.Count; i++)
            {
                bool found = hash.TryGet(call.Args[i], out _, out long time);
                if (time != FieldTimes.Never)
                {
                    hash.SetTime(call.Args[i], FieldTimes.Never);
                }

                call.Reply.Integer(!found ? NoField : time == FieldTimes.Never ? NoTime : Done);
            }
        });
    }

    private static Command New(string name, string summary) =>
        new(name, -6, Write | DenyOom | Fast, KeySpec.One, HExpire)
            { KeyAccess = KeyAccess.Write, Event = "hexpire", Since = "7.4.0", Summary = summary };

    private static void HExpire(in Call call)
    {
        FieldMap hash = call.Engine.Hash;
        int count = call.Args.Count;
        if (CollectionCalls.TryChange(call, hash, count, ExpireIn, FieldMap.TimedStoresOf(count)))
        {
            CollectionCalls.Changed(call, hash, hash.Removed > 0 ? "hdel" : "hexpire");
        }
    }

    private static void ExpireIn(in Call call, FieldMap hash)
    {
        bool inSeconds = call.Command.Name is "hexpire" or "hexpireat";
        bool absolute = call.Command.Name.EndsWith("at", StringComparison.Ordinal);
        if (HashFields.TryTime(call, 2, inSeconds, absolute ? 0 : hash.Now, out long time))
        {
            Expire(call, hash, time);
        }
    }

    private static void Expire(in Call call, FieldMap hash, long time)
    {
        ExpiryConditions conditions = Expiry.ConditionAt(call.Args, ConditionAt);
        int words = conditions == ExpiryConditions.None ? ConditionAt : ConditionAt + 1;
        if (!HashFields.TryCount(
            call, words, "ERR Parameter `numFields` should be greater than 0"u8, out int first))
        {
            return;
        }

        for (int i = first; i < call.Args.Count; i++)
        {
            ReadOnlySpan<byte> field = call.Args[i];
            if (!hash.TryGet(field, out _, out long old))
            {
                call.Reply.Integer(NoField);
            }
            else if (!ExpiryMutation.Allows(conditions, old, time))
            {
                call.Reply.Integer(Refused);
            }
            else
            {
                call.Reply.Integer(HashFields.SetTime(hash, field, time) ? Done : Removed);
            }
        }
    }

    private static void ReplyTimes(in Call call, bool inSeconds, bool absolute)
    {
        FieldMap hash = call.Engine.Hash;
        if (!CollectionCalls.TryRead(call, hash)
            || !HashFields.TryCount(call, 2, HashFields.NotPositive, out int first))
        {
            return;
        }

        for (int i = first; i < call.Args.Count; i++)
        {
            bool found = hash.TryGet(call.Args[i], out _, out long time);
            long shown = absolute ? time : time - hash.Now;
            call.Reply.Integer(
                !found ? NoField
                : time == FieldTimes.Never ? NoTime
                : inSeconds ? (shown + PerSecond - 1) / PerSecond
                : shown);
        }
    }
}
