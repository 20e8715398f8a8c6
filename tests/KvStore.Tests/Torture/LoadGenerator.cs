using System.Globalization;
using KvStore.Demo;

namespace KvStore.Tests.Torture;

/// <summary>
/// Makes the mixed load of one connection: every write command, on keys that only this connection touches. The keys are
/// of three classes, which renames and copies do not leave: byte strings, integers and decimals. Some keys are hot,
/// most are not, so that the index grows too.
/// </summary>
internal sealed class LoadGenerator(Random random, int connection)
{
    private const int HotKeys = 12;
    private const int AllKeys = 600;
    private static readonly string[] s_classes = ["s", "s", "s", "n", "n", "f"];
    private long _sequence;

    /// <summary>Every write command of the load; a test compares it with what the server says that it has.</summary>
    public static IReadOnlyList<string> WriteCommands { get; } =
    [
        "SET", "SETNX", "SETEX", "PSETEX", "GETSET", "GETDEL", "GETEX", "APPEND", "SETRANGE", "SETBIT", "INCR", "DECR",
        "INCRBY", "DECRBY",
        "INCRBYFLOAT", "MSET", "MSETNX", "DEL", "UNLINK", "RENAME", "RENAMENX", "COPY", "EXPIRE", "PEXPIRE", "EXPIREAT",
        "PEXPIREAT", "PERSIST", "MOVE", "RESTORE", "BITOP", "BITFIELD",
    ];

    /// <summary>Every key that the load of a connection may touch.</summary>
    public static IEnumerable<string> Keys(int connection) =>
        from c in s_classes.Distinct()
        from i in Enumerable.Range(0, AllKeys)
        select $"{connection}:{c}:{i}";

    public Operation Next()
    {
        int dice = random.Next(100);
        return dice < 8 ? new Operation([.. Enumerable.Range(0, FewOrMany(0, 7)).Select(_ => One())],
            IsTransaction: true)
            : dice < 14 ? new Operation([Read()], IsTransaction: false)
            : new Operation([One()], IsTransaction: false);
    }

    private Command One()
    {
        if (random.Next(30) == 0)
        {
            return Command.Of("SELECT", random.Next(2));
        }

        string name = WriteCommands[random.Next(WriteCommands.Count)];
        string c = name == "INCRBYFLOAT" ? "f"
            : name is "INCR" or "DECR" or "INCRBY" or "DECRBY" ? (random.Next(10) > 0 ? "n" : "s")
            : name is "BITOP" or "BITFIELD" ? "s"
            : name is "APPEND" or "SETRANGE" or "SETBIT" ? s_classes[random.Next(5)]
            : s_classes[random.Next(s_classes.Length)];
        string key = Key(c);
        return name switch
        {
            "SET" => Set(key),
            "SETNX" or "GETSET" => Command.Of(name, key, Value(key)),
            "SETEX" => Command.Of(name, key, Seconds(), Value(key)),
            "PSETEX" => Command.Of(name, key, Seconds() * 1000, Value(key)),
            "GETDEL" or "INCR" or "DECR" or "PERSIST" => Command.Of(name, key),
            "GETEX" => GetEx(key),
            "APPEND" => Command.Of(name, key, c == "n" ? Digits() : Small(key)),
            "SETRANGE" => Command.Of(name, key, random.Next(c == "n" ? 4 : 3_000), c == "n" ? Digits() : Small(key)),
            "SETBIT" => Command.Of(name, key, random.Next(c == "n" ? 64 : 30_000), random.Next(2)),
            "INCRBY" or "DECRBY" => Command.Of(name, key,
                random.Next(10) == 0 ? long.MaxValue - random.Next(1000) : random.Next(-1000, 1000)),
            "INCRBYFLOAT" => Command.Of(name, key, Decimal()),
            "MSET" or "MSETNX" => Command.Of([name, .. Pairs()]),
            "DEL" or "UNLINK" =>
                Command.Of([name, .. Enumerable.Range(0, random.Next(1, 5)).Select(_ => (RespArgument)AnyKey())]),
            "RENAME" or "RENAMENX" => Command.Of(name, key, Key(c)),
            "COPY" => Copy(c, key),
            "MOVE" => Command.Of(name, key, random.Next(2)),
            "BITOP" => BitOperation(key),
            "BITFIELD" => Command.Of(name, key, "SET", "u8", $"#{random.Next(3_000)}", random.Next(256), "INCRBY", "u8",
                $"#{random.Next(3_000)}", random.Next(-300, 300)),
            "RESTORE" => Restore(key),
            "EXPIRE" => Expire(name, key, random.Next(20) == 0 ? -1 : Seconds()),
            "PEXPIRE" => Expire(name, key, random.Next(20) == 0 ? 0 : Seconds() * 1000),
            "EXPIREAT" => Expire(name, key, random.Next(20) == 0 ? 1 : (Instant.Now / 1000) + Seconds()),
            "PEXPIREAT" => Expire(name, key, random.Next(20) == 0 ? 1 : Instant.Now + (Seconds() * 1000)),
            _ => throw new NotSupportedException(name),
        };
    }

    private Command Read()
    {
        string key = AnyKey();
        return random.Next(4) switch
        {
            0 => Command.Of("STRLEN", key),
            1 => Command.Of("EXISTS", key, AnyKey()),
            2 => Command.Of("MGET", key, AnyKey(), AnyKey()),
            _ => Command.Of("GET", key),
        };
    }

    private Command Set(string key)
    {
        var a = new List<RespArgument> { "SET", key, Value(key) };
        if (random.Next(3) == 0)
        {
            a.Add(random.Next(2) == 0 ? "NX" : "XX");
        }

        if (random.Next(4) == 0)
        {
            a.Add("GET");
        }

        switch (random.Next(8))
        {
            case 0: a.AddRange(["EX", Seconds()]); break;
            case 1: a.AddRange(["PX", Seconds() * 1000]); break;
            case 2: a.AddRange(["EXAT", (Instant.Now / 1000) + Seconds()]); break;
            case 3: a.AddRange(["PXAT", Instant.Now + (Seconds() * 1000)]); break;
            case 4: a.Add("KEEPTTL"); break;
            default: break;
        }

        return Command.Of([.. a]);
    }

    private Command GetEx(string key) => random.Next(4) switch
    {
        0 => Command.Of("GETEX", key),
        1 => Command.Of("GETEX", key, "PERSIST"),
        2 => Command.Of("GETEX", key, "EX", Seconds()),
        _ => Command.Of("GETEX", key, "PXAT", Instant.Now + (Seconds() * 1000)),
    };

    private Command BitOperation(string key) => random.Next(4) switch
    {
        0 => Command.Of("BITOP", "NOT", key, Key("s")),
        1 => Command.Of("BITOP", "AND", key, Key("s"), Key("s")),
        2 => Command.Of("BITOP", "OR", key, Key("s"), Key("s"), Key("s")),
        _ => Command.Of("BITOP", "XOR", key, Key("s"), Key("n")),
    };

    private Command Expire(string name, string key, long number) => random.Next(10) switch
    {
        0 => Command.Of(name, key, number, "NX"),
        1 => Command.Of(name, key, number, "XX"),
        2 => Command.Of(name, key, number, "GT"),
        3 => Command.Of(name, key, number, "LT"),
        _ => Command.Of(name, key, number),
    };

    private Command Copy(string c, string from)
    {
        string to = Key(c);
        while (to == from)
        {
            to = Key(c);
        }

        return random.Next(4) switch
        {
            0 => Command.Of("COPY", from, to),
            1 => Command.Of("COPY", from, to, "REPLACE"),
            2 => Command.Of("COPY", from, from, "DB", random.Next(2) == 0 ? 0 : 1, "REPLACE"),
            _ => Command.Of("COPY", from, to, "DB", random.Next(2)),
        };
    }

    private Command Restore(string key)
    {
        byte[] payload = DumpedString.Make(Value(key));
        return random.Next(4) switch
        {
            0 => Command.Of("RESTORE", key, 0, payload),
            1 => Command.Of("RESTORE", key, Seconds() * 1000, payload, "REPLACE"),
            _ => Command.Of("RESTORE", key, 0, payload, "REPLACE"),
        };
    }

    private IEnumerable<RespArgument> Pairs()
    {
        for (int i = FewOrMany(1, 9); i > 0; i--)
        {
            string key = AnyKey();
            yield return key;
            yield return Value(key);
        }
    }

    // Long groups are what a kill meets half done.
    private int FewOrMany(int least, int few) => random.Next(8) == 0 ? random.Next(few, 100) : random.Next(least, few);

    private string AnyKey() => Key(s_classes[random.Next(s_classes.Length)]);

    private string Key(string c) => $"{connection}:{c}:{random.Next(random.Next(4) == 0 ? AllKeys : HotKeys)}";

    private byte[] Value(string key) => key.Split(':')[1] switch
    {
        "n" => Bytes(random.Next(20) == 0 ? long.MaxValue - random.Next(3)
            : random.Next(3) == 0 ? random.NextInt64() : random.Next(-100_000, 100_000)),
        "f" => Decimal(),
        _ => SelfDescribingValue.Make(random, key, ++_sequence),
    };

    private byte[] Small(string key)
    {
        byte[] value = SelfDescribingValue.Make(random, key, ++_sequence);
        return value.Length > 2_000 ? value[..2_000] : value;
    }

    private byte[] Digits() => Bytes(random.Next(0, 1000));

    private byte[] Decimal() => Bytes(random.Next(-4000, 4000) / 4m);

    // Far enough that nothing expires during the run, and so spread that two times are hardly ever close.
    private long Seconds() => random.NextInt64(100_000, 100_000_000);

    private static byte[] Bytes(decimal number) =>
        System.Text.Encoding.ASCII.GetBytes(number.ToString("0.##", CultureInfo.InvariantCulture));
}
