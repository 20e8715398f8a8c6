using GuestMemFs;
using KvStore.Engine;
using KvStore.Protocol;

namespace KvStore.Commands;

/// <summary>What RESTORE has behind the payload.</summary>
internal readonly record struct RestoreOptions
{
    private const int Payload = 3;
    private const long Unset = -1;

    /// <summary>True where what the key has may go.</summary>
    public bool Replaces { get; private init; }

    /// <summary>True where the time is one of the clock, and not how long the key lives.</summary>
    private bool IsAbsolute { get; init; }

    private long IdleSeconds { get; init; }

    private long Frequency { get; init; }

    /// <summary>Reads them, or replies what is wrong.</summary>
    public static bool TryParse(in Call call, out RestoreOptions options)
    {
        options = new RestoreOptions { IdleSeconds = Unset, Frequency = Unset };
        for (int i = Payload + 1; i < call.Args.Count; i++)
        {
            bool hasMore = i + 1 < call.Args.Count;
            if (call.Args.Is(i, "replace"u8))
            {
                options = options with { Replaces = true };
            }
            else if (call.Args.Is(i, "absttl"u8))
            {
                options = options with { IsAbsolute = true };
            }
            else if (call.Args.Is(i, "idletime"u8) && hasMore && options.Frequency == Unset)
            {
                if (!TryNumber(call, ++i, long.MaxValue, "ERR Invalid IDLETIME value, must be >= 0"u8, out long idle))
                {
                    return false;
                }

                options = options with { IdleSeconds = idle };
            }
            else if (call.Args.Is(i, "freq"u8) && hasMore && options.IdleSeconds == Unset)
            {
                if (!TryNumber(
                    call, ++i, byte.MaxValue, "ERR Invalid FREQ value, must be >= 0 and <= 255"u8, out long often))
                {
                    return false;
                }

                options = options with { Frequency = often };
            }
            else
            {
                call.Reply.Error(Errors.Syntax);
                return false;
            }
        }

        return true;
    }

    /// <summary>Reads when the key expires, or replies that it cannot.</summary>
    public bool TryTime(in Call call, out long expiresAt)
    {
        expiresAt = RecordView.NoExpiry;
        if (!TryNumber(call, 2, long.MaxValue, "ERR Invalid TTL value, must be >= 0"u8, out long time))
        {
            return false;
        }

        if (time > 0)
        {
            long now = WallClock.Milliseconds;
            expiresAt = IsAbsolute ? time : time + Math.Min(now, long.MaxValue - time);
        }

        return true;
    }

    /// <summary>Has eviction know of the key what the other server knew.</summary>
    public void Apply(in Call call)
    {
        Database database = call.Engine.Databases.Selected;
        if (IdleSeconds != Unset && !call.Engine.Options.Policy.IsLfu())
        {
            call.Engine.Evictable.FollowPolicy(needsTimes: true);
            call.Engine.Usage!.SetIdle(database, call.Key, IdleSeconds);
        }
        else if (Frequency != Unset && call.Engine.Usage is { CountsUses: true } usage)
        {
            usage.SetFrequency(database, call.Key, (byte)Frequency);
        }
    }

    private static bool TryNumber(in Call call, int index, long most, ReadOnlySpan<byte> error, out long number)
    {
        if (!call.TryInteger(index, out number))
        {
            return false;
        }

        if (number < 0 || number > most)
        {
            call.Reply.Error(error);
            return false;
        }

        return true;
    }
}
