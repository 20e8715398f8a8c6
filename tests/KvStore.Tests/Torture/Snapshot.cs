using KvStore.Demo;

namespace KvStore.Tests.Torture;

/// <summary>Reads what a server holds, and holds its answers against each other.</summary>
internal static class Snapshot
{
    private const int KeysInFlight = 256;

    /// <summary>The entries of some keys in both databases, by GET, PEXPIRETIME, EXISTS and STRLEN.</summary>
    public static Dictionary<string, Entry> Take(RespClient client, IEnumerable<string> keys)
    {
        var found = new Dictionary<string, Entry>();
        for (int database = 0; database < Oracle.Databases; database++)
        {
            client.Call("SELECT", database);
            Take(client, keys, database, found);
        }

        return found;
    }

    private static void Take(
        RespClient client, IEnumerable<string> keys, int database, Dictionary<string, Entry> found)
    {
        foreach (string[] chunk in keys.Chunk(KeysInFlight))
        {
            foreach (string key in chunk)
            {
                client.Add("GET", key);
                client.Add("PEXPIRETIME", key);
                client.Add("EXISTS", key);
                client.Add("STRLEN", key);
            }

            client.Flush();
            foreach (string key in chunk)
            {
                RespReply value = client.Read(), expiry = client.Read(), exists = client.Read(), length = client.Read();
                if (value.IsError
                    || expiry.Kind != RespKind.Integer
                    || exists.Integer != (value.IsNull ? 0 : 1)
                    || expiry.Integer < (value.IsNull ? -2 : -1)
                    || (value.IsNull && expiry.Integer != -2)
                    || length.Integer != (value.Bytes?.Length ?? 0))
                {
                    throw new TortureException($"For {key}, GET says {value}, PEXPIRETIME {expiry}, EXISTS {exists}, " +
                        $"STRLEN {length}: that does not fit together.");
                }

                if (value.Bytes is not null)
                {
                    Instant? at = expiry.Integer < 0 ? null : Instant.Exactly(expiry.Integer);
                    found.Add(Oracle.Name(database, key), new Entry(value.Bytes, at));
                }
            }
        }
    }

    /// <summary>Throws where DBSIZE, SCAN or KEYS of a database do not tell exactly these keys.</summary>
    public static void RequireExactly(RespClient client, IReadOnlySet<string> names)
    {
        for (int database = 0; database < Oracle.Databases; database++)
        {
            client.Call("SELECT", database);
            RequireExactly(client, database, names.Where(name => Oracle.DatabaseOf(name) == database).ToHashSet());
        }
    }

    private static void RequireExactly(RespClient client, int database, HashSet<string> keys)
    {
        RespReply size = client.Call("DBSIZE");
        if (size.Integer != keys.Count)
        {
            throw new TortureException($"DBSIZE says {size}, but GET finds {keys.Count} keys.");
        }

        var scanned = new HashSet<string>();
        string cursor = "0";
        int calls = 0;
        do
        {
            RespReply reply = client.Call("SCAN", cursor, "COUNT", 500);
            if (reply.Items is not [var next, { Items: { } items }] || ++calls > keys.Count + 100_000)
            {
                throw new TortureException($"SCAN {cursor} answers {reply} after {calls} calls.");
            }

            cursor = next.Text;
            scanned.UnionWith(items.Select(i => Oracle.Name(database, i.Text)));
        }
        while (cursor != "0");

        Compare("SCAN", scanned);
        Compare("KEYS", [.. client.Call("KEYS", "*").Items!.Select(i => Oracle.Name(database, i.Text))]);

        void Compare(string who, HashSet<string> told)
        {
            if (!told.SetEquals(keys))
            {
                throw new TortureException($"{who} does not tell {string.Join(", ", keys.Except(told).Take(10))}; it " +
                    $"tells too much: {string.Join(", ", told.Except(keys).Take(10))}.");
            }
        }
    }
}
