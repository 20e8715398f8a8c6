using KvStore.Demo;

namespace KvStore.Tests.Torture;

internal sealed partial class Oracle
{
    private RespReply Rename(byte[] from, byte[] to, bool onlyIfNone)
    {
        if (Find(from) is not { } entry)
        {
            return Error("ERR no such key");
        }

        if (onlyIfNone && Find(to) is not null)
        {
            return Zero;
        }

        Delete(from, Ok);
        return Put(to, entry, onlyIfNone ? One : Ok);
    }

    private RespReply Copy(byte[][] a)
    {
        bool replace = a.Length > 3 && Text(a[3]) == "REPLACE";
        return Find(a[1]) is not { } entry || (Find(a[2]) is not null && !replace) ? Zero : Put(a[2], entry, One);
    }

    private RespReply Persist(byte[] key) =>
        Find(key) is { Expiry: not null } entry ? Put(key, entry with { Expiry = null }, One) : Zero;

    private RespReply Expire(byte[][] a, Instant expiry, Instant now)
    {
        if (Find(a[1]) is not { } entry)
        {
            return Zero;
        }

        bool allowed = a.Length == 3 || Text(a[3]) switch
        {
            "NX" => entry.Expiry is null,
            "XX" => entry.Expiry is not null,
            "GT" => entry.Expiry is { } old && expiry.IsAfter(old),
            "LT" => entry.Expiry is not { } old || old.IsAfter(expiry),
            var other => throw new NotSupportedException($"The oracle does not know the option {other}."),
        };
        return !allowed ? Zero
            : expiry.Earliest > now.Earliest ? Put(a[1], entry with { Expiry = expiry }, One)
            : Delete(a[1], One);
    }
}
