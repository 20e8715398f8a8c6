using System.Globalization;

namespace KvStore.Tests.Commands;

/// <summary>Hashes whose fields expire, as simple as can be: what a command replies, and what is left.</summary>
internal sealed class FieldModel
{
    private const long None = 0;

    private readonly Dictionary<string, Dictionary<string, Field>> _keys = new(StringComparer.Ordinal);

    /// <summary>Milliseconds since 1970.</summary>
    public long Now { get; set; }

    /// <summary>The reply's bytes.</summary>
    public string Run(string[] args)
    {
        foreach ((string key, Dictionary<string, Field> hash) in _keys.ToArray())
        {
            Keep(key, hash.Where(it => it.Value.At == None || it.Value.At > Now));
        }

        Dictionary<string, Field> fields =
            _keys.TryGetValue(args[1], out Dictionary<string, Field>? found) ? found : new(StringComparer.Ordinal);
        string reply = args[0] switch
        {
            "RENAME" or "COPY" => Move(args, fields),
            "DEL" => Number(_keys.Remove(args[1]) ? 1 : 0),
            _ => Run(args, fields),
        };
        if (args[0] is not ("RENAME" or "COPY" or "DEL"))
        {
            Keep(args[1], fields);
        }

        return reply;
    }

    private static string Number(long value) => $":{value}\r\n";

    private static string Bulk(string? value) => value is null ? "$-1\r\n" : $"${value.Length}\r\n{value}\r\n";

    private static string Array(IEnumerable<string> replies)
    {
        string[] all = [.. replies];
        return $"*{all.Length}\r\n{string.Concat(all)}";
    }

    private string Run(string[] args, Dictionary<string, Field> fields)
    {
        string[] rest = args[2..];
        int at = System.Array.IndexOf(args, "FIELDS");
        string[] named = at < 0 ? [] : args[(at + 2)..];
        return args[0] switch
        {
            "HSET" => Number(Set(fields, rest, _ => None)),
            "HSETNX" => Number(fields.ContainsKey(args[2]) ? 0 : Set(fields, rest, _ => None)),
            "HINCRBY" => Increment(fields, args[2], args[3]),
            "HGET" => Bulk(Value(fields, args[2])),
            "HMGET" => Array(rest.Select(it => Bulk(Value(fields, it)))),
            "HLEN" => Number(fields.Count),
            "HEXISTS" => Number(fields.ContainsKey(args[2]) ? 1 : 0),
            "HSTRLEN" => Number(Value(fields, args[2])?.Length ?? 0),
            "HGETALL" => Array(fields.SelectMany(it => new[] { Bulk(it.Key), Bulk(it.Value.Value) })),
            "HKEYS" => Array(fields.Keys.Select(Bulk)),
            "HSCAN" => $"*2\r\n{Bulk("0")}" + Run(["HGETALL", args[1]], fields),
            "HRANDFIELD" => Run(["HKEYS", args[1]], fields),
            "HDEL" => Number(rest.Count(fields.Remove)),
            "HGETDEL" => Array(named.Select(it => Bulk(fields.Remove(it, out Field was) ? was.Value : null))),
            "HPEXPIRE" or "HPEXPIREAT" => Array(named.Select(it => Number(Expire(args, fields, it)))),
            "HPERSIST" => Array(named.Select(it => Number(Persist(fields, it)))),
            "HPTTL" => Array(named.Select(it => Number(Time(fields, it, Now)))),
            "HPEXPIRETIME" => Array(named.Select(it => Number(Time(fields, it, 0)))),
            "HGETEX" => Array(named.Select(it => Bulk(GetEx(args, fields, it)))),
            "HSETEX" => SetEx(args, fields, named),
            _ => throw new ArgumentOutOfRangeException(nameof(args)),
        };
    }

    private string Move(string[] args, Dictionary<string, Field> fields)
    {
        if (args[0] == "COPY" && args[1] == args[2])
        {
            return "-ERR source and destination objects are the same\r\n";
        }

        if (fields.Count == 0)
        {
            return args[0] == "COPY" ? Number(0) : "-ERR no such key\r\n";
        }

        if (args[1] != args[2])
        {
            Keep(args[2], fields);
        }

        if (args[0] == "RENAME" && args[1] != args[2])
        {
            _keys.Remove(args[1]);
        }

        return args[0] == "COPY" ? Number(1) : "+OK\r\n";
    }

    private void Keep(string key, IEnumerable<KeyValuePair<string, Field>> fields)
    {
        _keys[key] = new Dictionary<string, Field>(fields, StringComparer.Ordinal);
        if (_keys[key].Count == 0)
        {
            _keys.Remove(key);
        }
    }

    private static string? Value(Dictionary<string, Field> fields, string field) =>
        fields.TryGetValue(field, out Field found) ? found.Value : null;

    private static int Set(Dictionary<string, Field> fields, string[] pairs, Func<string, long> time)
    {
        int added = 0;
        for (int i = 0; i < pairs.Length; i += 2)
        {
            long at = time(pairs[i]);
            added += fields.ContainsKey(pairs[i]) ? 0 : 1;
            fields[pairs[i]] = new Field(pairs[i + 1], at);
        }

        return added;
    }

    private static string Increment(Dictionary<string, Field> fields, string field, string by)
    {
        fields.TryGetValue(field, out Field old);
        CultureInfo plain = CultureInfo.InvariantCulture;
        if (!long.TryParse(old.Value ?? "0", NumberStyles.AllowLeadingSign, plain, out long value))
        {
            return "-ERR hash value is not an integer\r\n";
        }

        value += long.Parse(by, plain);
        fields[field] = new Field(value.ToString(plain), old.At);
        return Number(value);
    }

    private long Expire(string[] args, Dictionary<string, Field> fields, string field)
    {
        if (!fields.TryGetValue(field, out Field old))
        {
            return -2;
        }

        long at = long.Parse(args[2], CultureInfo.InvariantCulture) + (args[0] == "HPEXPIRE" ? Now : 0);
        bool may = args[3] switch
        {
            "NX" => old.At == None,
            "XX" => old.At != None,
            "GT" => old.At != None && at > old.At,
            "LT" => old.At == None || at < old.At,
            _ => true,
        };
        return !may ? 0 : Put(fields, field, at) ? 1 : 2;
    }

    private bool Put(Dictionary<string, Field> fields, string field, long at)
    {
        if (at <= Now)
        {
            fields.Remove(field);
            return false;
        }

        fields[field] = new Field(fields[field].Value, at);
        return true;
    }

    private static long Persist(Dictionary<string, Field> fields, string field)
    {
        if (!fields.TryGetValue(field, out Field old))
        {
            return -2;
        }

        fields[field] = new Field(old.Value, None);
        return old.At == None ? -1 : 1;
    }

    private static long Time(Dictionary<string, Field> fields, string field, long from) =>
        !fields.TryGetValue(field, out Field it) ? -2 : it.At == None ? -1 : it.At - from;

    private string? GetEx(string[] args, Dictionary<string, Field> fields, string field)
    {
        string? value = Value(fields, field);
        if (value is not null && args[2] == "PERSIST")
        {
            Persist(fields, field);
        }
        else if (value is not null && args[2] is "PX" or "PXAT")
        {
            Put(fields, field, long.Parse(args[3], CultureInfo.InvariantCulture) + (args[2] == "PX" ? Now : 0));
        }

        return value;
    }

    private string SetEx(string[] args, Dictionary<string, Field> fields, string[] pairs)
    {
        string[] named = [.. pairs.Where((_, i) => i % 2 == 0)];
        if ((args.Contains("FNX") && named.Any(fields.ContainsKey))
            || (args.Contains("FXX") && !named.All(fields.ContainsKey)))
        {
            return Number(0);
        }

        bool keeps = args.Contains("KEEPTTL");
        int timed = System.Array.FindIndex(args, 2, it => it is "PX" or "PXAT");
        for (int i = 0; i < pairs.Length; i += 2)
        {
            fields.TryGetValue(pairs[i], out Field old);
            fields[pairs[i]] = new Field(pairs[i + 1], keeps ? old.At : None);
            if (timed > 0)
            {
                Put(fields, pairs[i],
                    long.Parse(args[timed + 1], CultureInfo.InvariantCulture) + (args[timed] == "PX" ? Now : 0));
            }
        }

        return Number(1);
    }

    private readonly record struct Field(string Value, long At);
}
