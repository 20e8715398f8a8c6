using System.Text;
using KvStore.Protocol;
using KvStore.Session;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>CLIENT TRACKING and its kin: caches that clients keep of what they read.</summary>
internal static class ClientTracking
{
    /// <summary>Those of CLIENT's subcommands.</summary>
    public static Command[] Subcommands =>
    [
        new("client|tracking", -3, NoScript, KeySpec.None, Tracking)
            { Since = "6.0.0", Summary = "Enable or disable server assisted client side caching support" },
        new("client|caching", 3, NoScript, KeySpec.None, Caching)
        {
            Since = "6.0.0",
            Summary = "Instruct the server about tracking or not keys in the next request",
        },
        new("client|trackinginfo", 2, NoScript, KeySpec.None, TrackingInfo)
        {
            Since = "6.2.0",
            Summary = "Return information about server assisted client side caching for the current connection",
        },
        new("client|getredir", 2, NoScript, KeySpec.None, GetRedir)
            { Since = "6.0.0", Summary = "Get tracking notifications redirection client ID if any" },
    ];

    public static void Tracking(in Call call)
    {
        if (!TryOptions(call, out CacheTracking? tracking))
        {
            return;
        }

        if (call.Args.Is(2, "on"u8))
        {
            if (Conflict(tracking!, call.Session.Tracking) is { } problem)
            {
                call.Reply.Error(problem);
                return;
            }

            if (tracking!.Broadcasts)
            {
                // It keeps the prefixes that it listens for already.
                tracking.Prefixes.AddRange(call.Session.Tracking?.Prefixes ?? []);
                if (tracking.Prefixes.Count == 0)
                {
                    tracking.Prefixes.Add([]);
                }
            }

            call.Engine.Tracking.Enable(call.Session, tracking);
        }
        else if (call.Args.Is(2, "off"u8))
        {
            call.Engine.Tracking.Disable(call.Session);
        }
        else
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }

        call.Reply.Ok();
    }

    public static void Caching(in Call call)
    {
        CacheTracking? tracking = call.Session.Tracking;
        bool yes = call.Args.Is(2, "yes"u8);
        if (tracking is null)
        {
            call.Reply.Error(
                "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "u8
                + "OPTOUT mode enabled"u8);
        }
        else if (!yes && !call.Args.Is(2, "no"u8))
        {
            call.Reply.Error(Errors.Syntax);
        }
        else if (yes ? !tracking.OptIn : !tracking.OptOut)
        {
            string word = yes ? "YES" : "NO";
            string mode = yes ? "OPTIN" : "OPTOUT";
            call.Reply.Error($"ERR CLIENT CACHING {word} is only valid when tracking is enabled in {mode} mode.");
        }
        else
        {
            tracking.CachingSaid = true;
            call.Reply.Ok();
        }
    }

    public static void TrackingInfo(in Call call)
    {
        CacheTracking? tracking = call.Session.Tracking;
        call.Reply.Map(3);
        call.Reply.Bulk("flags"u8);
        string[] flags = Flags(tracking);
        call.Reply.Set(flags.Length);
        foreach (string flag in flags)
        {
            call.Reply.Bulk(flag);
        }

        call.Reply.Bulk("redirect"u8);
        call.Reply.Integer(tracking?.RedirectTo ?? -1);
        call.Reply.Bulk("prefixes"u8);
        byte[][] prefixes = [.. (tracking?.Prefixes ?? []).Order(ByteOrder.Instance)];
        call.Reply.Array(prefixes.Length);
        foreach (byte[] prefix in prefixes)
        {
            call.Reply.Bulk(prefix);
        }
    }

    public static void GetRedir(in Call call) => call.Reply.Integer(call.Session.Tracking?.RedirectTo ?? -1);

    private static string[] Flags(CacheTracking? tracking)
    {
        if (tracking is null)
        {
            return ["off"];
        }

        List<string> flags = ["on"];
        Add(tracking.Broadcasts, "bcast");
        Add(tracking.OptIn, "optin");
        Add(tracking is { OptIn: true, CachingSaid: true }, "caching-yes");
        Add(tracking.OptOut, "optout");
        Add(tracking is { OptOut: true, CachingSaid: true }, "caching-no");
        Add(tracking.NoLoop, "noloop");
        Add(tracking.IsRedirectBroken, "broken_redirect");
        return [.. flags];

        void Add(bool isSo, string flag)
        {
            if (isSo)
            {
                flags.Add(flag);
            }
        }
    }

    private static bool TryOptions(in Call call, out CacheTracking? tracking)
    {
        tracking = null;
        bool broadcasts = false;
        bool optIn = false;
        bool optOut = false;
        bool noLoop = false;
        long redirect = 0;
        List<byte[]> prefixes = [];
        for (int i = 3; i < call.Args.Count; i++)
        {
            bool hasMore = i + 1 < call.Args.Count;
            broadcasts |= call.Args.Is(i, "bcast"u8);
            optIn |= call.Args.Is(i, "optin"u8);
            optOut |= call.Args.Is(i, "optout"u8);
            noLoop |= call.Args.Is(i, "noloop"u8);
            if (call.Args.Is(i, "redirect"u8) && hasMore)
            {
                if (!TryRedirect(call, ++i, ref redirect))
                {
                    return false;
                }
            }
            else if (call.Args.Is(i, "prefix"u8) && hasMore)
            {
                prefixes.Add(call.Args[++i].ToArray());
            }
            else if (!IsFlag(call, i))
            {
                call.Reply.Error(Errors.Syntax);
                return false;
            }
        }

        tracking = new CacheTracking(call.Session.Id)
        {
            Broadcasts = broadcasts,
            OptIn = optIn,
            OptOut = optOut,
            NoLoop = noLoop,
            RedirectTo = redirect,
            Prefixes = prefixes,
        };
        return true;
    }

    private static bool IsFlag(in Call call, int index) =>
        call.Args.Is(index, "bcast"u8) || call.Args.Is(index, "optin"u8) || call.Args.Is(index, "optout"u8)
        || call.Args.Is(index, "noloop"u8);

    private static bool TryRedirect(in Call call, int index, ref long redirect)
    {
        if (redirect != 0)
        {
            call.Reply.Error("ERR A client can only redirect to a single other client"u8);
            return false;
        }

        if (!call.TryInteger(index, out redirect))
        {
            return false;
        }

        if (call.Engine.Server.FindSession(redirect) is null)
        {
            call.Reply.Error("ERR The client ID you want redirect to does not exist"u8);
            return false;
        }

        return true;
    }

    /// <summary>Why options do not go together, or not with what is; null where they do.</summary>
    private static string? Conflict(CacheTracking tracking, CacheTracking? before)
    {
        const string switching = "disabling tracking for this client, and then re-enabling it with a different mode.";
        return !tracking.Broadcasts && tracking.Prefixes.Count > 0
                ? "ERR PREFIX option requires BCAST mode to be enabled"
            : before is not null && before.Broadcasts != tracking.Broadcasts
                ? $"ERR You can't switch BCAST mode on/off before {switching}"
            : tracking.Broadcasts && (tracking.OptIn || tracking.OptOut)
                ? "ERR OPTIN and OPTOUT are not compatible with BCAST"
            : tracking is { OptIn: true, OptOut: true } ? "ERR You can't specify both OPTIN mode and OPTOUT mode"
            : before is not null && ((tracking.OptIn && before.OptOut) || (tracking.OptOut && before.OptIn))
                ? $"ERR You can't switch OPTIN/OPTOUT mode before {switching}"
            : Overlap(tracking.Prefixes, before?.Prefixes ?? []);
    }

    // In order, what overlaps with anything overlaps with a neighbour: between a prefix and what begins with it lies
    // nothing that does not begin with it. Those of before, which have no place among the new ones, do not overlap.
    private static string? Overlap(List<byte[]> prefixes, List<byte[]> before)
    {
        (byte[] Bytes, int Place)[] all =
        [
            .. before.Select(prefix => (prefix, -1)).Concat(prefixes.Select((prefix, i) => (prefix, i)))
                .OrderBy(it => it.prefix, ByteOrder.Instance),
        ];
        for (int i = 1; i < all.Length; i++)
        {
            ((byte[] Bytes, int Place) one, (byte[] Bytes, int Place) other) =
                all[i - 1].Place < all[i].Place ? (all[i - 1], all[i]) : (all[i], all[i - 1]);
            if (Overlap(one.Bytes, other.Bytes))
            {
                return (one.Place < 0
                    ? $"ERR Prefix '{Show(other.Bytes)}' overlaps with an existing prefix '{Show(one.Bytes)}'. "
                    : $"ERR Prefix '{Show(one.Bytes)}' overlaps with another provided prefix '{Show(other.Bytes)}'. ")
                    + "Prefixes for a single client must not overlap.";
            }
        }

        return null;
    }

    private static bool Overlap(byte[] one, byte[] other) =>
        one.AsSpan().StartsWith(other) || other.AsSpan().StartsWith(one);

    private static string Show(byte[] prefix) => Encoding.Latin1.GetString(prefix);
}
