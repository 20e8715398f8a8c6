using GuestMemFs;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>SET with its options, and the older commands that are a SET with one of them.</summary>
internal static class StringSets
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("string",
    [
        new("set", -3, Write | DenyOom, KeySpec.One, Set)
            { ReadsWithGet = true, Since = "1.0.0", Summary = "Set the string value of a key" },
        new("setnx", 3, Write | DenyOom | Fast, KeySpec.One, SetNx)
            { Event = "set", Since = "1.0.0", Summary = "Set the value of a key, only if the key does not exist" },
        new("setex", 4, Write | DenyOom, KeySpec.One, SetEx)
            { Event = "set", Since = "2.0.0", Summary = "Set the value and expiration of a key" },
        new("psetex", 4, Write | DenyOom, KeySpec.One, PSetEx)
            { Event = "set", Since = "2.6.0", Summary = "Set the value and expiration in milliseconds of a key" },
        new("getset", 3, Write | DenyOom | Fast, KeySpec.One, GetSet)
        {
            Event = "set",
            KeyAccess = KeyAccess.ReadWrite,
            Since = "1.0.0",
            Summary = "Set the string value of a key and return its old value",
        },
        new("getex", -2, Write | Fast, KeySpec.One, GetEx)
        {
            KeyAccess = KeyAccess.ReadWrite,
            Since = "6.2.0",
            Summary = "Get the value of a key and optionally set its expiration",
        },
    ]);

    public static void Set(in Call call)
    {
        if (call.Args.Count == 3)
        {
            var plain = new SetMutation(call.Args[2]);
            SetMutation.Run(call, call.Key, ref plain);
            call.Changed(call.Key);
            call.Reply.Ok();
        }
        else
        {
            SetWithOptions(call);
        }
    }

    private static void SetWithOptions(in Call call)
    {
        if (!SetOptions.TryParse(call, 3, forSet: true, out SetOptions options))
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }

        if (!options.TryExpiry(call, out long expiresAt))
        {
            return;
        }

        var mutation = new SetMutation(call.Args[2])
        {
            ExpiresAt = expiresAt,
            KeepExpiry = options.KeepTtl,
            IfAbsent = options.IfAbsent,
            IfPresent = options.IfPresent,
            OldValue = options.Get ? call.Reply : null,
        };
        SetMutation.Run(call, call.Key, ref mutation);
        if (mutation.Done)
        {
            call.Changed(call.Key);
            if (expiresAt != RecordView.NoExpiry)
            {
                call.Published(call.Key, KeyEvents.Generic, "expire");
            }
        }

        if (options.Get)
        {
            call.Looked(mutation.Found);
            return;
        }

        if (mutation.Done)
        {
            call.Reply.Ok();
        }
        else
        {
            call.Reply.Null();
        }
    }

    public static void SetNx(in Call call)
    {
        var mutation = new SetMutation(call.Args[2]) { IfAbsent = true };
        call.Keys.Mutate(call.Key, ref mutation);
        if (mutation.Done)
        {
            call.Changed(call.Key);
        }

        call.Reply.Integer(mutation.Done ? 1 : 0);
    }

    public static void SetEx(in Call call) => SetWithExpiry(call, inSeconds: true);

    public static void PSetEx(in Call call) => SetWithExpiry(call, inSeconds: false);

    public static void GetSet(in Call call)
    {
        var mutation = new SetMutation(call.Args[2]) { OldValue = call.Reply };
        SetMutation.Run(call, call.Key, ref mutation);
        call.Looked(mutation.Found);
        if (mutation.Done)
        {
            call.Changed(call.Key);
        }
    }

    public static void GetEx(in Call call)
    {
        if (!SetOptions.TryParse(call, 2, forSet: false, out SetOptions options))
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }

        // A key that is missing or of another type answers before a bad time does.
        if (!IsString(call) || !options.TryExpiry(call, out long expiresAt))
        {
            return;
        }

        if (options.ExpiryArgument == 0 && !options.Persist)
        {
            Strings.Get(call);
        }
        else
        {
            GetAndExpire(call, expiresAt, options.Persist);
        }
    }

    /// <summary>True where the key is a string's; replied where it is not.</summary>
    private static bool IsString(in Call call)
    {
        var facts = default(FactsReader);
        bool found = call.Keys.TryRead(call.Key, ref facts);
        if (found && facts.Type == RecordType.String)
        {
            return true;
        }

        call.Looked(found);
        if (found)
        {
            call.Reply.Error(Errors.WrongType);
        }
        else
        {
            call.Reply.Null();
        }

        return false;
    }

    private static void GetAndExpire(in Call call, long expiresAt, bool persist)
    {
        // The change may find no room, and a large value that was written cannot be taken back; but what has expired
        // cannot be read any more.
        var mutation = new ExpiryMutation { At = expiresAt, Now = WallClock.Milliseconds };
        bool expires = expiresAt != RecordView.NoExpiry && expiresAt <= mutation.Now;
        if (expires)
        {
            Strings.Get(call);
        }

        ExpiryMutation.Run(call, ref mutation);
        if (mutation.Done)
        {
            call.Changed(call.Key, KeyEvents.Generic, expires ? "del" : persist ? "persist" : "expire");
        }

        if (!expires)
        {
            Strings.Get(call);
        }
    }

    private static void SetWithExpiry(in Call call, bool inSeconds)
    {
        if (!Expiry.TryParse(call, 2, inSeconds, absolute: false, out long expiresAt))
        {
            return;
        }

        var mutation = new SetMutation(call.Args[3]) { ExpiresAt = expiresAt };
        SetMutation.Run(call, call.Key, ref mutation);
        call.Changed(call.Key);
        call.Published(call.Key, KeyEvents.Generic, "expire");
        call.Reply.Ok();
    }
}

/// <summary>The options of SET and GETEX.</summary>
internal ref struct SetOptions
{
    public bool IfAbsent { get; private set; }

    public bool IfPresent { get; private set; }

    public bool Get { get; private set; }

    public bool KeepTtl { get; private set; }

    public bool Persist { get; private set; }

    /// <summary>Which argument is the time; 0: none.</summary>
    public int ExpiryArgument { get; private set; }

    public bool InSeconds { get; private set; }

    public bool Absolute { get; private set; }

    /// <summary>False for a syntax error.</summary>
    public static bool TryParse(in Call call, int first, bool forSet, out SetOptions options)
    {
        options = default;
        for (int i = first; i < call.Args.Count; i++)
        {
            bool timed = options.ExpiryArgument > 0;
            SetOptions before = options;
            if (forSet && call.Args.Is(i, "nx"u8) && !options.IfPresent)
            {
                options.IfAbsent = true;
            }
            else if (forSet && call.Args.Is(i, "xx"u8) && !options.IfAbsent)
            {
                options.IfPresent = true;
            }
            else if (forSet && call.Args.Is(i, "get"u8))
            {
                options.Get = true;
            }
            else if (forSet && call.Args.Is(i, "keepttl"u8) && !timed)
            {
                options.KeepTtl = true;
            }
            else if (!forSet && call.Args.Is(i, "persist"u8) && !timed)
            {
                options.Persist = true;
            }
            else if (!options.KeepTtl && !options.Persist && i + 1 < call.Args.Count && options.TryUnit(call, i)
                && (!timed || options.HasUnitOf(before)))
            {
                // The same unit twice is allowed, and the later one counts.
                options.ExpiryArgument = ++i;
            }
            else
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The time that the options name; none where they do not. Replied where it is wrong.</summary>
    public readonly bool TryExpiry(in Call call, out long expiresAt)
    {
        expiresAt = RecordView.NoExpiry;
        return ExpiryArgument == 0 || Expiry.TryParse(call, ExpiryArgument, InSeconds, Absolute, out expiresAt);
    }

    private readonly bool HasUnitOf(in SetOptions other) => InSeconds == other.InSeconds && Absolute == other.Absolute;

    private bool TryUnit(in Call call, int index)
    {
        bool seconds = call.Args.Is(index, "ex"u8) || call.Args.Is(index, "exat"u8);
        if (!seconds && !call.Args.Is(index, "px"u8) && !call.Args.Is(index, "pxat"u8))
        {
            return false;
        }

        InSeconds = seconds;
        Absolute = call.Args[index].Length == 4;
        return true;
    }
}
