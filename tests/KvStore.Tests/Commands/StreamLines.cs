namespace KvStore.Tests.Commands;

/// <summary>Lines of <see cref="CommandLines"/> on streams. They leave no key behind.</summary>
internal static class StreamLines
{
    public const string Text = """
        # entries
        XADD
        XADD s1 *
        XADD s1 * f
        XADD s1 * f v g
        XADD s1 0-0 f v
        XADD s1 - f v
        XADD s1 + f v
        XADD s1 abc f v
        XADD s1 1-abc f v
        XADD s1 1-1-1 f v
        XADD s1 -1-1 f v
        XADD s1 18446744073709551616-1 f v
        EXISTS s1
        XADD s1 NOMKSTREAM 1-1 f v
        XADD s1 0-* f v
        XADD s1 0-1 f v
        XADD s1 1-1 f v g w
        XADD s1 1-1 f v
        XADD s1 1 f v
        XADD s1 1-* f v
        XADD s1 2 f v
        XADD s1 2-* "" ""
        XADD s1 1-* f v
        XADD s1 0-0 f v
        XADD s1 03-+5 f v
        XADD s1 nomkstream 4-0 f v
        XADD s1 99999999999999-5 f v
        XADD s1 * f v
        ?XADD s2 * f v
        XLEN s1
        XLEN absent
        TYPE s1
        OBJECT ENCODING s1
        ?OBJECT REFCOUNT s1
        ?MEMORY USAGE s1
        GET s1
        LPUSH s1 x
        SET str x
        XADD str * f v
        XLEN str
        XRANGE str - +
        XDEL str 1-1
        XDEL str x
        XTRIM str MAXLEN 0
        XREAD STREAMS str 0
        XGROUP CREATE str g 0
        XGROUP DESTROY str g
        XINFO STREAM str
        XINFO GROUPS str
        XACK str g 1-1
        XPENDING str g
        XCLAIM str g c 0 1-1
        XAUTOCLAIM str g c 0 0
        XREADGROUP GROUP g c STREAMS str >
        XSETID str 1-1
        # ranges
        XRANGE s1 - +
        XREVRANGE s1 + -
        XRANGE s1 1 1
        XRANGE s1 1-2 2
        XRANGE s1 (1-1 (2-1
        XREVRANGE s1 (2-1 (1-1
        XRANGE s1 (18446744073709551615-18446744073709551615 +
        XRANGE s1 - (0-0
        XRANGE s1 (- +
        XRANGE s1 ( +
        XRANGE s1 (1-2 (1-2
        XRANGE s1 2 1
        XRANGE s1 x +
        XRANGE s1 - x
        XRANGE s1 - + COUNT 2
        XREVRANGE s1 + - COUNT 2
        XRANGE s1 - + COUNT 0
        XRANGE s1 - + COUNT -1
        XRANGE s1 - + COUNT -9
        XRANGE s1 - + COUNT x
        XRANGE s1 - + COUNT
        XRANGE s1 - + BOGUS 1
        XRANGE s1 - + COUNT 1 COUNT 3
        XRANGE absent - +
        XRANGE absent - + COUNT 0
        XREVRANGE s1 - +
        # reads
        XREAD STREAMS s1
        XREAD STREAMS s1 s2
        XREAD STREAMS s1 s2 0
        XREAD STREAMS s1 2-0
        XREAD COUNT 1 STREAMS s1 0
        XREAD COUNT 0 STREAMS s1 2-1
        XREAD COUNT -5 STREAMS s1 2-1
        XREAD COUNT x STREAMS s1 2-1
        XREAD STREAMS s1 $
        XREAD STREAMS absent $
        XREAD STREAMS absent 0
        XREAD STREAMS s1 absent 2-1 0
        XREAD COUNT 2 STREAMS s1 s1 0 2-0
        XREAD STREAMS s1 >
        XREAD STREAMS s1 abc
        XREAD STREAMS s1 18446744073709551615-18446744073709551615
        XREAD GROUP g c STREAMS s1 >
        XREAD NOACK STREAMS s1 0
        XREAD BOGUS STREAMS s1 0
        XREAD COUNT 1 BLOCK
        XREAD BLOCK x STREAMS s1 $
        XREAD BLOCK -1 STREAMS s1 $
        XREAD BLOCK 5 STREAMS s1 $
        XREAD BLOCK 1.5 STREAMS s1 $
        EVAL "return redis.pcall('xread','block','1','streams','s1','$')" 0
        EVAL "return redis.pcall('XREADGROUP','group','g','c','block','1','streams','s1','>')" 0
        EVAL "return redis.call('xread','count','1','streams','s1','0')" 0
        EVAL "return redis.call('xadd',KEYS[1],'100000000000000-1','a','b')" 1 s1
        MULTI
        XREAD BLOCK 0 STREAMS s1 $
        XADD s1 100000000000000-2 a b
        XRANGE s1 (100000000000000-1 +
        XREAD BLOCK 0 STREAMS s1 100000000000000-1
        EXEC
        # less
        XDEL s1
        XDEL s1 abc
        XDEL s1 1-1 abc
        XDEL absent abc
        XDEL s1 1-1 1-1 7-7
        XDEL s1 99999999999999-5
        XRANGE s1 - + COUNT 3
        XINFO STREAM s1
        XTRIM s1
        XTRIM s1 MAXLEN
        XTRIM s1 MAXLEN x
        XTRIM s1 MAXLEN -1
        XTRIM s1 BOGUS 1
        XTRIM s1 MAXLEN 1 MINID 1
        XTRIM s1 MAXLEN 1 MAXLEN 1
        XTRIM s1 MAXLEN 1 LIMIT 1
        XTRIM s1 MAXLEN = 1 LIMIT 1
        XTRIM s1 MAXLEN ~ 1 LIMIT -1
        XTRIM s1 MAXLEN ~ 1 LIMIT x
        XTRIM s1 LIMIT 1
        XTRIM s1 LIMIT 0 MAXLEN
        XTRIM s1 MINID abc
        XTRIM s1 MAXLEN ~ 5
        XTRIM s1 MINID ~ 2
        XTRIM s1 MAXLEN 7
        XTRIM s1 MAXLEN = 6
        XTRIM s1 MINID 2
        XTRIM s1 MINID = 2-1
        XTRIM absent MAXLEN 0
        XTRIM absent MINID ~ 7
        XRANGE s1 - +
        XADD s1 MAXLEN 3 100000000000000-3 a b
        XADD s1 MAXLEN = 2 100000000000000-4 a b
        XADD s1 MINID 100000000000000-4 100000000000000-5 a b
        XADD s1 MAXLEN ~ 0 LIMIT 0 100000000000000-6 a b
        XADD s1 LIMIT 1 100000000000000-7 a b
        XADD s1 LIMIT 0 100000000000000-7 a b
        XADD s1 MAXLEN 5 100000000000000-8
        XADD s1 MAXLEN 5 NOMKSTREAM 100000000000000-8 a b
        XADD s1 MAXLEN 5
        XADD s1 MAXLEN 0 100000000000000-9 a b
        XLEN s1
        XRANGE s1 - +
        XINFO STREAM s1
        XINFO STREAM s1 FULL
        XADD s1 * a b
        XADD s1 18446744073709551615-18446744073709551614 a b
        XADD s1 18446744073709551615-* a b
        XADD s1 18446744073709551615-* a b
        XADD s1 * a b
        XREAD STREAMS s1 18446744073709551615-18446744073709551614
        XREAD STREAMS s1 18446744073709551615-18446744073709551615
        XTRIM s1 MINID 18446744073709551615-18446744073709551615
        XDEL s1 18446744073709551615-18446744073709551615
        XADD s1 * a b
        XADD s3 5-18446744073709551615 a b
        XADD s3 5-* a b
        XADD s3 6 a b
        XSETID s3
        XSETID s3 abc
        XSETID s3 1
        XSETID absent 1
        XSETID s3 7-1
        XSETID s3 8 ENTRIESADDED 1
        XSETID s3 8 ENTRIESADDED -1
        XSETID s3 8 ENTRIESADDED x
        XSETID s3 8 ENTRIESADDED 100 MAXDELETEDID 7-0
        XSETID s3 8 MAXDELETEDID 9
        XSETID s3 8 MAXDELETEDID x
        XSETID s3 8 BOGUS
        XSETID s3 6-5
        XINFO STREAM s3
        XADD s3 8-* a b
        XTRIM s3 MAXLEN 0
        XSETID s3 7-0
        XADD s3 7-1 a b
        XRANGE s3 - +
        XINFO STREAM s3
        XINFO STREAM s3 FULL COUNT
        XINFO STREAM s3 FULL COUNT x
        XINFO STREAM s3 FULL COUNT 0
        XINFO STREAM s3 FULL BOGUS 1
        XINFO STREAM s3 BOGUS
        XINFO STREAM absent
        XINFO STREAM
        XINFO BOGUS s3
        XINFO HELP
        XGROUP HELP
        XGROUP
        XINFO
        DEL s1 s3

        """ + Groups;

    private const string Groups = """

        # groups
        XGROUP CREATE absent g 0
        XGROUP CREATE absent g abc MKSTREAM
        XGROUP CREATE s4 g $ MKSTREAM
        XGROUP CREATE s4 g $ MKSTREAM
        XGROUP CREATE s4 g 0
        XINFO STREAM s4
        XINFO GROUPS s4
        XADD s4 1-1 a 1
        XADD s4 1-2 b 2
        XADD s4 2-1 c 3
        XADD s4 3-1 d 4
        XADD s4 4-1 e 5
        XGROUP CREATE s4 h $ ENTRIESREAD 5
        XGROUP CREATE s4 h2 2-1 ENTRIESREAD -2
        XGROUP CREATE s4 h2 2-1 ENTRIESREAD x
        XGROUP CREATE s4 h2 2-1 ENTRIESREAD
        XGROUP CREATE s4 h2 2-1 BOGUS
        XGROUP CREATE s4 h2 2-1 ENTRIESREAD 3 MKSTREAM
        XGROUP CREATE s4 h2 abc
        XGROUP CREATE s4 h3 1-2
        XINFO GROUPS s4
        XREADGROUP GROUP g c STREAMS s4
        XREADGROUP GROUP nobody c STREAMS s4 >
        XREADGROUP GROUP g c STREAMS absent >
        XREADGROUP GROUP g c STREAMS s4 $
        XREADGROUP GROUP g c STREAMS s4 abc
        XREADGROUP COUNT 1 STREAMS s4 s4 > >
        XREADGROUP GROUP g c COUNT 1 STREAMS s4 absent > >
        XREADGROUP GROUP g c STREAMS s4 s4 >
        XREADGROUP GROUP g c COUNT 2 STREAMS s4 >
        XREADGROUP GROUP g d NOACK COUNT 1 STREAMS s4 >
        XREADGROUP GROUP g d COUNT 1 STREAMS s4 >
        XREADGROUP GROUP g c STREAMS s4 0
        XREADGROUP GROUP g c STREAMS s4 1-1
        XREADGROUP GROUP g d COUNT 1 STREAMS s4 0
        XREADGROUP GROUP g e STREAMS s4 0
        XREADGROUP GROUP g c STREAMS s4 18446744073709551615-18446744073709551615
        XREADGROUP GROUP g c STREAMS s4 >
        XREADGROUP GROUP g c BLOCK 5 STREAMS s4 >
        XINFO GROUPS s4
        XPENDING s4 g
        XPENDING s4 nobody
        XPENDING absent g
        XPENDING s4 g -
        XPENDING s4 g - +
        XPENDING s4 g - + x
        XPENDING s4 g x + 1
        XPENDING s4 g - x 1
        XPENDING s4 g - + 0
        XPENDING s4 g - + -1
        XPENDING s4 g - + 10 nobody
        XPENDING s4 g IDLE x - + 10
        XPENDING s4 g IDLE 1 - +
        XPENDING s4 g IDLE 100000000 - + 10
        XPENDING s4 g IDLE 100000000 - + 10 c
        XPENDING s4 g (18446744073709551615-18446744073709551615 + 10
        ?XPENDING s4 g - + 10
        XDEL s4 1-2
        XREADGROUP GROUP g c STREAMS s4 0
        XREADGROUP GROUP h3 c STREAMS s4 >
        XINFO GROUPS s4
        XACK s4 g
        XACK s4 g abc
        XACK s4 g 1-1 abc
        XACK s4 nobody abc
        XACK absent g 1-1
        XACK s4 g 1-1 1-1 9-9
        XPENDING s4 g
        XCLAIM s4 g d 0
        XCLAIM s4 g d x 3-1
        XCLAIM s4 nobody d 0 3-1
        XCLAIM absent g d 0 3-1
        XCLAIM s4 g d 0 3-1 BOGUS
        XCLAIM s4 g d 0 3-1 IDLE
        XCLAIM s4 g d 0 3-1 IDLE x
        XCLAIM s4 g d 0 3-1 TIME x
        XCLAIM s4 g d 0 3-1 RETRYCOUNT x
        XCLAIM s4 g d 0 3-1 LASTID x
        XCLAIM s4 g d 100000000 3-1 4-1
        XCLAIM s4 g d 0 3-1 4-1 1-2
        XCLAIM s4 g new 0 3-1 JUSTID
        XCLAIM s4 g e 0 1-1 FORCE RETRYCOUNT 7 JUSTID
        XCLAIM s4 g e 0 2-1
        XCLAIM s4 g e 0 2-1 FORCE
        XCLAIM s4 g e -5 9-9 FORCE JUSTID
        XCLAIM s4 g e 0 2-1 LASTID 4-5 TIME -1 JUSTID
        XCLAIM s4 g e 0 JUSTID
        XPENDING s4 g
        XINFO GROUPS s4
        XAUTOCLAIM s4 g c x 0
        XAUTOCLAIM s4 g c 0 x
        XAUTOCLAIM s4 g c 0 (18446744073709551615-18446744073709551615
        XAUTOCLAIM s4 g c 0 0 COUNT
        XAUTOCLAIM s4 g c 0 0 COUNT 0
        XAUTOCLAIM s4 g c 0 0 COUNT x
        XAUTOCLAIM s4 g c 0 0 COUNT 9223372036854775807
        XAUTOCLAIM s4 g c 0 0 BOGUS
        XAUTOCLAIM s4 nobody c 0 0
        XAUTOCLAIM absent g c 0 0
        XAUTOCLAIM s4 g c 100000000 0
        XDEL s4 2-1
        XAUTOCLAIM s4 g c 0 0 COUNT 1 JUSTID
        XAUTOCLAIM s4 g c 0 1-2 COUNT 1
        XAUTOCLAIM s4 g c 0 (1-1 COUNT 2
        XAUTOCLAIM s4 g c 0 0
        XPENDING s4 g
        XGROUP CREATECONSUMER s4 g x
        XGROUP CREATECONSUMER s4 g x
        XGROUP CREATECONSUMER s4 nobody x
        XGROUP CREATECONSUMER absent g x
        XGROUP DELCONSUMER s4 g x
        XGROUP DELCONSUMER s4 g x
        XGROUP DELCONSUMER s4 g c
        XGROUP DELCONSUMER s4 nobody c
        XGROUP SETID s4 nobody 0
        XGROUP SETID s4 g abc
        XGROUP SETID s4 g $
        XGROUP SETID s4 g 1-1 ENTRIESREAD 1
        XGROUP SETID s4 g 1-1 MKSTREAM
        XINFO GROUPS s4
        ?XINFO CONSUMERS s4 g
        XINFO CONSUMERS s4 nobody
        XINFO CONSUMERS absent g
        XINFO CONSUMERS s4
        XPENDING s4 g
        COPY s4 s5
        XINFO GROUPS s5
        XREADGROUP GROUP g c STREAMS s5 >
        XREADGROUP GROUP g c STREAMS s4 s5 > 0
        XGROUP DESTROY s4 g
        XGROUP DESTROY s4 g
        XGROUP DESTROY absent g
        XGROUP CREATE s4 g 0
        XPENDING s4 g
        XINFO CONSUMERS s4 g
        RENAME s5 s6
        XPENDING s6 g
        XTRIM s6 MAXLEN 0
        XPENDING s6 g
        XREADGROUP GROUP g c STREAMS s6 0
        XREADGROUP GROUP g c STREAMS s6 >
        XINFO GROUPS s6
        XAUTOCLAIM s6 g c 0 0
        XADD s6 1000-1 a b
        XINFO GROUPS s6
        EXPIRE s6 1000
        SCAN 0 TYPE stream MATCH s6 COUNT 100000
        EVAL "return redis.call('xreadgroup','group','g','c','streams',KEYS[1],'>')" 1 s6
        EVAL "return redis.call('xack',KEYS[1],'g','1000-1')" 1 s6
        MULTI
        XADD s6 1000-2 a b
        XGROUP DESTROY s6 g
        XGROUP CREATE s6 g 0
        XREADGROUP GROUP g c BLOCK 0 STREAMS s6 >
        XREADGROUP GROUP g c BLOCK 0 STREAMS s6 >
        DEL s6
        XADD s6 1-1 a b
        XINFO GROUPS s6
        EXEC
        COMMAND GETKEYS XREAD STREAMS a b 0 0
        COMMAND GETKEYS XREAD COUNT 2 BLOCK 0 STREAMS streams b 0 0
        COMMAND GETKEYS XREADGROUP GROUP streams g NOACK STREAMS a b > >
        COMMAND GETKEYS XREAD a b c d
        COMMAND GETKEYS XADD a * b c
        DEL s2 s4 s6 str
        """;
}
