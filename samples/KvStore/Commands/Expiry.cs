using GuestMemFs;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>EXPIRE and its family. Times are kept as wall-clock UTC, so a restart does not lengthen a life.</summary>
internal static class Expiry
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("generic",
    [
        new("expire", -3, Write | Fast, KeySpec.One, Expire)
            { Since = "1.0.0", Summary = "Set a key's time to live in seconds" },
        new("pexpire", -3, Write | Fast, KeySpec.One, PExpire)
            { Since = "2.6.0", Summary = "Set a key's time to live in milliseconds" },
        new("expireat", -3, Write | Fast, KeySpec.One, ExpireAt)
            { Since = "1.2.0", Summary = "Set the expiration for a key as a UNIX timestamp" },
        new("pexpireat", -3, Write | Fast, KeySpec.One, PExpireAt)
            { Since = "2.6.0", Summary = "Set the expiration for a key as a UNIX timestamp in milliseconds" },
        new("ttl", 2, ReadOnly | Fast | NoTouch, KeySpec.One, Ttl)
            { Since = "1.0.0", Summary = "Get the time to live for a key in seconds" },
        new("pttl", 2, ReadOnly | Fast | NoTouch, KeySpec.One, PTtl)
            { Since = "2.6.0", Summary = "Get the time to live for a key in milliseconds" },
        new("expiretime", 2, ReadOnly | Fast | NoTouch, KeySpec.One, ExpireTime)
            { Since = "7.0.0", Summary = "Get the expiration Unix timestamp for a key" },
        new("pexpiretime", 2, ReadOnly | Fast | NoTouch, KeySpec.One, PExpireTime)
            { Since = "7.0.0", Summary = "Get the expiration Unix timestamp for a key in milliseconds" },
        new("persist", 2, Write | Fast, KeySpec.One, Persist)
            { Since = "2.2.0", Summary = "Remove the expiration from a key" },
    ]);

    private const long PerSecond = 1000;

    public static void Expire(in Call call) => SetExpiry(call, inSeconds: true, absolute: false);

    public static void PExpire(in Call call) => SetExpiry(call, inSeconds: false, absolute: false);

    public static void ExpireAt(in Call call) => SetExpiry(call, inSeconds: true, absolute: true);

    public static void PExpireAt(in Call call) => SetExpiry(call, inSeconds: false, absolute: true);

    public static void Ttl(in Call call) => ReplyTime(call, inSeconds: true, absolute: false);

    public static void PTtl(in Call call) => ReplyTime(call, inSeconds: false, absolute: false);

    public static void ExpireTime(in Call call) => ReplyTime(call, inSeconds: true, absolute: true);

    public static void PExpireTime(in Call call) => ReplyTime(call, inSeconds: false, absolute: true);

    public static void Persist(in Call call)
    {
        var mutation = new ExpiryMutation { At = RecordView.NoExpiry };
        ExpiryMutation.Run(call, ref mutation);
        if (mutation.Done)
        {
            call.Changed(call.Key);
        }

        call.Reply.Integer(mutation.Done ? 1 : 0);
    }

    /// <summary>Reads the time of SET, SETEX, GETEX: must be above zero. Replies what is wrong with it.</summary>
    public static bool TryParse(in Call call, int index, bool inSeconds, bool absolute, out long at)
    {
        if (!call.TryInteger(index, out at))
        {
            return false;
        }

        if (at > 0 && TryToAbsolute(ref at, inSeconds, absolute))
        {
            return true;
        }

        call.Reply.Error(Errors.InvalidExpiry(call.Command.Name));
        return false;
    }

    private static bool TryToAbsolute(ref long at, bool inSeconds, bool absolute)
    {
        if (inSeconds)
        {
            if (at is > long.MaxValue / PerSecond or < long.MinValue / PerSecond)
            {
                return false;
            }

            at *= PerSecond;
        }

        if (absolute)
        {
            return true;
        }

        long now = WallClock.Milliseconds;
        if (at > long.MaxValue - now)
        {
            return false;
        }

        at += now;
        return true;
    }

    private static void SetExpiry(in Call call, bool inSeconds, bool absolute)
    {
        if (!TryParseConditions(call, out ExpiryConditions conditions) || !call.TryInteger(2, out long at))
        {
            return;
        }

        if (!TryToAbsolute(ref at, inSeconds, absolute))
        {
            call.Reply.Error(Errors.InvalidExpiry(call.Command.Name));
            return;
        }

        var mutation = new ExpiryMutation { At = at, Now = WallClock.Milliseconds, Conditions = conditions,
            RemoveWhenPast = true };
        ExpiryMutation.Run(call, ref mutation);
        if (mutation.Done)
        {
            call.Changed(call.Key, KeyEvents.Generic, at <= mutation.Now ? "del" : "expire");
        }

        call.Reply.Integer(mutation.Done ? 1 : 0);
    }

    /// <summary>To the nearest, and none of them overflows.</summary>
    private static long ToSeconds(long milliseconds) =>
        (milliseconds / PerSecond) + (milliseconds % PerSecond >= PerSecond / 2 ? 1 : 0);

    /// <summary>NX, XX, GT or LT as an argument; none where it is another word.</summary>
    public static ExpiryConditions ConditionAt(Arguments args, int index) =>
        args.Is(index, "nx"u8) ? ExpiryConditions.IfNone
        : args.Is(index, "xx"u8) ? ExpiryConditions.IfSome
        : args.Is(index, "gt"u8) ? ExpiryConditions.IfLater
        : args.Is(index, "lt"u8) ? ExpiryConditions.IfSooner
        : ExpiryConditions.None;

    private static bool TryParseConditions(in Call call, out ExpiryConditions conditions)
    {
        conditions = ExpiryConditions.None;
        for (int i = 3; i < call.Args.Count; i++)
        {
            ExpiryConditions one = ConditionAt(call.Args, i);
            if (one == ExpiryConditions.None)
            {
                call.Reply.Error($"ERR Unsupported option {call.Args.Shown(i)}");
                return false;
            }

            conditions |= one;
        }

        if ((conditions & ExpiryConditions.IfNone) != 0 && conditions != ExpiryConditions.IfNone)
        {
            call.Reply.Error("ERR NX and XX, GT or LT options at the same time are not compatible"u8);
            return false;
        }

        if ((conditions & (ExpiryConditions.IfLater | ExpiryConditions.IfSooner))
            == (ExpiryConditions.IfLater | ExpiryConditions.IfSooner))
        {
            call.Reply.Error("ERR GT and LT options at the same time are not compatible"u8);
            return false;
        }

        return true;
    }

    private static void ReplyTime(in Call call, bool inSeconds, bool absolute)
    {
        var facts = default(FactsReader);
        bool found = call.Keys.TryRead(call.Key, ref facts);
        call.Looked(found);
        if (!found)
        {
            call.Reply.Integer(-2);
            return;
        }

        if (facts.ExpiresAt == RecordView.NoExpiry)
        {
            call.Reply.Integer(-1);
            return;
        }

        long time = absolute ? facts.ExpiresAt : Math.Max(0, facts.ExpiresAt - WallClock.Milliseconds);
        call.Reply.Integer(inSeconds ? ToSeconds(time) : time);
    }
}

[Flags]
internal enum ExpiryConditions
{
    None = 0,
    IfNone = 1,
    IfSome = 2,
    IfLater = 4,
    IfSooner = 8,
}

/// <summary>Changes when a record expires, or removes it where that time is past.</summary>
internal struct ExpiryMutation : IRecordMutation
{
    /// <summary>The new time, or <see cref="RecordView.NoExpiry"/>.</summary>
    public long At { get; init; }

    public long Now { get; init; }

    public ExpiryConditions Conditions { get; init; }

    /// <summary>True where a time of zero or less is a time, and past.</summary>
    public bool RemoveWhenPast { get; init; }

    public bool Done { get; private set; }

    /// <summary>The number of a large collection that would go at that time; 0 for none.</summary>
    public long Collection { get; private set; }

    /// <summary>True where a large collection may go: it is noted when it does.</summary>
    public bool MayDrop { get; set; }

    /// <summary>True where the record is a long string's, which is not to be copied with each new time.</summary>
    public bool IsLong { get; private set; }

    /// <summary>True where it is copied with its bytes: no place for large ones can be made in a group.</summary>
    public bool Copies { get; set; }

    /// <summary>
    /// Changes it of the call's key, and notes first when a large collection goes. A long string becomes a large one,
    /// whose record says when, and has none of its bytes.
    /// </summary>
    public static void Run(in Call call, ref ExpiryMutation mutation)
    {
        Keyspace keyspace = call.Engine.Keyspace;
        mutation.Copies = call.Engine.InGroup && keyspace.Nested is null;
        call.Keys.Mutate(call.Key, ref mutation);
        if (mutation.IsLong)
        {
            LargeString.Convert(keyspace, call.Key);
            mutation.Copies = true;
            call.Keys.Mutate(call.Key, ref mutation);
        }

        if (mutation.Collection != 0)
        {
            keyspace.OpenNested().BeforeExpiry(mutation.Collection, WallClock.At(mutation.At));
            mutation.MayDrop = true;
            call.Keys.Mutate(call.Key, ref mutation);
        }
    }

    public RecordChange Decide(in RecordView current)
    {
        if (!current.Exists || !Allows(Conditions, current.ExpiresAt, At))
        {
            return RecordChange.None;
        }

        bool persists = At == RecordView.NoExpiry && !RemoveWhenPast;
        bool changes = persists ? current.ExpiresAt != RecordView.NoExpiry : At > Now;
        if (!Copies && changes && LargeString.IsWhole(current))
        {
            IsLong = true;
            return RecordChange.None;
        }

        if (persists)
        {
            Done = changes;
            return Done ? RecordChange.SetExpiry(RecordView.NoExpiry) : RecordChange.None;
        }

        if (!MayDrop && NestedCollections.TryGetReference(current, out long id))
        {
            Collection = id;
            return RecordChange.None;
        }

        Done = true;
        return At <= Now ? RecordChange.Remove() : RecordChange.SetExpiry(At);
    }

    public readonly void Write(in RecordView current, Span<byte> value)
    {
        // The value stays.
    }

    /// <summary>True where a time may be put in place of the present one.</summary>
    public static bool Allows(ExpiryConditions conditions, long current, long at)
    {
        bool none = current == RecordView.NoExpiry;
        return !(((conditions & ExpiryConditions.IfNone) != 0 && !none)
            || ((conditions & ExpiryConditions.IfSome) != 0 && none)
            || ((conditions & ExpiryConditions.IfLater) != 0 && (none || at <= current))
            || ((conditions & ExpiryConditions.IfSooner) != 0 && !none && at >= current));
    }
}
