using KvStore.Engine;
using KvStore.Protocol;

namespace KvStore.Commands;

/// <summary>What XCLAIM and XAUTOCLAIM say of the entries that a consumer takes over.</summary>
internal struct ClaimArguments
{
    /// <summary>How many at most; of XAUTOCLAIM.</summary>
    public long Most;

    /// <summary>The entries; of XCLAIM.</summary>
    public StreamId[] Ids { get; private set; }

    /// <summary>For how long they have to be delivered, in milliseconds.</summary>
    public long MinimumIdle { get; private set; }

    /// <summary>The time of the command, in milliseconds of the wall clock.</summary>
    public long Now { get; private set; }

    /// <summary>When they count as delivered.</summary>
    public long DeliveredAt { get; private set; }

    /// <summary>How often they count as delivered; null: once more.</summary>
    public long? Deliveries { get; private set; }

    /// <summary>True where an entry is taken that nobody has to acknowledge.</summary>
    public bool Forces { get; private set; }

    /// <summary>True where only ids are replied, and this is no delivery.</summary>
    public bool JustIds { get; set; }

    /// <summary>What the group has got at least.</summary>
    public StreamId LastId { get; private set; }

    /// <summary>Reads the least time, or replies what is wrong with it.</summary>
    public static bool TryIdle(in Call call, out ClaimArguments claim)
    {
        long now = WallClock.TimeOfDay.ToUnixTimeMilliseconds();
        claim = new ClaimArguments { Ids = [], Now = now, DeliveredAt = now };
        bool isNumber = Numbers.TryParse(call.Args[4], out long idle);
        claim.MinimumIdle = Math.Max(0, idle);
        if (!isNumber)
        {
            call.Reply.Error($"ERR Invalid min-idle-time argument for {call.Command.Name.ToUpperInvariant()}");
        }

        return isNumber;
    }

    /// <summary>Reads XCLAIM's arguments, or replies what is wrong with them.</summary>
    public static bool TryRead(in Call call, out ClaimArguments claim)
    {
        if (!TryIdle(call, out claim))
        {
            return false;
        }

        List<StreamId> ids = [];
        int at = 5;
        while (at < call.Args.Count && StreamId.TryParse(call.Args[at], 0, out StreamId id))
        {
            ids.Add(id);
            at++;
        }

        claim.Ids = [.. ids];
        for (; at < call.Args.Count; at++)
        {
            if (!claim.TryOption(call, ref at))
            {
                return false;
            }
        }

        bool isPossible = claim.DeliveredAt >= 0 && claim.DeliveredAt <= claim.Now;
        claim.DeliveredAt = isPossible ? claim.DeliveredAt : claim.Now;
        return true;
    }

    private bool TryOption(in Call call, ref int at)
    {
        bool hasMore = at + 1 < call.Args.Count;
        if (call.Args.Is(at, "force"u8) || call.Args.Is(at, "justid"u8))
        {
            Forces |= call.Args.Is(at, "force"u8);
            JustIds |= call.Args.Is(at, "justid"u8);
            return true;
        }

        if (hasMore && call.Args.Is(at, "lastid"u8))
        {
            bool isId = StreamArguments.TryId(call, ++at, out StreamId last);
            LastId = last;
            return isId;
        }

        string name = call.Args.Shown(at).ToUpperInvariant();
        if (!hasMore || name is not ("IDLE" or "TIME" or "RETRYCOUNT"))
        {
            call.Reply.Error($"ERR Unrecognized XCLAIM option '{call.Args.Shown(at)}'");
            return false;
        }

        if (!Numbers.TryParse(call.Args[++at], out long number))
        {
            call.Reply.Error($"ERR Invalid {name} option argument for XCLAIM");
            return false;
        }

        if (name == "RETRYCOUNT")
        {
            Deliveries = number >= 0 ? number : null;
        }
        else
        {
            DeliveredAt = name == "TIME" ? number : unchecked(Now - number);
        }

        return true;
    }
}
