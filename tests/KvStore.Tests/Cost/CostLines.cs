namespace KvStore.Tests.Cost;

/// <summary>
/// A line of what to send, which grows: lines before the last <c>|</c> are sent first and not measured. What stands in
/// braces comes <c>n</c> times, <c>#</c> in it is which time it is, and <c>~</c> is a text of <c>n</c> bytes.
/// </summary>
internal static class CostLines
{
    /// <summary>Requests of many arguments, and replies of many elements.</summary>
    public static readonly string[] Many =
    [
        "MGET {k#}", "MSET {k# v}", "MSETNX {k# v}", "DEL {k#}", "MSET {k# v}|DEL {k#}", "MSET {k# v}|UNLINK {k#}",
        "MSET {k# v}|EXISTS {k#}", "MSET {k# v}|TOUCH {k#}", "MSET {k# v}|MGET {k#}", "MSET {k# v}|KEYS *",
        "MSET {k# v}|SCAN 0 COUNT n", "MSET {k# v}|WATCH {k#}", "WATCH {k}", "MSET {k# v}|FLUSHALL",
        "MSET {k# v}|FLUSHDB", "BITOP OR d {k#}", "MSET {k# v}|BITOP XOR d {k#}", "BITFIELD k {SET u8 # 1}",
        "BITFIELD k {INCRBY u5 #00 1}", "SETBIT k 9000000 1|BITFIELD k {INCRBY u5 #00 1}", "BITFIELD_RO k {GET u8 #}",
        "SET s v|BITFIELD k {GET u8 #}", "PFADD p {m#}", "PFCOUNT {p#}", "PFADD p a|PFCOUNT {p}", "PFMERGE d {p#}",
        "HSET h {f# v}", "HMSET h {f# v}", "HSET h {f# v}|HMGET h {f#}", "HSET h {f# v}|HDEL h {f#}",
        "HSET h {f# v}|HGETALL h", "HSET h {f# v}|HKEYS h", "HSET h {f# v}|HVALS h", "HSET h {f# v}|HRANDFIELD h n",
        "HSET h {f# v}|HRANDFIELD h -n WITHVALUES", "HSET h {f# v}|HSCAN h 0 COUNT n", "HSET h {f# v}|COPY h g",
        "HSET h {f# v}|HEXPIRE h 100 FIELDS n {f#}", "HSET h {f# v}|HPEXPIRE h 100000 FIELDS n {f#}",
        "HSET h {f# v}|HEXPIREAT h 9999999999 FIELDS n {f#}",
        "HSET h {f# v}|HPEXPIREAT h 9999999999999 FIELDS n {f#}", "HSET h {f# v}|HTTL h FIELDS n {f#}",
        "HSET h {f# v}|HPTTL h FIELDS n {f#}", "HSETEX h EX 100 FIELDS n {f# v}",
        "HSET h {f# v}|HEXPIRETIME h FIELDS n {f#}", "HSET h {f# v}|HPEXPIRETIME h FIELDS n {f#}",
        "HSET h {f# v}|HPERSIST h FIELDS n {f#}", "HSET h {f# v}|HGETDEL h FIELDS n {f#}",
        "HSET h {f# v}|HGETEX h EX 100 FIELDS n {f#}", "SADD s {m#}", "SADD s {#}", "SADD s {m#}|SREM s {m#}",
        "SADD s {m#}|SMISMEMBER s {m#}", "SADD s {m#}|SMEMBERS s", "SADD s {m#}|SPOP s n", "SADD s {m#}|SSCAN s 0",
        "SADD s {m#}|SRANDMEMBER s n", "SADD s {m#}|SRANDMEMBER s -n", "SADD s {m#}|SUNION s s", "SUNION {s#}",
        "SADD s {m#}|SINTER s s", "SINTER {s#}", "SADD s a|SINTER {s}", "SADD s {m#}|SDIFF s t", "SDIFF {s#}",
        "SADD s a|SUNION {s}", "SADD s {m#}|SUNIONSTORE d s", "SUNIONSTORE d {s#}", "SADD s {m#}|SINTERSTORE d s s",
        "SINTERSTORE d {s#}", "SDIFFSTORE d {s#}", "SADD s {m#}|SDIFFSTORE d s t", "SINTERCARD n {s#}",
        "SADD s {m#}|SINTERCARD 2 s s", "RPUSH l {v#}", "LPUSH l {v#}", "RPUSH l a|LPUSHX l {v#}",
        "RPUSH l a|RPUSHX l {v#}", "RPUSH l {v#}|LPOP l n", "RPUSH l {v#}|RPOP l n", "RPUSH l {v#}|LRANGE l 0 -1",
        "RPUSH l {v#}|LREM l 0 v1", "RPUSH l {v}|LREM l 0 v", "RPUSH l {v#}|LTRIM l 1 3", "RPUSH l {v#}|LPOS l x",
        "RPUSH l {v}|LPOS l v COUNT 0", "RPUSH l {v#}|LMPOP 1 l LEFT COUNT n", "LMPOP n {l#} LEFT",
        "RPUSH l {v#}|LINSERT l BEFORE x y", "RPUSH l {v#}|SORT l ALPHA", "RPUSH l {#}|SORT l DESC STORE d",
        "RPUSH l {#}|SORT_RO l BY w*", "RPUSH l {#}|SORT l BY nosort GET w* GET #", "SORT l {GET w*}",
        "BLPOP {l#} 0.001", "BRPOP {l#} 0.001", "BZPOPMIN {l#} 0.001", "BZPOPMAX {l#} 0.001",
        "BLMPOP 0.001 n {l#} LEFT", "BZMPOP 0.001 n {l#} MIN", "ZADD z {# m#}", "ZADD z {1 m#}", "ZADD z {# m}",
        "ZADD z {# m#}|ZREM z {m#}", "ZADD z {# m#}|ZMSCORE z {m#}", "ZADD z {# m#}|ZRANGE z 0 -1 WITHSCORES",
        "ZADD z {# m#}|ZREVRANGE z 0 -1", "ZADD z {# m#}|ZRANGEBYSCORE z -inf +inf", "ZADD z {# m#}|ZPOPMIN z n",
        "ZADD z {# m#}|ZREVRANGEBYSCORE z +inf -inf", "ZADD z {1 m#}|ZRANGEBYLEX z - +", "ZADD z {# m#}|ZPOPMAX z n",
        "ZADD z {1 m#}|ZREVRANGEBYLEX z + -", "ZADD z {# m#}|ZRANGESTORE d z 0 -1", "ZADD z {# m#}|ZSCAN z 0 COUNT n",
        "ZADD z {# m#}|ZRANDMEMBER z n", "ZADD z {# m#}|ZRANDMEMBER z -n", "ZADD z {# m#}|ZREMRANGEBYRANK z 0 -1",
        "ZADD z {# m#}|ZREMRANGEBYSCORE z -inf +inf", "ZADD z {1 m#}|ZREMRANGEBYLEX z - +",
        "ZADD z {# m#}|ZCOUNT z 1 9", "ZADD z {# m#}|ZUNION 2 z z", "ZUNION n {z#}", "ZADD z 1 a|ZUNION n {z}",
        "ZADD z {# m#}|ZINTER 2 z z", "ZINTER n {z#}", "ZADD z {# m#}|ZDIFF 2 z y", "ZDIFF n {z#}",
        "ZADD z {# m#}|ZUNIONSTORE d 2 z z", "ZUNIONSTORE d n {z#} WEIGHTS {1}", "ZINTERSTORE d n {z#}",
        "ZADD z {# m#}|ZINTERSTORE d 2 z z", "ZDIFFSTORE d n {z#}", "ZADD z {# m#}|ZDIFFSTORE d 2 z y",
        "ZINTERCARD n {z#}", "ZMPOP n {z#} MIN", "ZADD z {# m#}|ZMPOP 1 z MAX COUNT n",
        "ZADD z {# m#}|ZLEXCOUNT z - +", "GEOADD g {1 2 m#}", "GEOADD g {1 2 m#}|GEOPOS g {m#}",
        "GEOADD g {1 2 m#}|GEOHASH g {m#}", "GEOADD g {1 2 m#}|GEOSEARCH g FROMLONLAT 1 2 BYRADIUS 9 km ASC",
        "GEOADD g {1 2 m#}|GEORADIUS g 1 2 9 km", "GEOADD g {1 2 m#}|GEOSEARCHSTORE d g FROMLONLAT 1 2 BYRADIUS 9 km",
        "GEOADD g {1 2 m#}|GEORADIUS_RO g 1 2 9 km", "GEOADD g {1 2 m#}|GEORADIUSBYMEMBER g m1 9 km",
        "GEOADD g {1 2 m#}|GEORADIUSBYMEMBER_RO g m1 9 km DESC", "XADD x * {f# v}", "XADD x * {f# v}|XRANGE x - +",
        "XADD x * {f# v}|XREVRANGE x + -", "XDEL x {#-1}", "XADD x * f v|XDEL x {#-1}",
        "XADD x * f v|XGROUP CREATE x g 0|XACK x g {#-1}", "XREAD STREAMS {x#} {0}",
        "XADD x * f v|XGROUP CREATE x g 0|XCLAIM x g c 0 {#-1}", "XADD x * f v|XREAD STREAMS {x} {0}",
        "XADD x * f v|XGROUP CREATE x g 0|XREADGROUP GROUP g c STREAMS {x} {>}", "SUBSCRIBE {c#}", "PSUBSCRIBE {c#*}",
        "SSUBSCRIBE {c#}", "SUBSCRIBE {c#}|UNSUBSCRIBE {c#}", "PSUBSCRIBE {c#*}|PUNSUBSCRIBE {c#*}",
        "PSUBSCRIBE {c#*}|PUNSUBSCRIBE", "SUBSCRIBE {c#}|UNSUBSCRIBE", "SSUBSCRIBE {c#}|SUNSUBSCRIBE {c#}",
        "PUBSUB NUMSUB {c#}", "PUBSUB SHARDNUMSUB {c#}", "CONFIG GET {maxmemor*}", "CONFIG SET {timeout 0}",
        "ACL SETUSER u {~k#}", "ACL SETUSER u {+get}", "ACL SETUSER u {&c#}", "ACL DELUSER {u#}",
        "ACL DRYRUN default MGET {k#}", "COMMAND INFO {get}", "COMMAND DOCS {get}", "COMMAND GETKEYS MGET {k#}",
        "COMMAND COUNT {x}", "INFO {server}", "INFO {#}", "LATENCY RESET {e#}", "LATENCY HISTOGRAM {get}",
        "SCRIPT EXISTS {s#}", "CLIENT KILL ID {#}", "CLIENT TRACKING on BCAST {PREFIX p#:}", "EVAL script 0 {a#}",
        "EVAL_RO script n {k#}", "EVALSHA s 0 {#}", "EVALSHA_RO s 0 {#}", "AUTH {x}", "HELLO 3 {SETNAME x}",
        "REPLCONF {capa}", "PING {x}",
        "SET k v {KEEPTTL}", "GETEX k {PERSIST}", "COPY a b {REPLACE}", "EXPIRE k 10 {XX}",
        "EXPIREAT k 10 {XX}", "PEXPIRE k 10 {GT}", "PEXPIREAT k 10 {XX}", "BITCOUNT k {1}", "BITPOS k 1 {1}",
        "LCS a b {IDX}", "GEODIST g a b {km}", "XTRIM x MAXLEN {1}", "XPENDING x g {1}",
        "XAUTOCLAIM x g c 0 0 {JUSTID}", "XSETID x 1-1 {1}", "XINFO STREAM x {FULL}",
        "XGROUP CREATE x g 0 {MKSTREAM}", "OBJECT ENCODING {k}", "MEMORY USAGE k {SAMPLES 5}", "DEBUG OBJECT {k}",
        "SLOWLOG GET {1}", "LOLWUT {1}", "BGSAVE {x}", "COMMAND LIST {x}", "CLIENT NO-EVICT {on}", "FLUSHALL {ASYNC}",
        "ZINTERSTORE d 1 z {WEIGHTS 1}", "FCALL f 0 {a#}", "FCALL_RO f n {k#}", "FUNCTION DELETE {f}",
        "FUNCTION LIST {WITHCODE}", "CLUSTER COUNTKEYSINSLOT {1}", "MODULE LIST {x}", "RPUSH l {v}|LREM l 4 v",
        "RPUSH l {v}|LREM l -4 v",
    ];

    /// <summary>Requests with a long argument, and replies of one.</summary>
    public static readonly string[] Long =
    [
        "SET k ~", "SET k ~ GET", "SET k ~|GET k", "SET k ~|GETSET k ~", "SETNX k ~", "SETEX k 100 ~", "MSET k ~ j ~",
        "APPEND k ~", "SET k ~|APPEND k ~", "SETRANGE k 5 ~", "SETRANGE k 1000000 ~", "SET k ~|SETRANGE k 77 ~",
        "SET k ~|GETRANGE k 1 -1", "SET k ~|APPEND k x|GET k", "SET k ~|APPEND k x|GETRANGE k 1 -1",
        "SET k ~|GETDEL k", "SET k ~|MGET k k k", "SET k ~|BITCOUNT k", "SET k ~|APPEND k x|BITCOUNT k",
        "SET k ~|BITPOS k 0", "SET k ~|BITOP NOT d k", "SET k ~|APPEND k x|BITOP XOR d k k", "SET k ~|COPY k j",
        "SET k ~|APPEND k x|COPY k j", "HSET h f ~", "HSET h f ~|HGET h f", "HSET h f ~|HGETALL h",
        "HINCRBYFLOAT h f ~", "INCRBYFLOAT k ~", "INCRBY k ~", "SET k ~|INCR k", "SET k ~|INCRBYFLOAT k 1",
        "RPUSH l ~", "RPUSH l ~|LRANGE l 0 -1", "RPUSH l ~|LPOP l", "RPUSH l ~|LREM l 0 ~", "RPUSH l ~|LPOS l ~",
        "RPUSH l a|LINSERT l BEFORE a ~", "RPUSH l a|LSET l 0 ~", "XADD x * f ~", "XADD x * f ~|XRANGE x - +",
        "PFADD p ~", "ECHO ~", "PING ~", "PUBLISH c ~", "SUBSCRIBE ~", "EVAL ~ 0", "EVAL script 0 ~", "SCRIPT LOAD ~",
        "KEYS ~", "SET k v|KEYS ~", "SCAN 0 MATCH ~", "CONFIG GET ~", "CLIENT SETNAME ~", "AUTH ~",
        "HELLO 3 AUTH u ~", "ACL SETUSER u >~", "ACL SETUSER u ~", "SELECT ~", "EXPIRE k ~", "SORT l BY ~", "LCS k ~",
        "GEOADD g 1 2 ~", "ZADD z ~ m", "ZADD z 1 ~", "SADD s ~", "XREAD STREAMS x ~", "~", "DEBUG ~ x", "COMMAND ~",
        "BITFIELD k SET u8 ~ 1", "BITFIELD k SET ~ 1 1", "SETBIT k ~ 1", "ZRANGEBYLEX z [~ +", "ZRANGEBYSCORE z ~ 1",
        "LATENCY HISTOGRAM ~", "SPUBLISH c ~", "HSCAN h 0 MATCH ~", "PSUBSCRIBE ~", "SUBSTR k ~ 1", "RESTORE k 0 ~",
        "SET k ~|EXPIRE k 100", "SET k ~ EX 100|PERSIST k", "SET k ~|RENAME k j", "SET k ~|GETEX k EX 100",
        "SET k ~|MOVE k 1", "SET k ~|APPEND k x|MOVE k 1", "SET k ~|COPY k k DB 1",
        "SET k ~|DUMP k", "SET k ~|APPEND k x|DUMP k", "FUNCTION LOAD ~", "FUNCTION RESTORE ~", "FCALL ~ 0",
        "CLUSTER KEYSLOT ~",
    ];

    /// <summary>Short requests on what is large: they cost what they cost on what is small.</summary>
    public static readonly string[] Short =
    [
        "SET k ~|APPEND k x|APPEND k x", "SET k ~|APPEND k x|SETBIT k 9 1", "SET k ~|APPEND k x|SETRANGE k 99 xyz",
        "SET k ~|APPEND k x|BITFIELD k INCRBY u8 7 1", "SET k ~|STRLEN k", "SET k ~|GETRANGE k 5 9",
        "SET k ~|GETBIT k 9", "SET k ~|APPEND k x|STRLEN k", "SET k ~|APPEND k x|GETRANGE k 5 9",
        "SET k ~|APPEND k x|GETBIT k 9", "SET k ~|APPEND k x|RENAME k j", "SET k ~|RENAME k j|RENAME j k",
        "SET k ~|TYPE k", "SET k ~|EXPIRE k 50|EXPIRE k 100", "SET k ~|INCR k", "SET k ~|INCRBYFLOAT k 1",
        "SET k ~|APPEND k x|INCR k", "SET k ~|APPEND k x|PFADD k a", "SET k ~|APPEND k x|PFCOUNT k",
        "SET k ~|PFADD k a", "SET k ~|OBJECT ENCODING k", "SET k ~|MEMORY USAGE k", "SET k ~|APPEND k x|PERSIST k",
        "SET k ~|APPEND k x|HGET k f", "SET k ~|APPEND k x|TTL k", "SET k ~|DEL k", "SET k ~|APPEND k x|EXPIRE k 100",
        "SETRANGE k 500000000 x", "SETBIT k 4000000000 1", "SET k ~|SETNX k x", "SET k ~|APPEND k x|BITPOS k 1 0 9",
        "SET k ~|BITCOUNT k 0 9", "SET k ~|SET k x", "SET k ~|GETEX k EX x", "SET k ~ EX 90|EXPIRE k 50|PERSIST k",
        "SET k ~|APPEND k x|EXPIREAT k 9999999999", "SET k ~|EXPIRE k 100 XX", "SET k ~|PERSIST k",
    ];

    /// <summary>
    /// On what is as long as a value may be; <c>^</c> is of zeros. What makes a second value of it, or replies it, is
    /// linear in it.
    /// </summary>
    public static readonly string[] Longest =
    [
        "SET k ~", "SET k ~|GET k", "SET k ~|GETDEL k", "SET k ~|GETSET k v", "SET k ~|MGET k", "SET k ~|DUMP k",
        "SET k ~|GETRANGE k 1 -1", "SET k ~|APPEND k x", "SET k ~|APPEND k x|GET k", "SETRANGE k 5 ~", "APPEND k ~",
        "SET k ~|APPEND k x|BITCOUNT k", "SET k ~|BITCOUNT k", "SET k ^|BITPOS k 1", "SET k ~|BITOP NOT d k",
        "SET k ~|COPY k j", "SET k ~|APPEND k x|COPY k j", "SET k ~|RENAME k j", "SET k ~|EXPIRE k 100",
        "SET k ~ EX 100|PERSIST k", "SET k ~|MOVE k 1", "SET k ~|SETBIT k 9 1", "HSET h f ~", "HSET h f ~|HGET h f",
        "HSET h f ~|HDEL h f", "RPUSH l ~", "RPUSH l ~|LPOP l", "RPUSH l ~|LRANGE l 0 -1", "SADD s ~", "ZADD z 1 ~",
        "XADD x * f ~", "XADD x * f ~|XRANGE x - +", "PFADD p ~", "PUBLISH c ~", "ECHO ~", "EVAL ~ 0",
        "EVAL script 0 ~", "KEYS ~", "RESTORE k 0 ~", "INCRBYFLOAT k ~", "LCS k ~", "SET ~ v", "SORT l BY ~",
    ];

    /// <summary>Short requests on the same: what the first change made a string of chunks is not copied.</summary>
    public static readonly string[] ShortOnLongest =
    [
        "SET k ~|STRLEN k", "SET k ~|GETRANGE k 5 9", "SET k ~|GETBIT k 9", "SET k ~|TYPE k", "SET k ~|DEL k",
        "SET k ~|SET k x", "SET k ~|SETBIT k 7 1|APPEND k x", "SET k ~|APPEND k x|SETRANGE k 99 xyz",
        "SET k ~|APPEND k x|RENAME k j", "SET k ~|APPEND k x|EXPIRE k 9", "SET k ~|EXPIRE k 9|PERSIST k",
        "SET k ~|APPEND k x|DEL k", "SET k ~|APPEND k x|SET k x", "SET k ~|APPEND k x|BITFIELD k INCRBY u8 7 1",
        "SETRANGE k 536870911 x", "SETBIT k 4294967295 1", "SET k ~|INCR k", "SET k ~|MEMORY USAGE k",
    ];
}
