using System.Text;

namespace KvStore.Tests.Commands;

/// <summary>
/// Command lines whose replies must be Redis's, byte for byte. In order: a line works on what the lines before it left.
/// Quotes and escapes are redis-cli's. "~" in front: sorted before comparing (Redis promises no order). "?" in front:
/// only the kind of reply is compared (times). "%" in front: a number may be one more or less (a second that ended).
/// </summary>
internal static class CommandLines
{
    public static IEnumerable<string> All =>
        [
            .. string.Join('\n', StreamLines.Text, GeoLines.Text, HyperLogLogLines.Text, FunctionLines.Lines, Text)
                .Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0 && l[0] != '#'),
            .. Generated(),
            .. GeoLines.Generated(),
            .. HyperLogLogLines.Generated(),
        ];

    /// <summary>Splits a line, unquoting as redis-cli does.</summary>
    public static string[] Split(string line)
    {
        List<string> words = [];
        StringBuilder? word = null;
        bool quoted = false;
        for (int i = 0; i < line.Length; i++)
        {
            char c = line[i];
            if (quoted && c == '\\')
            {
                c = line[++i];
                if (c == 'x')
                {
                    c = (char)Convert.ToInt32(line.Substring(i + 1, 2), 16);
                    i += 2;
                }
                else
                {
                    c = c switch { 'n' => '\n', 'r' => '\r', 't' => '\t', _ => c };
                }

                word!.Append(c);
            }
            else if (c == '"')
            {
                quoted = !quoted;
                word ??= new StringBuilder();
            }
            else if (c == ' ' && !quoted)
            {
                if (word is not null)
                {
                    words.Add(word.ToString());
                    word = null;
                }
            }
            else
            {
                (word ??= new StringBuilder()).Append(c);
            }
        }

        if (word is not null)
        {
            words.Add(word.ToString());
        }

        return [.. words];
    }

    /// <summary>Combinations that nobody would write out.</summary>
    private static IEnumerable<string> Generated()
    {
        string[] values = ["0", "1", "-1", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "01",
            "+1", "-0", "\"\"", "\" 1\"", "\"1 \"", "1.5", "abc", "3e3"];
        foreach (string value in values)
        {
            yield return $"SET n {value}";
            yield return "INCR n";
            yield return "GET n";
            yield return $"SET n {value}";
            yield return "DECR n";
            yield return $"SET n 5";
            yield return $"INCRBY n {value}";
            yield return $"DECRBY n {value}";
            yield return "GET n";
            yield return $"EXPIRE n {value} XX";
            yield return "SET n abcdefghij";
            yield return $"GETRANGE n {value} -1";
            yield return $"GETRANGE n 0 {value}";
            yield return $"GETRANGE n {value} 3";
            yield return $"BITCOUNT n {value} -1";
            yield return $"BITCOUNT n 3 {value} BIT";
            yield return $"BITCOUNT n {value} 20 BIT";
            yield return $"GETBIT n {value}";
            yield return $"SET n x EX {value}";
            yield return $"SET n x PX {value}";
            yield return "SET n x";
            yield return $"GETEX n EXAT {value}";
            yield return $"SET n x PXAT {value}";
            yield return $"SETEX n {value} x";
            yield return "DEL n";
            yield return $"SETBIT n 7 {value}";
        }

        string[] options = ["NX", "XX", "GET", "KEEPTTL", "EX 100", "PX 100000", "EXAT 33177117420",
            "PXAT 33177117420000", "PERSIST", "BOGUS"];
        foreach (string first in options)
        {
            foreach (string second in options)
            {
                yield return $"SET o 1 {first} {second}";
                yield return $"SET absent:{first.Replace(' ', '-')} 1 {second} {first}";
                yield return $"GETEX o {first} {second}";
            }

            yield return $"GETEX o {first}";
            yield return "TTL o";
            yield return "GET o";
        }

        string[] conditions = ["", "NX", "XX", "GT", "LT", "NX XX", "GT LT", "XX GT", "XX LT", "NX GT", "BOGUS",
            "xx gt"];
        foreach (string condition in conditions)
        {
            foreach (string ttl in new[] { "", "100" })
            {
                yield return ttl.Length > 0 ? $"SET e v EX {ttl}" : "SET e v";
                yield return $"EXPIRE e 50 {condition}";
                yield return $"EXPIRE e 200 {condition}";
                yield return $"PEXPIREAT e 33177117420000 {condition}";
                yield return $"EXPIREAT e 33177117420 {condition}";
                yield return "%EXPIRETIME e"; // the two servers are asked in turn, over the end of a second too
                yield return $"EXPIRE absent 50 {condition}";
                yield return $"EXPIRE e -1 {condition}";
                yield return "EXISTS e";
            }
        }

        foreach (string type in new[] { "i1", "u1", "i5", "u7", "i8", "u8", "i16", "u31", "i63", "u63", "i64" })
        {
            foreach (string overflow in new[] { "", "OVERFLOW WRAP ", "OVERFLOW SAT ", "OVERFLOW FAIL " })
            {
                yield return "DEL bits";
                foreach (string value in new[] { "1", "-1", "127", "-128", "255", "9223372036854775807",
                    "-9223372036854775808" })
                {
                    yield return $"BITFIELD bits {overflow}SET {type} 3 {value} INCRBY {type} 3 {value} GET {type} #1";
                    yield return $"BITFIELD bits {overflow}INCRBY {type} #1 {value} GET i64 0 GET u63 9";
                }

                yield return "GET bits";
            }
        }

        string[] floats = ["0.1", "3.0", "5e3", "-1.5e-5", "1234567.1", "1e17", "1e300", "0.30000000000000004", "-0",
            ".5", "5.", "inf", "-inf", "nan", "1e", "0x1p3", "\" 1\"", "\"1 \"", "1e5000", "100000000000000000000",
            "0.000000000000000001"];
        foreach (string a in floats)
        {
            yield return $"SET f {a}";
            foreach (string b in new[] { "0.1", "-3.1", "1e10", "7", "abc", "inf" })
            {
                yield return $"INCRBYFLOAT f {b}";
            }

            yield return "DEL f";
            yield return $"INCRBYFLOAT f {a}";
            yield return "GET f";
        }

        string[] patterns = ["*", "h?llo", "h*llo", "h[ae]llo", "h[^e]llo", "h[a-b]llo", "h\\\\?llo", "*l*o*", "[",
            "h[", "h[a", "h[b-a]llo", "h[^a-z]llo", "\\\\*", "**", "h[\\\\e]llo", "\"\"", "hello*", "*hello",
            "a*a*a*a*b"];
        yield return "FLUSHALL";
        yield return "MSET hello 1 hallo 2 hxllo 3 heello 4 h?llo 5 h[ 6 * 7 " +
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 8";
        foreach (string pattern in patterns)
        {
            string quoted = pattern.StartsWith('"') ? pattern : $"\"{pattern}\"";
            yield return $"~KEYS {quoted}";
            yield return $"~SCAN 0 COUNT 100000 MATCH {quoted}";
        }

        foreach (string command in new[]
        {
            "GET", "SET", "SETNX", "SETEX", "PSETEX", "GETSET", "GETDEL", "GETEX", "MGET", "MSET", "MSETNX", "APPEND",
            "STRLEN", "GETRANGE", "SETRANGE", "INCR", "DECR", "INCRBY",
            "DECRBY", "INCRBYFLOAT", "SETBIT", "GETBIT", "DEL", "UNLINK", "EXISTS", "TOUCH", "TYPE", "RENAME",
            "RENAMENX", "COPY", "EXPIRE", "PEXPIRE", "EXPIREAT",
            "PEXPIREAT", "TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME", "PERSIST", "KEYS", "SCAN", "ECHO", "SELECT",
            "MOVE", "SWAPDB",
            "AUTH", "WATCH", "CLIENT", "CONFIG",
            "CLIENT SETNAME", "CLIENT NO-EVICT", "CONFIG GET", "CONFIG SET", "COMMAND GETKEYS",
        })
        {
            yield return command;
            yield return $"{command} a b c d e f g h i";
            yield return $"MULTI x";
        }
    }

    private const string Text = """
        FLUSHALL
        PING
        PING hello
        ping a b
        "PiNg"
        ECHO "\r\n\x00\xff"
        SELECT 0
        SELECT 16
        SELECT -1
        SELECT abc
        NOSUCHCOMMAND
        nosuch a b c
        "no\r\nsuch" "x\r\ny"
        "nul\x00behind" "a\x00b"
        NOSUCH aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b
        nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn
        NOSUCH aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb ccccccccccccccccccccccccccccccccccccccc ddddddddddddd
        CLIENT NOSUCH
        CONFIG nosuch x
        COMMAND nosuch
        "" a
        # bit fields
        BITFIELD bf
        EXISTS bf
        BITFIELD bf GET u8 0
        EXISTS bf
        BITFIELD bf SET u65 0 1
        BITFIELD bf SET u64 0 1
        BITFIELD bf SET i65 0 1
        BITFIELD bf SET u0 0 1
        BITFIELD bf SET x8 0 1
        BITFIELD bf SET "" 0 1
        BITFIELD bf SET u8 -1 1
        BITFIELD bf SET u8 #-1 1
        BITFIELD bf SET u8 # 1
        BITFIELD bf SET u8 abc 1
        BITFIELD bf SET u8 4294967296 1
        BITFIELD bf GET u8 4294967295
        BITFIELD bf GET i63 #9223372036854775807
        BITFIELD bf SET u8 0 abc
        BITFIELD bf SET u8 0
        BITFIELD bf BOGUS u8 0
        BITFIELD bf OVERFLOW
        BITFIELD bf OVERFLOW BOGUS
        BITFIELD bf OVERFLOW SAT
        BITFIELD bf GET u8 0 OVERFLOW FAIL SET u8 0 300 OVERFLOW sat set U8 0 300
        BITFIELD bf OVERFLOW FAIL SET u8 0 300 set u8 0 200 get u8 0
        BITFIELD bffail OVERFLOW FAIL SET u8 100 300
        GET bffail
        BITFIELD_RO bf GET u8 0 GET u4 #1
        BITFIELD_RO bf SET u8 0 1
        BITFIELD_RO absent GET i64 9
        EXISTS absent
        SET bfn 12
        BITFIELD bfn GET u8 0 INCRBY u8 #1 1
        GET bfn
        BITFIELD
        BITFIELD_RO
        # longest common subsequence
        MSET lcs1 ohmytext lcs2 mynewtext lcs3 "" lcsn 12345
        LCS lcs1 lcs2
        LCS lcs1 lcs2 LEN
        LCS lcs1 lcs2 IDX
        LCS lcs1 lcs2 IDX WITHMATCHLEN
        LCS lcs1 lcs2 IDX MINMATCHLEN 4 WITHMATCHLEN
        LCS lcs1 lcs2 IDX MINMATCHLEN -4
        LCS lcs1 lcs2 MINMATCHLEN abc
        LCS lcs1 lcs2 MINMATCHLEN
        LCS lcs1 lcs2 LEN IDX
        LCS lcs1 lcs2 BOGUS
        LCS lcs1 lcs1 IDX
        LCS lcs1 lcs3 IDX
        LCS lcs1 nosuchkey
        LCS nosuchkey nosuchkey LEN
        LCS lcsn lcs1
        LCS lcsn lcsn IDX
        LCS lcs1
        RPUSH lcslist a
        LCS lcs1 lcslist
        LCS lcslist lcs1 BOGUS
        # sorting
        RPUSH sl 3 1 2 10 -5 1.5 "" " 7" 1e3
        SORT sl
        SORT sl DESC
        SORT sl ALPHA
        SORT sl ALPHA DESC LIMIT 1 4
        SORT sl LIMIT 0 0
        SORT sl LIMIT 3 -1
        SORT sl LIMIT -3 2
        SORT sl LIMIT 100 2
        SORT sl LIMIT 1
        SORT sl LIMIT a 1
        SORT sl BY
        SORT sl GET
        SORT sl STORE
        SORT sl BOGUS
        SORT sl BY nosort
        SORT sl BY nosort DESC LIMIT 2 3
        RPUSH sl abc
        SORT sl
        SORT sl ALPHA
        SORT sl STORE st
        EXISTS st
        RPUSH su 1 2 3
        MSET w_1 30 w_2 10 w_3 20 d_1 one d_2 two
        HSET h_1 w 5 n uno
        HSET h_2 w 9 n due
        HSET h_3 w 7
        SORT su BY w_*
        SORT su BY w_* DESC GET # GET d_* GET w_*
        SORT su BY h_*->w GET h_*->n
        SORT su BY h_*->w GET h_*->
        SORT su BY h_*->none
        SORT su BY d_* ALPHA
        SORT su BY d_*
        SORT su BY w_* GET x
        SORT su BY w_* GET w_*->n
        SORT su BY w_* GET "#" GET "*"
        SORT su BY w_* GET # GET d_* STORE st
        LRANGE st 0 -1
        TYPE st
        SORT su BY w_* LIMIT 1 1 STORE st
        LRANGE st 0 -1
        SORT nosuchkey STORE st
        EXISTS st
        SORT nosuchkey
        SORT nosuchkey BOGUS
        SORT su STORE su
        LRANGE su 0 -1
        SADD ss 3 1 2 b
        SORT ss
        SORT ss ALPHA
        SORT ss ALPHA DESC
        SORT ss BY nosort STORE st
        LRANGE st 0 -1
        ZADD sz 3 a 1 b 2 c
        SORT sz ALPHA
        SORT sz BY nosort
        SORT sz BY nosort DESC
        SORT sz BY nosort DESC LIMIT 1 2
        SORT sz BY nosort LIMIT 1 5
        SORT h_1
        SORT w_1
        SORT w_1 BOGUS
        SORT_RO su DESC
        SORT_RO su STORE x
        SORT
        SORT_RO
        COMMAND GETKEYS SORT su BY w_* LIMIT 0 1 STORE a GET x STORE b
        COMMAND GETKEYS SORT su STORE
        COMMAND GETKEYS SORT_RO su
        COMMAND GETKEYS LCS a b
        COMMAND GETKEYS XGROUP CREATE k g $
        COMMAND GETKEYS XGROUP
        COMMAND GETKEYS XGROUP NOSUCH k
        COMMAND GETKEYS MEMORY USAGE k
        COMMAND GETKEYS OBJECT ENCODING k
        COMMAND GETKEYS CONFIG GET x
        SCRIPT DEBUG NO
        SCRIPT DEBUG MAYBE
        SCRIPT DEBUG
        CONFIG SET list-compress-depth 2
        CONFIG SET list-compress-depth x
        CONFIG SET list-compress-depth -1
        CONFIG SET activerehashing maybe
        CONFIG SET daemonize yes
        CONFIG SET hz 20 list-compress-depth 3 lazyfree-lazy-expire YES
        CONFIG GET list-compress-depth
        CONFIG GET lazyfree-lazy-expire
        CONFIG SET list-compress-depth 0 hz 10 lazyfree-lazy-expire no
        COMMAND GETKEYS BITFIELD a GET u8 0
        MULTI
        SORT su BY w_* STORE st
        BITFIELD bf SET u8 0 7
        LCS lcs1 lcs2 LEN
        EXEC
        EVAL "return redis.call('sort', KEYS[1], 'desc', 'limit', 0, 2)" 1 su
        FLUSHALL
        # strings
        GET a
        SET a 1
        GET a
        SET a "\x00\x01binary\r\n"
        GET a
        STRLEN a
        SET "" emptykey
        GET ""
        SET empty ""
        GET empty
        STRLEN empty
        STRLEN none
        SETNX a 2
        SETNX nx 2
        GETSET a new
        GETSET fresh new
        GETDEL fresh
        GETDEL fresh
        GETEX a
        GETEX none EX 0
        GETEX a EX 0
        GETEX a EX 100
        TTL a
        GETEX a PERSIST
        TTL a
        GETEX a EXAT 1
        EXISTS a
        SET t v EX 100
        TTL t
        SET t v2 KEEPTTL
        TTL t
        SET t v3
        TTL t
        SET t v PXAT 1
        GET t
        SET t v GET
        SET t w GET
        SET t x NX GET
        SET t y XX GET
        SET q 1 XX
        SET q 1 NX
        SET q 2 NX
        SET q 3 XX
        SET q 1 EX
        SET q 1 EX abc
        SET q 1 EX 0
        SET q 1 EX -5
        SET q 1 EX 9223372036854775807
        SET q 1 PX 9223372036854775807
        SET q 1 EX 10 PX 10
        SET q 1 NX XX
        SET q 1 KEEPTTL EX 10
        SETEX q 0 v
        SETEX q -1 v
        SETEX q abc v
        SETEX q 100 v
        TTL q
        PSETEX q 100000 v
        TTL q
        APPEND ap abc
        APPEND ap def
        GET ap
        APPEND ap ""
        APPEND ap2 ""
        EXISTS ap2
        SET num 10
        INCR num
        APPEND num 5
        GET num
        INCR num
        STRLEN num
        GETRANGE num 1 1
        SETRANGE num 1 9
        GET num
        INCR num
        SETBIT num 3 1
        GET num
        SET num 10
        INCR num
        GETDEL num
        SET num 10
        INCR num
        GETSET num 7
        GET num
        INCR num
        SETBIT num 100 1
        GET num
        SETRANGE sr 5 hello
        GET sr
        SETRANGE sr 0 HELL
        GET sr
        SETRANGE sr 0 ""
        SETRANGE srnone 0 ""
        EXISTS srnone
        SETRANGE sr -1 x
        SETRANGE sr abc x
        SETRANGE sr 536870911 xx
        SETRANGE sr 536870912 x
        SETRANGE sr 9223372036854775807 x
        GETRANGE sr 0 -1
        GETRANGE sr 3 100
        GETRANGE sr -3 -1
        GETRANGE sr -1 -3
        GETRANGE sr 5 2
        GETRANGE sr -100 2
        GETRANGE none 0 -1
        GETRANGE sr a b
        SUBSTR sr 1 3
        MSET m1 a m2 b m3 c
        MGET m1 m2 m3 m4
        MGET m1 m1
        MSET m1 a m2
        MSETNX m1 a m9 b
        MSETNX m8 a m9 b
        MSETNX m10 a m11
        MSETNX same 1 same 2
        GET same
        INCRBYFLOAT fl 3.0
        INCRBYFLOAT fl 0.1
        INCRBYFLOAT fl abc
        INCRBYFLOAT m1 1
        INCRBYFLOAT m1 abc
        SETBIT b 0 1
        SETBIT b 7 1
        GET b
        SETBIT b 0 2
        SETBIT b -1 1
        SETBIT b 4294967296 1
        SETBIT b abc 1
        GETBIT b 0
        GETBIT b 1
        GETBIT b 1000
        GETBIT none 0
        BITCOUNT b
        BITCOUNT b 0
        BITCOUNT b 0 -1
        BITCOUNT b 0 -1 BYTE
        BITCOUNT b 0 0 BIT
        BITCOUNT b 1 7 BIT
        BITCOUNT b 0 -1 NIBBLE
        SET bc "foobar"
        BITCOUNT bc
        BITCOUNT bc 0 0
        BITCOUNT bc 1 1
        BITCOUNT bc 5 30 BIT
        BITCOUNT bc -13 -2 BIT
        BITCOUNT bc 100 200
        BITCOUNT bc -1 -100
        # keys
        DEL m1 m2 none
        UNLINK m3 none
        EXISTS a b sr sr
        TOUCH sr sr none
        TYPE sr
        TYPE none
        RENAME none x
        RENAME none none
        SET r1 v EX 100
        RENAME r1 r2
        TTL r2
        GET r2
        EXISTS r1
        RENAME r2 r2
        SET r3 w
        RENAMENX r2 r3
        RENAMENX r2 r4
        RENAMENX none r4
        RENAMENX r3 r3
        RENAME r4 r3
        GET r3
        TTL r3
        INCR cnt
        RENAME cnt cnt2
        INCR cnt2
        COPY cnt2 cnt3
        INCR cnt3
        GET cnt2
        COPY r3 c1
        TTL c1
        COPY r3 c1
        COPY cnt2 c1 REPLACE
        GET c1
        TTL c1
        COPY r3 r3
        COPY none c9
        COPY r3 c9 DB 0
        SET bits:a "\xff\xf0\x00"
        SET bits:b "\x0f\x00"
        BITOP AND bits:c bits:a bits:b
        GET bits:c
        BITOP or bits:c bits:a bits:b bits:none
        GET bits:c
        BITOP XOR bits:c bits:a bits:b
        GET bits:c
        BITOP NOT bits:c bits:a
        GET bits:c
        BITOP NOT bits:c bits:a bits:b
        BITOP BOGUS bits:c bits:a
        BITOP AND bits:c
        BITOP AND bits:c bits:none
        EXISTS bits:c
        BITPOS bits:a 0
        BITPOS bits:a 1
        BITPOS bits:a 1 2
        BITPOS bits:a 1 2 -1
        BITPOS bits:a 0 0 0
        BITPOS bits:a 0 0
        BITPOS bits:a 0 5
        BITPOS bits:a 1 -1 -1
        BITPOS bits:a 1 3 13 BIT
        BITPOS bits:a 0 8 15 BIT
        BITPOS bits:a 0 8 11 bit
        BITPOS bits:a 1 0 -1 BYTE
        BITPOS bits:a 1 0 -1 BOGUS
        BITPOS bits:a 1 0 -1 BIT more
        BITPOS bits:a 2
        BITPOS bits:a x
        BITPOS bits:a 1 x
        BITPOS bits:none 0
        BITPOS bits:none 1
        BITPOS bits:none 1 x
        SET bits:full "\xff\xff"
        BITPOS bits:full 0
        BITPOS bits:full 0 0 -1
        BITPOS bits:full 0 1
        SET bits:zero "\x00\x00\x00"
        BITPOS bits:zero 1
        RPUSH bits:list a
        BITOP AND bits:c bits:a bits:list
        BITPOS bits:list 1
        BITOP OR bits:list bits:a bits:b
        GET bits:list
        COMMAND GETKEYS BITOP AND d a b
        DEL bits:a bits:b bits:list bits:full bits:zero
        COPY r3 c9 DB 16
        COPY r3 c9 DB -1
        COPY r3 c9 DB abc
        COPY r3 c9 DB 99999999999
        COPY r3 c9 DB 99999999999999999999
        SELECT 16
        SELECT -1
        SELECT 99999999999
        SELECT abc
        SET far v
        PEXPIREAT far 9223372036854775807
        EXPIRETIME far
        PEXPIRETIME far
        PEXPIREAT far 9223372036854775400
        EXPIRETIME far
        EXPIREAT far 9223372036854775
        EXPIRETIME far
        EXPIREAT far 9223372036854776
        DEL far
        SET "" empty
        ~KEYS **
        ~KEYS ?*
        KEYS ""
        DEL ""
        EXPIRE r3 1 "\xe9\xff"
        CLIENT LIST TYPE "\xc3\xa9\xff"
        CONFIG SET "\xe9\xff" 1
        HELLO 3 "\xe9\xff"
        EVAL "return redis.call(\"get\")" 1 c9 a1 a2
        EVAL "return redis.call(\"nosuch\")" 1 c9 a1 a2
        EVAL "return redis.call()" 1 c9 a1 a2
        EVAL "return cjson.encode_max_depth(1)" 0
        EVAL "return cjson.encode({1,{2}})" 0
        EVAL "return cjson.encode_max_depth(1000)" 0
        EVAL "return cjson.decode_max_depth(1)" 0
        EVAL "return cjson.decode('[[1]]')[1][1]" 0
        EVAL "return cjson.decode_max_depth(1000)" 0
        EVAL "return cjson.decode('[[1]]')[1][1]" 0
        EVAL "return cjson.encode_number_precision(3)" 0
        EVAL "return cjson.encode(1/3)" 0
        EVAL "return cjson.encode_number_precision(14)" 0
        EVAL "return cjson.encode_invalid_numbers('null')" 0
        EVAL "return cjson.encode(1/0)" 0
        EVAL "return {cjson.encode_invalid_numbers(false)}" 0
        EVAL "return {cjson.encode_sparse_array()}" 0
        EVAL "return {cjson.encode_sparse_array(true)}" 0
        EVAL "return cjson.encode({[100]='a'})" 0
        EVAL "return {cjson.encode_sparse_array(false)}" 0
        EVAL "return {cjson.encode_keep_buffer(false)}" 0
        EVAL "return {cjson.encode_keep_buffer(true)}" 0
        EVAL "return redis.acl_check_cmd('set','a','b')" 0
        EVAL "return redis.acl_check_cmd('nosuch')" 0
        EVAL "return redis.acl_check_cmd()" 0
        EVAL "return redis.acl_check_cmd({})" 0
        EVAL "return redis.set_repl(redis.REPL_ALL)" 0
        EVAL "return redis.set_repl(4)" 0
        EVAL "return redis.set_repl()" 0
        EVAL "return {big_number='12\r\n3'}" 0
        EVAL "return {verbatim_string={format='txt',string='a b'}}" 0
        EVAL "redis.setresp(3) return {true, false}" 0
        EVAL "return redis.nosuch()" 0
        EVAL "local t = {} return t.x.y" 0
        EVAL "local t = {} return t.x + 1" 0
        EVAL "return #loadstring('return 1')()" 0
        EVAL "return loadstring(string.dump(function() return 1 end))()" 0
        EVAL "return redis.call('cluster','reset')" 0
        SADD words b aa a zz c
        EVAL "return redis.call('sort','words','by','nosort')" 0
        DEL words
        EVAL "return redis.call(\"set\",KEYS[1],{})" 1 c9 a1 a2
        EVAL "return redis.call(\"incr\",\"str\")" 1 c9 a1 a2
        EVAL "return redis.pcall(\"incr\",\"str\")" 1 c9 a1 a2
        EVAL "error(\"x\")" 1 c9 a1 a2
        EVAL "error({err=\"MY e\"})" 1 c9 a1 a2
        EVAL "return foo" 1 c9 a1 a2
        EVAL "foo=1" 1 c9 a1 a2
        EVAL "return {1,2,{3,\"a\",nil,4}}" 1 c9 a1 a2
        EVAL "return 3.99" 1 c9 a1 a2
        EVAL "return true" 1 c9 a1 a2
        EVAL "return false" 1 c9 a1 a2
        EVAL "return nil" 1 c9 a1 a2
        EVAL "return {ok=\"fine\"}" 1 c9 a1 a2
        EVAL "return {err=\"bad\"}" 1 c9 a1 a2
        EVAL "return {err=\"ERR bad\"}" 1 c9 a1 a2
        EVAL "return redis.error_reply(\"x y\")" 1 c9 a1 a2
        EVAL "return redis.error_reply(\"-x y\")" 1 c9 a1 a2
        EVAL "return redis.error_reply(\"MY y\")" 1 c9 a1 a2
        EVAL "return redis.status_reply(\"x\")" 1 c9 a1 a2
        EVAL "return redis.sha1hex(\"\")" 1 c9 a1 a2
        EVAL "return redis.call(\"multi\")" 1 c9 a1 a2
        EVAL "return redis.call(\"subscribe\",\"a\")" 1 c9 a1 a2
        EVAL "return tostring(10/2)" 1 c9 a1 a2
        EVAL "string.x=1" 1 c9 a1 a2
        EVAL "return redis.setresp(4)" 1 c9 a1 a2
        EVAL "redis.setresp(3); return redis.call(\"config\",\"get\",\"port\")" 1 c9 a1 a2
        EVAL "redis.setresp(3); return redis.call(\"get\",\"nokey\")" 1 c9 a1 a2
        EVAL "return cjson.encode({1,2,{b=\"x\\n\\1\"}})" 1 c9 a1 a2
        EVAL "return cjson.decode(\"[1,2.5,null,\\\"a\\\"]\")" 1 c9 a1 a2
        EVAL "return redis.log(redis.LOG_WARNING,\"x\")" 1 c9 a1 a2
        EVAL "return redis.call(\"set\",\"k\",\"v\")" 1 c9 a1 a2
        EVAL "return redis.REDIS_VERSION" 1 c9 a1 a2
        EVAL "return tostring(redis.REDIS_VERSION_NUM)" 1 c9 a1 a2
        EVAL "return {double=3.5}" 1 c9 a1 a2
        EVAL "return {map={a=1}}" 1 c9 a1 a2
        EVAL "local ok,e=pcall(redis.call,\"nosuch\"); return type(e)" 1 c9 a1 a2
        EVAL "return string.format(\"%d\",3.7)" 1 c9 a1 a2
        EVAL "return math.floor(3.7)" 1 c9 a1 a2
        EVAL "return redis.call(\"ping\")" 1 c9 a1 a2
        EVAL "return tostring(1e20)" 1 c9 a1 a2
        EVAL "return tostring(2^53)" 1 c9 a1 a2
        EVAL "return 1e20 ..\"\"" 1 c9 a1 a2
        EVAL "return tostring(3)" 1 c9 a1 a2
        EVAL "return unpack({1,2})" 1 c9 a1 a2
        EVAL "return type(debug)" 1 c9 a1 a2
        EVAL "return type(os)" 1 c9 a1 a2
        EVAL "return tostring(os.clock)" 1 c9 a1 a2
        EVAL "return type(os.time)" 1 c9 a1 a2
        EVAL "return #KEYS" 1 c9 a1 a2
        EVAL "return redis.replicate_commands()" 1 c9 a1 a2
        EVAL "return type(collectgarbage)" 1 c9 a1 a2
        EVAL "return bit.tohex(255)" 1 c9 a1 a2
        EVAL "return cmsgpack.unpack(cmsgpack.pack({1,2}))" 1 c9 a1 a2
        EVAL "return struct.pack(\"HH\",1,2)" 1 c9 a1 a2
        EVAL "return tostring(nil)..redis.call(\"get\",\"nokey\")" 1 c9 a1 a2
        EVAL "return redis.call(\"config\",\"get\",\"port\")" 1 c9 a1 a2
        EVAL "return redis.call(\"eval\",\"return 1\",0)" 1 c9 a1 a2
        EVAL "return redis.set_repl(redis.REPL_ALL)" 1 c9 a1 a2
        EVAL "return redis.breakpoint()" 1 c9 a1 a2
        EVAL "return type(print)" 1 c9 a1 a2
        EVAL "return type(loadstring)" 1 c9 a1 a2
        EVAL "return type(setfenv)" 1 c9 a1 a2
        EVAL "return type(rawset)" 1 c9 a1 a2
        EVAL "return redis.call(\"echo\", 1.5)" 1 c9 a1 a2
        EVAL "return redis.call(\"echo\", 10/2)" 1 c9 a1 a2
        EVAL "return redis.call(\"echo\", 2^53)" 1 c9 a1 a2
        EVAL "return redis.call(\"echo\", 0.1)" 1 c9 a1 a2
        EVAL "return redis.call(\"echo\", true)" 1 c9 a1 a2
        EVAL "return math.pow(2,3)" 1 c9 a1 a2
        EVAL "return table.getn({1,2})" 1 c9 a1 a2
        EVAL "return -3.99" 1 c9 a1 a2
        EVAL "return redis.call(\"exec\")" 1 c9 a1 a2
        EVAL "return redis.call(\"Set\",\"str\")" 1 c9 a1 a2
        EVAL "return {redis.call(\"get\",\"str\"),redis.call(\"exists\",\"str\")}" 1 c9 a1 a2
        EVAL "return ARGV" 1 c9 a1 a2
        EVAL "return string.format('%5.1f|%s|%d|%q', 3.14159, 'a', '7', 'q')" 0
        EVAL "return {string.gsub('hello world','o','0')}" 0
        EVAL "return {string.gsub('hello','(l)(l)',function(a,b) return b..'-'..a end)}" 0
        EVAL "return {string.gsub('abc','%w','%0%0')}" 0
        EVAL "local t={5,2,8,1} table.sort(t,function(a,b) return a>b end) return t" 0
        EVAL "return {struct.unpack('>I2s', struct.pack('>I2s', 258, 'hi'))}" 0
        EVAL "return cmsgpack.pack({a=1})" 0
        EVAL "return cmsgpack.pack(1.5,-100,70000,'x',true,{1,2,3},-32,-33,255,256,2^40,-(2^40),0.1,{})" 0
        EVAL "return {bit.band(255,15),bit.bor(1,2),bit.lshift(1,31),bit.bnot(0),bit.arshift(-8,1)}" 0
        EVAL "return bit.tohex(-1,-4)" 0
        EVAL "return struct.pack('bBhHlLfdxsc3!i2>i4',1,2,3,4,5,6,1.5,2.5,'st','abcd',7,8)" 0
        EVAL "return struct.size('bhi!l')" 0
        EVAL "return string.format('%x %c %i %e %g',255,65,3.0,1.5,10/2)" 0
        EVAL "return tostring(0.1)..tostring(1/3)" 0
        EVAL "return tonumber('0x10')" 0
        EVAL "return tonumber('10',2)" 0
        EVAL "return {tonumber(' 5 '),tonumber('5x'),tonumber('1e2')}" 0
        EVAL "return math.max(1,2.5)*2" 0
        EVAL "return {math.modf(3.7)}" 0
        EVAL "return {7/2,7%3,-7%3,2^10}" 0
        EVAL "return #{1,2,nil,4}" 0
        EVAL "return table.concat({1,2.5,3},',')" 0
        EVAL "return table.concat({10/2},',')" 0
        EVAL "return {string.byte('abc',1,-1)}" 0
        EVAL "return string.len('\\0ab')" 0
        EVAL "return select('#',1,2,3)" 0
        EVAL "return {next({})}" 0
        EVAL "return type(next)" 0
        EVAL "local t={} t[1.0]='a' return t[1]" 0
        EVAL "return cjson.encode({a={}})" 0
        EVAL "return cjson.decode('{\"a\":{\"b\":5}}').a.b" 0
        EVAL "return cjson.decode('\"\\\\u00e9\"')" 0
        EVAL "return {cjson.decode('[true,false]')[1],1}" 0
        EVAL "return redis.sha1hex(5)" 0
        EVAL "return redis.log(5,'x')" 0
        EVAL "return redis.error_reply(5)" 0
        EVAL "return redis.sha1hex()" 0
        EVAL "return {KEYS[1] or 'none'}" 0
        EVAL "local x = redis.call('set','foo','bar'); return x.ok" 0
        EVAL "local x = redis.pcall('incr','foo'); return x.err" 0
        EVAL "return redis.call('incrby','n',10)" 0
        EVAL "return {redis.call('mget','foo','nokey')}" 0
        EVAL "return redis.call('mget','foo','nokey')[2]==false" 0
        EVAL "redis.setresp(3); return redis.call('mget','foo','nokey')[2]==nil" 0
        EVAL "return loadstring('return 1+1')()" 0
        EVAL "return type(_G)" 0
        EVAL "return _VERSION" 0
        EVAL "_G.x=1" 0
        EVAL "rawset(_G,'x',1)" 0
        EVAL "setmetatable(_G,{})" 0
        EVAL "getmetatable(_G).__index=1" 0
        EVAL "return getmetatable('')==nil" 0
        EVAL "function foo() end" 0
        eval "return 1" 2 a
        eval "return 1" -1
        eval "return 1" x
        evalsha abc 0
        evalsha e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0
        script load "return 1"
        script exists abc e0e1f9fabfc9d4800c877a703b823ac0578ff8db
        evalsha E0E1F9FABFC9D4800C877A703B823AC0578FF8DB 0
        script kill
        script flush foo
        script foo
        script flush async
        script exists e0e1f9fabfc9d4800c877a703b823ac0578ff8db
        eval_ro "return redis.call('set','a','b')" 0
        eval_ro "return redis.call('get','a')" 0
        evalsha_ro abc 0
        eval "#!lua flags=no-writes\nreturn redis.call('set','a','b')" 0
        eval "#!lua flags=foo\nreturn 1" 0
        eval "#!lua bar=foo\nreturn 1" 0
        eval "#!python\nreturn 1" 0
        eval "#!lua\nreturn redis.call('get','a')" 0
        eval "#!lua" 0
        eval "" 0
        MULTI
        EVAL "return redis.call('set',KEYS[1],ARGV[1])" 1 a b
        EXEC
        EVAL "return {KEYS,ARGV}" 2 a b c d
        COMMAND GETKEYS EVAL "return 1" 2 a b c
        COMMAND GETKEYS EVAL "return 1" 0 a b c
        SUBSCRIBE ch1
        SUBSCRIBE
        PSUBSCRIBE c*
        SSUBSCRIBE sh
        UNSUBSCRIBE ch1
        PING x
        UNSUBSCRIBE none
        PUNSUBSCRIBE
        SUNSUBSCRIBE
        SUNSUBSCRIBE
        PUBLISH ch1 m
        PUBLISH ch1
        SPUBLISH sh m
        PUBSUB CHANNELS
        PUBSUB CHANNELS a b
        PUBSUB NUMSUB a b
        PUBSUB NUMSUB
        PUBSUB NUMPAT
        PUBSUB NUMPAT x
        PUBSUB SHARDCHANNELS
        PUBSUB SHARDNUMSUB s
        PUBSUB NOSUCH
        PUBSUB
        MULTI
        SUBSCRIBE ch1
        SSUBSCRIBE ch1
        UNSUBSCRIBE
        EXEC
        MULTI
        EXEC x
        EXEC
        CONFIG GET notify-keyspace-events
        CONFIG SET notify-keyspace-events KEA
        CONFIG GET notify-keyspace-events
        CONFIG SET notify-keyspace-events Kxg
        CONFIG GET notify-keyspace-events
        CONFIG SET notify-keyspace-events ""
        CONFIG SET save ""
        COPY r3 c9 DB
        COPY r3 c9 BOGUS
        SET x1 v
        EXPIRE x1 100
        TTL x1
        PERSIST x1
        PERSIST x1
        PERSIST none
        TTL x1
        TTL none
        PTTL x1
        PTTL none
        EXPIRETIME x1
        EXPIRETIME none
        PEXPIREAT x1 33177117420000
        PEXPIRETIME x1
        EXPIRETIME x1
        ?PTTL x1
        EXPIRE x1 abc
        EXPIRE x1 9223372036854775807
        EXPIRE x1 -9223372036854775808
        PEXPIRE x1 9223372036854775807
        EXPIREAT x1 9223372036854775807
        EXPIRE x1 0
        EXISTS x1
        SET x2 v
        PEXPIREAT x2 1
        EXISTS x2
        SET x3 v
        EXPIREAT x3 0
        EXISTS x3
        SCAN abc
        SCAN +
        SCAN "1 "
        SCAN 0 COUNT
        SCAN 0 COUNT 0
        SCAN 0 COUNT abc
        SCAN 0 BOGUS 1
        SCAN 0 MATCH nosuch* COUNT 100000
        SCAN 0 TYPE list COUNT 100000
        SCAN 0 TYPE nosuchtype COUNT 100000
        ~SCAN 0 TYPE string COUNT 100000
        ~SCAN 0 TYPE STRING MATCH c* COUNT 100000
        ~KEYS *
        ?RANDOMKEY
        DBSIZE
        FLUSHDB BOGUS
        FLUSHDB ASYNC SYNC
        FLUSHDB ASYNC
        DBSIZE
        RANDOMKEY
        FLUSHALL SYNC
        # transactions
        EXEC
        DISCARD
        MULTI
        MULTI
        WATCH a
        SET a 1
        INCR a
        GET a
        EXEC
        MULTI
        SET a 1
        DISCARD
        MULTI
        NOSUCH
        SET a 2
        EXEC
        MULTI
        GET
        EXEC
        GET a
        MULTI
        SET a 1
        EXEC x
        DISCARD
        EXEC x
        MULTI
        NOSUCH
        EXEC x y
        PING
        MULTI
        DISCARD x
        EXEC
        MULTI
        SET s abc
        INCR s
        SET s2 x
        EXEC
        GET s2
        WATCH a b
        UNWATCH
        MULTI
        UNWATCH
        PING
        EXEC
        WATCH a
        SET a changed
        MULTI
        SET a never
        EXEC
        GET a
        WATCH a
        MULTI
        EXEC
        WATCH fl
        FLUSHALL
        MULTI
        EXEC
        SET fl 1
        WATCH fl
        FLUSHALL
        MULTI
        EXEC
        MULTI
        SAVE
        EXEC
        MULTI
        SELECT 5
        MSET a 1 b 2
        RENAME a c
        DEL b
        MGET a b c
        FLUSHALL
        SET after 1
        DBSIZE
        EXEC
        DBSIZE
        SELECT 0
        DBSIZE
        GET after
        MULTI
        RESET
        GET a
        # connection
        CLIENT GETNAME
        CLIENT SETNAME "with space"
        CLIENT SETNAME "line\n"
        CLIENT SETNAME me
        CLIENT GETNAME
        CLIENT SETNAME ""
        CLIENT GETNAME
        CLIENT NO-EVICT ON
        CLIENT NO-EVICT off
        CLIENT NO-EVICT maybe
        ?CLIENT ID
        CLIENT LIST BOGUS
        CLIENT LIST TYPE bogus
        CLIENT LIST ID abc
        CLIENT LIST TYPE replica
        AUTH x
        AUTH default x
        AUTH nobody x
        AUTH a b c
        HELLO abc
        HELLO 1
        HELLO 4
        HELLO 2 BOGUS
        HELLO 2 AUTH x
        HELLO 2 AUTH nobody x
        HELLO 2 SETNAME "a b"
        HELLO 2 SETNAME
        # server
        CONFIG GET save
        CONFIG GET appendonly
        CONFIG GET nosuch
        ~CONFIG GET requirepass timeout
        CONFIG SET nosuch 1
        CONFIG SET timeout abc
        CONFIG SET timeout -1
        CONFIG SET timeout 0
        CONFIG SET timeout 1 timeout 2
        CONFIG SET databases 3
        CONFIG SET save ""
        CONFIG SET appendonly no
        CONFIG SET cluster-enabled no
        CONFIG SET save "" save ""
        CONFIG SET protected-mode maybe
        CONFIG GET protected-mode
        CONFIG SET timeout 0 maxclients
        CONFIG RESETSTAT
        CONFIG REWRITE
        ?TIME
        SAVE
        BGSAVE BOGUS
        ?LASTSAVE
        SHUTDOWN BOGUS
        SHUTDOWN ABORT
        ROLE
        ROLE x
        WAIT 0 0
        WAIT 1 10
        WAIT -1 0
        WAIT x 0
        WAIT 0 x
        WAIT 0 -1
        WAIT 0
        READONLY
        READWRITE
        ASKING
        READONLY x
        CLUSTER
        CLUSTER INFO
        CLUSTER INFO x
        CLUSTER NODES
        CLUSTER SLOTS
        CLUSTER KEYSLOT k
        CLUSTER MEET a
        CLUSTER MEET 127.0.0.1 7000
        CLUSTER HELP
        CLUSTER NOSUCH
        MODULE LIST
        INFO nosuchsection
        COMMAND GETKEYS SET a b
        COMMAND GETKEYS MSET a b c d
        COMMAND GETKEYS PING
        COMMAND GETKEYS NOSUCH
        COMMAND GETKEYS GET
        COMMAND INFO nosuch
        COMMAND LIST x
        COMMAND LIST FILTERBY
        COMMAND LIST FILTERBY BOGUS x
        COMMAND LIST FILTERBY PATTERN
        COMMAND LIST FILTERBY MODULE x
        COMMAND LIST FILTERBY ACLCAT nosuch
        COMMAND LIST filterby pattern get
        ~COMMAND LIST FILTERBY PATTERN GET*E*
        ~COMMAND LIST FILTERBY PATTERN multi*
        ~COMMAND LIST FILTERBY ACLCAT transaction
        COMMAND DOCS nosuch
        """;
}
