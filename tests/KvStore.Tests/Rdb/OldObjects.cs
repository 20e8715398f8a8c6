using static KvStore.Tests.Rdb.Bytes;

namespace KvStore.Tests.Rdb;

/// <summary>
/// An object, written by hand in one of the forms that dumps had or have, and what a server says of it.
/// </summary>
/// <param name="Name">What it is.</param>
/// <param name="Content">Its type and its bytes.</param>
/// <param name="Question">A command that shows it.</param>
/// <param name="Answer">The reply in RESP2, with | for the ends of its lines.</param>
internal sealed record OldObject(string Name, byte[] Content, string Question, string Answer)
{
    /// <summary>True where redis-server 7.0 knows the form.</summary>
    public bool IsOfVersion10 => Content[0] < 20;

    public static IReadOnlyList<OldObject> All { get; } =
    [
        new("a string", Of("00 03 'abc'"), "GET k", "$3|abc|"),
        new("an empty string", Of("00 00"), "GET k", "$0||"),
        new("a string of one byte", Of("00 C0 85"), "GET k", "$4|-123|"),
        new("a string of two bytes", Of("00 C1 39 30"), "GET k", "$5|12345|"),
        new("a string of four bytes", Of("00 C2 FF FF FF 7F"), "GET k", "$10|2147483647|"),
        new("a string with a length of two bytes", Of("00 40 03 'abc'"), "GET k", "$3|abc|"),
        new("a string with a length of four bytes", Of("00 80 00 00 00 03 'abc'"), "GET k", "$3|abc|"),
        new("a string with a length of eight bytes", Of("00 81 00 00 00 00 00 00 00 03 'abc'"), "GET k", "$3|abc|"),
        new("a compressed string, which copies from itself", Of("00 C3 05 14 00 'a' E0 0A 00"), "GET k",
            "$20|aaaaaaaaaaaaaaaaaaaa|"),
        new("a compressed string", Of("00 C3 0B 0D 05 'abcdef' 80 05 00 '!'"), "GET k", "$13|abcdefabcdef!|"),

        new("a list", Of("01 03 01 'a' C0 05 00"), "LRANGE k 0 -1", "*3|$1|a|$1|5|$0||"),
        new("a list in a ziplist", [0x0A, .. String(Ziplist(
            """
            00 02 'ab'      04 F1        02 FD        02 FE 80     03 C0 FF 7F
            04 F0 FF FF 7F  05 D0 FF FF FF 7F         06 E0 FF FF FF FF FF FF FF 7F
            0A 40 03 'abc'  06 80 00 00 00 01 'z'
            """, 10, 7))], "LRANGE k 0 -1",
            "*10|$2|ab|$1|0|$2|12|$4|-128|$5|32767|$7|8388607|$10|2147483647|$19|9223372036854775807|$3|abc|$1|z|"),
        new("a list of ziplists",
            [0x0E, 2, .. String(Ziplist("00 01 'a'", 1, 3)), .. String(Ziplist("00 01 'b'", 1, 3))],
            "LRANGE k 0 -1", "*2|$1|a|$1|b|"),
        new("a list of listpacks and a large element",
            [0x12, 3, 2, .. String(Listpack("81 'a' 02 05 01", 2)), 1, .. String(Of("'long'")), 2,
                .. String(Listpack("C1 00 02", 1))], "LRANGE k 0 -1", "*4|$1|a|$1|5|$4|long|$3|256|"),
        new("a list of a listpack with each kind of element", [0x12, 1, 2, .. String(Listpack(
            """
            7F 01  DF FF 02  D0 00 02  F1 00 80 03  F2 00 00 80 04  F3 00 00 00 80 05  F4 00 00 00 00 00 00 00 80 09
            E0 03 'abc' 05   F0 03 00 00 00 'xyz' 08   80 01
            """, 10))], "LRANGE k 0 -1",
            "*10|$3|127|$2|-1|$5|-4096|$6|-32768|$8|-8388608|$11|-2147483648|$20|-9223372036854775808|$3|abc|"
                + "$3|xyz|$0||"),

        new("a set", Of("02 02 01 'a' C0 07"), "SMISMEMBER k a 7 b", "*3|:1|:1|:0|"),
        new("a set of numbers of two bytes", [0x0B, .. String(Of("02 00 00 00 03 00 00 00 FE FF 01 00 FF 7F"))],
            "SMISMEMBER k -2 1 32767 2", "*4|:1|:1|:1|:0|"),
        new("a set of numbers of four bytes", [0x0B, .. String(Of("04 00 00 00 01 00 00 00 00 00 01 00"))],
            "SMEMBERS k", "*1|$5|65536|"),
        new("a set of numbers of eight bytes",
            [0x0B, .. String(Of("08 00 00 00 01 00 00 00 00 00 00 00 01 00 00 00"))], "SMEMBERS k",
            "*1|$10|4294967296|"),
        new("a set in a listpack", [0x14, .. String(Listpack("81 'a' 02 05 01", 2))], "SMISMEMBER k a 5 b",
            "*3|:1|:1|:0|"),

        new("a sorted set with scores as text", Of("03 03 01 'a' 03 '1.5' 01 'b' FE 01 'c' FF"),
            "ZRANGE k 0 -1 WITHSCORES", "*6|$1|c|$4|-inf|$1|a|$3|1.5|$1|b|$3|inf|"),
        new("a sorted set", Of("05 01 01 'a' 00 00 00 00 00 00 F8 3F"), "ZRANGE k 0 -1 WITHSCORES", "*2|$1|a|$3|1.5|"),
        new("a sorted set in a ziplist", [0x0C, .. String(Ziplist("00 01 'a' 03 F3 02 01 'b' 03 03 '2.5'", 4, 5))],
            "ZRANGE k 0 -1 WITHSCORES", "*4|$1|a|$1|2|$1|b|$3|2.5|"),
        new("a sorted set in a listpack", [0x11, .. String(Listpack("81 'a' 02 02 01 81 'b' 02 83 '2.5' 04", 4))],
            "ZRANGE k 0 -1 WITHSCORES", "*4|$1|a|$1|2|$1|b|$3|2.5|"),

        new("a hash", Of("04 02 01 'a' 01 'b' C0 01 00"), "HMGET k a 1", "*2|$1|b|$0||"),
        new("a hash in a zipmap", [0x09, .. String(Of("02 01 'a' 03 00 'xyz' 01 'b' 02 03 '12...' FF"))],
            "HMGET k a b", "*2|$3|xyz|$2|12|"),
        new("a hash in a zipmap with a long field",
            [0x09, .. String([.. Of("FE FE 00 01 00 00"), .. new byte[256], .. Of("02 00 '12' FF")])], "HVALS k",
            "*1|$2|12|"),
        new("a hash in a ziplist", [0x0D, .. String(Ziplist("00 01 'a' 03 FE 64", 2, 3))], "HGETALL k",
            "*2|$1|a|$3|100|"),
        new("a hash in a listpack", [0x10, .. String(Listpack("81 'a' 02 81 'b' 02", 2))], "HGETALL k",
            "*2|$1|a|$1|b|"),
        new("a hash with times before 7.4", Of("16 02 00 01 'a' 01 'b' 81 00 00 09 18 4E 72 A0 00 01 'c' 01 'd'"),
            "HPEXPIRETIME k FIELDS 2 a c", "*2|:-1|:10000000000000|"),
        new("a hash with times", Of("18 00 A0 72 4E 18 09 00 00 03 00 01 'a' 01 'b' 01 01 'c' 01 'd' 0B 01 'e' 01 'f'"),
            "HPEXPIRETIME k FIELDS 3 a c e", "*3|:-1|:10000000000000|:10000000000010|"),
        new("a hash with times in a listpack before 7.4",
            [0x17, .. String(Listpack("81 'a' 02 81 'b' 02 F4 00 A0 72 4E 18 09 00 00 09 81 'c' 02 05 01 00 01", 6))],
            "HPEXPIRETIME k FIELDS 2 a c", "*2|:10000000000000|:-1|"),
        new("a hash with times in a listpack", [0x19, .. Of("00 A0 72 4E 18 09 00 00"), .. String(Listpack(
            "81 'a' 02 81 'b' 02 F4 00 A0 72 4E 18 09 00 00 09 81 'c' 02 05 01 00 01", 6))],
            "HPEXPIRETIME k FIELDS 2 a c", "*2|:10000000000000|:-1|"),
        new("a hash with a field that has expired", Of("16 02 00 01 'a' 01 'b' 05 01 'c' 01 'd'"), "HGETALL k",
            "*2|$1|a|$1|b|"),

        .. Streams(),
    ];

    /// <summary>Two entries at 5-1 and 5-3, and one between them that is deleted.</summary>
    private static byte[] Node => Listpack(
        """
        02 01  01 01  01 01  81 'f' 02  00 01
        02 01  00 01  00 01  81 'x' 02  04 01
        03 01  00 01  01 01  81 'y' 02  04 01
        00 01  00 01  02 01  01 01  81 'g' 02  07 01  06 01
        """, 22);

    private static byte[] Nodes =>
        [1, .. String(Of("00 00 00 00 00 00 00 05 00 00 00 00 00 00 00 01")), .. String(Node)];

    private static byte[] Group => Of("01 01 'g' 05 01");

    private static byte[] Pending => Of(
        """
        01 00 00 00 00 00 00 00 05 00 00 00 00 00 00 00 01  E8 03 00 00 00 00 00 00  03
        01 01 'c' D0 07 00 00 00 00 00 00
        """);

    private static byte[] Owned => Of("01 00 00 00 00 00 00 00 05 00 00 00 00 00 00 00 01");

    private static IEnumerable<OldObject> Streams()
    {
        const string entries = "*2|*2|$3|5-1|*2|$1|f|$1|x|*2|$3|5-3|*2|$1|g|$1|7|";
        byte[] first = [0x0F, .. Nodes, .. Of("02 05 03"), .. Group, .. Pending, .. Owned];
        byte[] second = [0x13, .. Nodes, .. Of("02 05 03 05 01 05 02 03"), .. Group, 1, .. Pending, .. Owned];
        byte[] third = [0x15, .. Nodes, .. Of("02 05 03 05 01 05 02 03"), .. Group, 1, .. Pending,
            .. Of("B8 0B 00 00 00 00 00 00"), .. Owned];
        yield return new("a stream", first, "XRANGE k - +", entries);
        yield return new("a stream of version 2", second, "XRANGE k - +", entries);
        yield return new("a stream of version 3", third, "XRANGE k - +", entries);
        yield return new("a stream of version 3, its group", third, "XPENDING k g",
            "*4|:1|$3|5-1|$3|5-1|*1|*2|$1|c|$1|1|");
        yield return new("a stream, what its group has read", first, "XINFO GROUPS k",
            "*1|*12|$4|name|$1|g|$9|consumers|:1|$7|pending|:1|$17|last-delivered-id|$3|5-1|$12|entries-read|:1|"
                + "$3|lag|:1|");
        yield return new("an empty stream", Of("13 00 00 05 03 00 00 05 03 07 00"), "XINFO STREAM k",
            "*20|$6|length|:0|$15|radix-tree-keys|:0|$16|radix-tree-nodes|:1|$17|last-generated-id|$3|5-3|"
                + "$20|max-deleted-entry-id|$3|5-3|$13|entries-added|:7|$23|recorded-first-entry-id|$3|0-0|"
                + "$6|groups|:0|$11|first-entry|$-1|$10|last-entry|$-1|");
    }
}
