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
        int database = Selected;
        for (int i = 3; i + 1 < a.Length; i++)
        {
            database = Text(a[i]) == "DB" ? (int)Number(a[i + 1]) : database;
        }

        return CopyTo(database, a, Text(a[^1]) == "REPLACE");
    }

    private RespReply Restore(byte[][] a, Instant now)
    {
        if (a.Length == 4 && Find(a[1]) is not null)
        {
            return Error("BUSYKEY Target key name already exists.");
        }

        long milliseconds = Number(a[2]);
        var entry = new Entry(DumpedString.Read(a[3]), milliseconds == 0 ? null : now.Plus(milliseconds));
        return Put(a[1], entry, Ok);
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
