using System.Globalization;

namespace KvStore.Tests.Commands;

/// <summary>Random commands on strings whose lengths are about those at which something changes.</summary>
internal sealed class LargeStringCommands(Random random)
{
    private static readonly int[] s_edges = [0, 1, 20, 16_352, 2 * 16_352, 131_071, 131_072, 9 * 16_352, 300_000];

    private static readonly string[] s_lines =
    [
        "SET k l", "SET k l", "SET k n", "SET k l KEEPTTL", "SET k s GET", "GETSET k l", "SETNX k l", "MSET k l k l",
        "APPEND k s", "APPEND k s", "APPEND k s", "APPEND k s", "APPEND k l", "APPEND k ", "APPEND k x",
        "SETRANGE k o s", "SETRANGE k o s", "SETRANGE k o s", "SETRANGE k o l", "SETRANGE k o ", "SETRANGE k -1 x",
        "SETRANGE k 536870912 x", "SETBIT k b 1", "SETBIT k b 1", "SETBIT k b 0", "SETBIT k b 2", "SETBIT k -1 1",
        "BITFIELD k SET u8 b n GET i13 b INCRBY u32 b 7", "BITFIELD k OVERFLOW FAIL INCRBY u2 b 3 SET i64 b n",
        "BITFIELD k GET u8 b", "BITFIELD_RO k GET i33 b GET u1 b", "BITFIELD k SET u4 b 1 SET u4 b 2 SET u4 b 3",
        "GET k", "GET k", "MGET k k nokey k", "GETRANGE k o o", "GETRANGE k o -1", "GETRANGE k -20 -1", "SUBSTR k 0 9",
        "GETRANGE k o o", "STRLEN k", "STRLEN k", "GETBIT k b", "GETBIT k b", "BITCOUNT k", "BITCOUNT k o o",
        "BITCOUNT k b b BIT", "BITPOS k 1", "BITPOS k 0", "BITPOS k 1 o", "BITPOS k 0 o o", "BITPOS k 1 b b BIT",
        "BITPOS k 0 b -1 BIT", "BITOP AND k k k", "BITOP OR k k k", "BITOP XOR k k k", "BITOP NOT k k",
        "GETEX k", "GETEX k EX 1000", "GETEX k PERSIST", "GETDEL k", "INCR k", "INCRBY k 5", "INCRBYFLOAT k 1.5",
        "LCS k k LEN", "LCS k k", "PFADD k a b", "PFCOUNT k", "PFCOUNT k k", "PFMERGE k k", "TYPE k", "EXISTS k k k",
        "COPY k k", "COPY k k REPLACE", "COPY k k DB 1 REPLACE", "RENAME k k", "RENAME k k", "RENAMENX k k", "MOVE k 1",
        "EXPIRE k 1000", "EXPIRE k -1", "PERSIST k", "TTL k", "DEL k", "UNLINK k k", "SELECT 1", "SELECT 0", "DBSIZE",
        "LPUSH k a", "HSET k f v", "LPUSH list 1 2 0", "SORT list BY nosort GET k*", 
        "WATCH k", "MULTI", "EXEC", "EXEC", "DISCARD", "TOUCH k",
        "EVAL script 2 k k o s", "EVAL script 2 k k o s",
    ];

    private const string Script =
        "redis.call('SETRANGE', KEYS[1], ARGV[1], ARGV[2]) redis.call('APPEND', KEYS[2], ARGV[2]) "
        + "return {redis.call('STRLEN', KEYS[1]), redis.call('GET', KEYS[2])}";

    public string[] Next() => [.. s_lines[random.Next(s_lines.Length)].Split(' ').Select(Word)];

    private string Word(string word) => word switch
    {
        "k" => $"key{random.Next(3)}",
        "k*" => "key*",
        "o" => Number(Edge()),
        "b" => Number((Edge() * 8L) + random.Next(-9, 10)),
        "n" => Number(random.Next(-100, 1000)),
        "s" => Text(random.Next(1, 40)),
        "l" => Text(Edge()),
        "script" => Script,
        _ => word,
    };

    private int Edge() => Math.Max(0, s_edges[random.Next(s_edges.Length)] + random.Next(-3, 4));

    private static string Number(long value) => Math.Max(-100, value).ToString(CultureInfo.InvariantCulture);

    private string Text(int length) => random.Next(6) switch
    {
        0 => new string('\0', length),
        1 => new string('\xFF', length),
        _ => string.Create(length, random, static (to, random) =>
        {
            for (int i = 0; i < to.Length; i++)
            {
                to[i] = (char)random.Next(256);
            }
        }),
    };
}
