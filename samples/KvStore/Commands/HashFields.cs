using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>HGETDEL, HGETEX and HSETEX: fields of a hash with what becomes of them.</summary>
internal static class HashFields
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("hash",
    [
        new("hgetdel", -5, Write | Fast, KeySpec.One, HGetDel)
        {
            KeyAccess = KeyAccess.ReadWrite,
            Event = "hdel",
            Since = "8.0.0",
            Summary = "Returns the value of a field and deletes it from the hash.",
        },
        new("hgetex", -5, Write | Fast, KeySpec.One, HGetEx)
        {
            KeyAccess = KeyAccess.ReadWrite,
            Since = "8.0.0",
            Summary = "Get the value of one or more fields of a given hash key, and optionally set their expiration.",
        },
        new("hsetex", -6, Write | DenyOom | Fast, KeySpec.One, HSetEx)
        {
            KeyAccess = KeyAccess.Write,
            Event = "hset",
            Since = "8.0.0",
            Summary = "Set the value of one or more fields of a given hash key, and optionally set their expiration.",
        },
    ]);

    /// <summary>Redis's latest time of a field: it keeps 48 bits, and leaves two of them free.</summary>
    public const long LatestTime = 0x0000_FFFF_FFFF_FFFE >> 2;

    private const long PerSecond = 1000;

    public static ReadOnlySpan<byte> NotPositive => "ERR Number of fields must be a positive integer"u8;

    public static void HGetDel(in Call call) =>
        CollectionCalls.Change(call, call.Engine.Hash, call.Args.Count, static (in Call call, FieldMap hash) =>
        {
            if (!TryCount(call, 2, NotPositive, out int first))
            {
                return;
            }

            for (int i = first; i < call.Args.Count; i++)
            {
                Hashes.ReplyField(call, hash, call.Args[i]);
                hash.Remove(call.Args[i]);
            }
        });

    public static void HGetEx(in Call call)
    {
        FieldMap hash = call.Engine.Hash;
        int count = call.Args.Count;
        if (CollectionCalls.TryChange(call, hash, count, GetEx, FieldMap.TimedStoresOf(count)))
        {
            bool persists = call.Args.Is(2, "persist"u8);
            bool removes = hash.Removed > 0;
            CollectionCalls.Changed(call, hash, persists ? "hpersist" : removes ? "hdel" : "hexpire");
        }
    }

    public static void HSetEx(in Call call)
    {
        if (!TryOptions(call, out SetOptions options) || !CollectionCalls.AreShort(call, options.First, 2))
        {
            return;
        }

        FieldMap hash = call.Engine.Hash;
        int count = call.Args.Count;
        if (CollectionCalls.TryChange(call, hash, count, SetEx, FieldMap.TimedStoresOf(count)))
        {
            string? second = options.Time is null ? null : hash.Removed > 0 ? "hdel" : "hexpire";
            CollectionCalls.Changed(call, hash, "hset", second);
        }
    }

    /// <summary>
    /// Reads FIELDS and the number of fields, which all others are, and begins the reply; or replies what is wrong.
    /// </summary>
    /// <param name="call">The command.</param>
    /// <param name="at">Where FIELDS has to be.</param>
    /// <param name="refusal">What to say of a number that is none.</param>
    /// <param name="first">The first field.</param>
    public static bool TryCount(in Call call, int at, ReadOnlySpan<byte> refusal, out int first)
    {
        first = at + 2;
        if (at >= call.Args.Count || !call.Args.Is(at, "fields"u8))
        {
            call.Reply.Error("ERR Mandatory argument FIELDS is missing or not at the right position"u8);
            return false;
        }

        long count = 0;
        if (at + 1 == call.Args.Count || !Numbers.TryParse(call.Args[at + 1], out count) || count < 1)
        {
            call.Reply.Error(refusal);
            return false;
        }

        if (count != call.Args.Count - first)
        {
            call.Reply.Error("ERR The `numfields` parameter must match the number of arguments"u8);
            return false;
        }

        call.Reply.Array(count);
        return true;
    }

    /// <summary>Reads a time, or replies what is wrong with it.</summary>
    /// <param name="call">The command.</param>
    /// <param name="at">Where it is.</param>
    /// <param name="inSeconds">Seconds, or milliseconds.</param>
    /// <param name="from">What it is counted from.</param>
    /// <param name="time">Milliseconds since 1970.</param>
    public static bool TryTime(in Call call, int at, bool inSeconds, long from, out long time)
    {
        if (!call.TryInteger(at, out time))
        {
            return false;
        }

        if (time < 0)
        {
            call.Reply.Error("ERR invalid expire time, must be >= 0"u8);
            return false;
        }

        if (time > LatestTime / (inSeconds ? PerSecond : 1) || (time * (inSeconds ? PerSecond : 1)) > LatestTime - from)
        {
            call.Reply.Error(Errors.InvalidExpiry(call.Command.Name));
            return false;
        }

        time = (time * (inSeconds ? PerSecond : 1)) + from;
        return true;
    }

    /// <summary>Has a field expire then; false where that is past, and it went.</summary>
    public static bool SetTime(FieldMap hash, ReadOnlySpan<byte> field, long time)
    {
        if (time <= hash.Now)
        {
            hash.Remove(field);
            return false;
        }

        hash.SetTime(field, time);
        return true;
    }

    private static void GetEx(in Call call, FieldMap hash)
    {
        bool persists = call.Args.Is(2, "persist"u8);
        bool timed = TryUnit(call, 2, out bool inSeconds, out bool absolute);
        long time = FieldTimes.Never;
        if ((timed && !TryTime(call, 3, inSeconds, absolute ? 0 : hash.Now, out time))
            || !TryCount(call, timed ? 4 : persists ? 3 : 2, NotPositive, out int first))
        {
            return;
        }

        for (int i = first; i < call.Args.Count; i++)
        {
            ReadOnlySpan<byte> field = call.Args[i];
            Hashes.ReplyField(call, hash, field);
            if (hash.TryGet(field, out _, out long old) && (timed || (persists && old != FieldTimes.Never)))
            {
                if (persists)
                {
                    hash.SetTime(field, FieldTimes.Never);
                }
                else
                {
                    SetTime(hash, field, time);
                }
            }
        }
    }

    private static void SetEx(in Call call, FieldMap hash)
    {
        bool may = TryOptions(call, out SetOptions options); // they were looked at before
        for (int i = options.First; may && options.Exists is not null && i < call.Args.Count; i += 2)
        {
            may = hash.TryGet(call.Args[i], out _) == options.Exists;
        }

        for (int i = options.First; may && i < call.Args.Count; i += 2)
        {
            hash.Set(call.Args[i], call.Args[i + 1], options.Keeps);
            if (options.Time is { } time)
            {
                SetTime(hash, call.Args[i], time);
            }
        }

        call.Reply.Integer(may ? 1 : 0);
    }

    private static bool TryUnit(in Call call, int at, out bool inSeconds, out bool absolute)
    {
        absolute = call.Args.Is(at, "exat"u8) || call.Args.Is(at, "pxat"u8);
        inSeconds = call.Args.Is(at, "ex"u8) || call.Args.Is(at, "exat"u8);
        return absolute || inSeconds || call.Args.Is(at, "px"u8);
    }

    private static bool TryOptions(in Call call, out SetOptions options)
    {
        options = default;
        for (int i = 2; i < call.Args.Count; i++)
        {
            bool exists = call.Args.Is(i, "fxx"u8);
            bool keeps = call.Args.Is(i, "keepttl"u8);
            if (call.Args.Is(i, "fields"u8))
            {
                options.First = i + 2;
                return TryPairs(call, i + 1);
            }

            if (exists || call.Args.Is(i, "fnx"u8))
            {
                if (options.Exists is not null)
                {
                    call.Reply.Error("ERR Only one of FXX or FNX arguments can be specified"u8);
                    return false;
                }

                options.Exists = exists;
                continue;
            }

            bool timed = TryUnit(call, i, out bool inSeconds, out bool absolute);
            if (!keeps && !timed)
            {
                call.Reply.Error($"ERR unknown argument: {call.Args.Shown(i)}");
                return false;
            }

            if (!TryTimeOption(call, ref options, keeps, ref i, inSeconds, absolute))
            {
                return false;
            }
        }

        call.Reply.Error(Errors.Arity(call.Command.Name));
        return false;
    }

    private static bool TryTimeOption(
        in Call call, ref SetOptions options, bool keeps, ref int i, bool inSeconds, bool absolute)
    {
        if (options.Keeps || options.Time is not null)
        {
            call.Reply.Error("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"u8);
            return false;
        }

        options.Keeps = keeps;
        if (keeps)
        {
            return true;
        }

        if (++i == call.Args.Count)
        {
            call.Reply.Error("ERR missing expire time"u8);
            return false;
        }

        bool isTime = TryTime(call, i, inSeconds, absolute ? 0 : WallClock.Milliseconds, out long time);
        options.Time = time;
        return isTime;
    }

    private static bool TryPairs(in Call call, int at)
    {
        int rest = call.Args.Count - at - 1;
        if (rest < 2)
        {
            call.Reply.Error(Errors.Arity(call.Command.Name));
            return false;
        }

        if (!Numbers.TryParse(call.Args[at], out long count) || count is < 1 or > int.MaxValue)
        {
            call.Reply.Error("ERR invalid number of fields"u8);
            return false;
        }

        if (rest != count * 2)
        {
            call.Reply.Error(Errors.Arity(call.Command.Name));
            return false;
        }

        return true;
    }

    private struct SetOptions
    {
        /// <summary>Where the first field is.</summary>
        public int First { get; set; }

        /// <summary>Whether all fields have to be there, or none; null: neither.</summary>
        public bool? Exists { get; set; }

        public bool Keeps { get; set; }

        public long? Time { get; set; }
    }
}
