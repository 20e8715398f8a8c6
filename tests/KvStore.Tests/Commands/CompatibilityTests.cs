using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Commands;

/// <summary>What redis-server does between the commands of several clients, and to scripts: the same here.</summary>
public sealed class CompatibilityTests(ServerPair pair) : IClassFixture<ServerPair>
{
    private static readonly Dictionary<string, string> s_conversations = new(StringComparer.Ordinal)
    {
        ["what runs in a pause of writes"] = """
            d: SET k 1
            d: PFADD p a
            d: FUNCTION LOAD "#!lua name=l\nredis.register_function{function_name='ro',flags={'no-writes'},\
            callback=function() return 'ran' end}"
            d: SCRIPT LOAD "#!lua flags=no-writes\nreturn 2"
            a: CLIENT PAUSE 60000 WRITE
            b: EVAL_RO "return redis.call('get',KEYS[1])" 1 k
            b: EVAL "#!lua flags=no-writes\nreturn 1" 0
            b: EVALSHA ae33f9227913b24d053a555637f98260b23bd3a3 0
            b: SCRIPT EXISTS x
            b: FCALL ro 0
            b: SET k
            b: NOSUCH
            b: MULTI
            b: EVAL "#!lua flags=no-writes\nreturn 3" 0
            b: EXEC
            c> PFCOUNT p
            e> EVAL "return 1" 0
            f> FCALL none 0
            a: CLIENT UNPAUSE
            c<
            e<
            f<
            d: FUNCTION FLUSH
            """,
        ["a script that says that it does not write"] = """
            a: EVAL_RO "return redis.call('publish','c','m')" 0
            a: EVAL_RO "return redis.call('spublish','c','m')" 0
            a: EVAL_RO "return redis.call('pfcount','p')" 1 p
            a: EVAL "#!lua flags=no-writes\nreturn redis.call('publish','c','m')" 0
            a: EVAL "return redis.call('publish','c','m')" 0
            """,
        ["a transaction over the limit"] = """
            d: SET x 1
            a: MULTI
            a: SET y 1
            a: GET x
            b: MULTI
            b: GET x
            b: DEL y
            d: CONFIG SET maxmemory 1
            a: EXEC
            b: EXEC
            d: SET z 1
            b: MULTI
            b: SET z 1
            b: EXEC
            d: CONFIG SET maxmemory 0
            d: SET z 1
            d: MGET x y z
            """,
        ["scripts over the limit"] = """
            d: SET x 123
            d: FUNCTION LOAD "#!lua name=l\nredis.register_function('f',function() return 1 end)\n\
            redis.register_function{function_name='ro',flags={'no-writes'},callback=function() return 2 end}\n\
            redis.register_function{function_name='oom',flags={'allow-oom'},\
            callback=function() return redis.call('set','x','124') end}"
            d: CONFIG SET maxmemory 1
            a: EVAL "redis.call('set','x',1) return 1" 1 x
            a: EVAL "return redis.call('get','x')" 1 x
            a: EVAL "#!lua\nreturn 1" 0
            a: EVAL "#!lua flags=\nreturn 1" 0
            a: EVAL "#!lua flags=allow-oom\nreturn redis.call('set','x',2)" 1 x
            a: EVAL "#!lua flags=no-writes\nreturn redis.call('get','x')" 1 x
            a: EVAL_RO "#!lua flags=no-writes\nreturn redis.call('get','x')" 1 x
            a: FCALL f 0
            a: FCALL ro 0
            a: FCALL oom 0
            d: CONFIG SET maxmemory 0
            a: EVAL_RO "#!lua\nreturn 1" 0
            a: FCALL_RO f 0
            d: CONFIG SET min-replicas-to-write 1
            a: EVAL "#!lua\nreturn 1" 0
            a: EVAL "#!lua flags=no-writes\nreturn 1" 0
            a: EVAL "return 1" 0
            a: FCALL f 0
            d: CONFIG SET min-replicas-to-write 0
            d: FUNCTION FLUSH
            """,
        ["the log of refusals, and new users"] = """
            d: CONFIG GET acllog-max-len
            d: CONFIG GET acl-pubsub-default
            d: CONFIG SET acl-pubsub-default none
            d: CONFIG SET acl-pubsub-default allchannels
            d: ACL SETUSER one on nopass +@all ~*
            d: ACL SETUSER two on nopass +@all ~* (+get ~x)
            d: ACL SETUSER three resetchannels (+get resetchannels &c)
            d: ACL SETUSER one reset
            d: ACL LIST
            d: CONFIG SET acl-pubsub-default resetchannels
            d: ACL SETUSER one reset
            d: ACL SETUSER four +@all
            d: ACL LIST
            d: ACL SETUSER few on nopass +acl +auth
            d: CONFIG SET acllog-max-len 2
            d: ACL LOG RESET
            a: AUTH few x
            a: GET k
            a: SET k v
            a: DEL k
            a: GET k
            a: CONFIG GET x
            a: ACL LOG RESET
            a: GET k
            d: ACL LOG RESET
            d: CONFIG SET acllog-max-len 0
            a: GET k
            d: ACL LOG
            d: CONFIG SET acllog-max-len 128
            d: ACL DELUSER one two three four few
            """,
        ["a graph without samples"] = """
            a: LATENCY GRAPH nosuch
            a: LATENCY GRAPH
            """,
        ["errors that scripts make"] = """
            a: EVAL "return redis.error_reply('')" 0
            a: EVAL "return redis.error_reply('-')" 0
            a: EVAL "return redis.error_reply('word')" 0
            a: EVAL "return redis.error_reply('-word')" 0
            a: EVAL "return redis.error_reply('MY word')" 0
            a: EVAL "return redis.error_reply('-MY word')" 0
            a: EVAL "return redis.error_reply(' x')" 0
            a: EVAL "return redis.error_reply('--x')" 0
            """,
        ["a script sees one instant"] = """
            a: EVAL "redis.call('set','k','v','px','1') local n=0 for i=1,3000000 do n=n+i end \
            return redis.call('exists','k')" 0
            a: EXISTS k
            """,
        ["what a library may use while it is loaded"] = """
            a: FUNCTION LOAD "#!lua name=l\nreturn math.random()"
            a: FUNCTION LOAD "#!lua name=l\nreturn string.rep('x',3)"
            a: FUNCTION LOAD "#!lua name=l\nfor k in pairs({}) do end"
            a: FUNCTION LOAD "#!lua name=l\nredis.math.random()"
            a: FUNCTION LOAD "#!lua name=l\nredis.redis.call('ping')"
            a: FUNCTION LOAD "#!lua name=l\nredis.call('ping')"
            a: FUNCTION LOAD "#!lua name=l\na=1"
            a: FUNCTION LOAD "#!lua name=l\nlocal lib=redis\nlib.register_function('f1',function () lib.redis=redis \
            lib.math=math return {ok='OK'} end)\nlib.register_function('f2',function () \
            lib.register_function('f3',function () return 1 end) end)\nlib.register_function('f4',function () \
            return math.floor(2.5) end)"
            a: FCALL f1 0
            a: FCALL f2 0
            a: FCALL f4 0
            a: FUNCTION LOAD REPLACE "#!lua name=l\nlocal n=0\nwhile true do n=n+1 end"
            a: FCALL f4 0
            a: FUNCTION FLUSH
            """,
    };

    /// <summary>Those of RESP3 only.</summary>
    private static readonly Dictionary<string, string> s_pushes = new(StringComparer.Ordinal)
    {
        ["keys that go for a lower limit"] = """
            d: CONFIG SET maxmemory-policy volatile-random
            d: SET x 1 EX 1000
            d: SET y 1
            a: CLIENT TRACKING on
            a: GET x
            d: CONFIG SET maxmemory 1
            a<
            a: PING
            d: CONFIG SET maxmemory 0
            d: CONFIG SET maxmemory-policy noeviction
            d: KEYS *
            """,
        ["what has expired goes when it is asked for"] = """
            d: DEBUG SET-ACTIVE-EXPIRE 0
            a: CLIENT TRACKING on
            a: MSET x 1 y 2
            a: PEXPIRE y 300
            a: GET y
            b: BLPOP none 0.5
            b: DBSIZE
            a: MGET x y
            a<
            b: DBSIZE
            d: DEBUG SET-ACTIVE-EXPIRE 1
            """,
    };

    public static TheoryData<string, bool> Conversations() =>
        Conversation.Each(s_conversations.Keys, s_pushes.Keys);

    [Theory]
    [MemberData(nameof(Conversations))]
    public void Clients_hear_what_they_hear_of_redis(string name, bool resp3)
    {
        string lines = (s_conversations.GetValueOrDefault(name) ?? s_pushes[name])
            .Replace("\\\n", "", StringComparison.Ordinal);

        pair.Compare(server => Conversation.Of(server, resp3, lines));
    }
}
