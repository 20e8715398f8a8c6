namespace KvStore.Tests.Commands;

/// <summary>Lines about libraries of functions, and about HELP (<see cref="CommandLines"/>).</summary>
internal static class FunctionLines
{
    /// <summary>A line that ends with a backslash is continued by the next one.</summary>
    public static string Lines => Text.Replace("\\\n", "", StringComparison.Ordinal);

    private const string Text = """
        FUNCTION
        FUNCTION NOSUCH
        FUNCTION HELP
        ACL HELP
        CLIENT HELP
        CONFIG HELP
        MEMORY HELP
        OBJECT HELP
        PUBSUB HELP
        SLOWLOG HELP
        SLOWLOG HELP x
        FUNCTION STATS
        FUNCTION LIST
        FUNCTION LOAD
        FUNCTION LOAD "return 1"
        FUNCTION LOAD "#!lua"
        FUNCTION LOAD "#!lua name=lib"
        FUNCTION LOAD "#!lua\nreturn 1"
        FUNCTION LOAD "#!lua name=\nx"
        FUNCTION LOAD "#!lua name=a-b\nx"
        FUNCTION LOAD "#!lua name=a name=b\nx"
        FUNCTION LOAD "#!lua foo=bar\nx"
        FUNCTION LOAD "#!lua name=lib foo=bar\nx"
        FUNCTION LOAD "#!js name=lib\nx"
        FUNCTION LOAD "  #!lua name=lib\nx"
        FUNCTION LOAD "#!lua name=lib\nreturn 1"
        FUNCTION LOAD "#!lua name=lib\nredis.call('ping')"
        FUNCTION LOAD "#!lua name=lib\n\nredis.pcall('ping')"
        FUNCTION LOAD "#!lua name=lib\nredis.setresp(3)"
        FUNCTION LOAD "#!lua name=lib\nreturn x"
        FUNCTION LOAD "#!lua name=lib\nx=1"
        FUNCTION LOAD "#!lua name=lib\nredis.register_function()"
        FUNCTION LOAD "#!lua name=lib\nredis.register_function('f')"
        FUNCTION LOAD "#!lua name=lib\nredis.register_function('f',1)"
        FUNCTION LOAD "#!lua name=lib\nredis.register_function('f-x',function() end)"
        FUNCTION LOAD "#!lua name=lib\nredis.register_function('',function() end)"
        FUNCTION LOAD "#!lua name=lib\nredis.register_function('f',function() end,1)"
        FUNCTION LOAD "#!lua name=lib\nredis.register_function({})"
        FUNCTION LOAD "#!lua name=lib\nredis.register_function({function_name='f'})"
        FUNCTION LOAD "#!lua name=lib\nredis.register_function({callback=function() end})"
        FUNCTION LOAD "#!lua name=lib\nredis.register_function({function_name='f',callback=1})"
        FUNCTION LOAD "#!lua name=lib\nredis.register_function({function_name={},callback=function() end})"
        FUNCTION LOAD "#!lua name=lib\nredis.register_function({function_name='f',callback=function() end,flags=1})"
        FUNCTION LOAD "#!lua name=lib\nredis.register_function({function_name='f',callback=function() end,flags={'x'}})"
        FUNCTION LOAD "#!lua name=lib\nredis.register_function({function_name='f',callback=function() end,bogus=1})"
        FUNCTION LOAD "#!lua name=lib\nredis.register_function({},function() end)"
        FUNCTION LOAD "#!lua name=lib\nlocal f,r=redis.log,redis.register_function r('f',f) r('f',f)"
        FUNCTION LIST
        FUNCTION LOAD "#!LUA name='quoted'\nredis.register_function('quoted',function() return 1 end)"
        FUNCTION LOAD "#!lua name=lib\nlocal n=0 redis.register_function('count',function(k,a) n=n+1 return \
        {k[1],#a,n} end)"
        FUNCTION LOAD "#!lua name=lib\nredis.register_function('other',function() end)"
        FUNCTION LOAD REPLACE "#!lua name=other\nredis.register_function('count',function() end)"
        FUNCTION LOAD BOGUS x
        FUNCTION LOAD REPLACE
        FUNCTION LOAD REPLACE REPLACE x
        FCALL
        FCALL count
        FCALL count 0
        FCALL count 1
        FCALL count -1
        FCALL count x
        FCALL nosuch 0
        FCALL count 1 a b c
        FCALL count 2 a b c
        FCALL_RO count 0
        FUNCTION LOAD "#!lua name=w\nredis.register_function('w',function(k,a) return redis.call('set',k[1],a[1]) end)"
        FUNCTION LOAD "#!lua \
        name=d\nredis.register_function{function_name='d',callback=redis.log,description='it says so'}"
        FUNCTION LOAD "#!lua name=x\nredis.register_function{function_name='x',callback=redis.log,flags={'allow-oom'}}"
        FUNCTION LOAD REPLACE "#!lua name=lib\nredis.register_function{function_name='ro',\
        callback=function(k,a) return redis.call('set',k[1],a[1]) end,flags={'allow-oom','no-writes'}}"
        FCALL count 0
        FCALL w 1 k v
        GET k
        FCALL_RO ro 0
        FCALL_RO w 1 k v
        FUNCTION LOAD "#!lua name=errors0\nredis.register_function('e',function() return error('x') end)"
        FUNCTION LOAD "#!lua name=errors1\nredis.register_function('v',function() return y end)"
        FUNCTION LOAD "#!lua name=errors2\nredis.register_function('s',function() y=1 end)"
        FUNCTION LOAD "#!lua name=errors3\nredis.register_function('k',function() return KEYS end)"
        FUNCTION LOAD "#!lua name=errors4\nredis.register_function('p',function() return redis.pcall('nosuch') end)"
        FUNCTION LOAD "#!lua name=errors5\nredis.register_function('er',function() return \
        redis.error_reply('MY err') end)"
        FUNCTION LOAD "#!lua name=r\nredis.register_function('resp',function() redis.setresp(3) return {3.5,true} end)"
        FCALL e 0
        FCALL v 0
        FCALL s 0
        FCALL k 0
        FCALL p 0
        FCALL er 0
        HSET h a b
        FCALL resp 0
        ~FUNCTION LIST
        ~FUNCTION LIST WITHCODE
        FUNCTION LIST LIBRARYNAME
        FUNCTION LIST LIBRARYNAME nos*
        FUNCTION LIST LIBRARYNAME quo* WITHCODE
        FUNCTION LIST WITHCODE LIBRARYNAME QUO*
        FUNCTION LIST BOGUS
        FUNCTION LIST WITHCODE WITHCODE
        FUNCTION LIST LIBRARYNAME a LIBRARYNAME b
        FUNCTION STATS
        FUNCTION STATS x
        FUNCTION KILL
        FUNCTION LOAD "#! name=x\nreturn 1"
        FUNCTION LOAD "#!js name=x\nreturn 1"
        SCRIPT KILL
        FUNCTION KILL
        SCRIPT KILL x
        FUNCTION DELETE nosuch
        FUNCTION DELETE
        FUNCTION FLUSH x
        FUNCTION FLUSH SYNC x
        FUNCTION RESTORE
        FUNCTION RESTORE x
        FUNCTION RESTORE x BOGUS
        FUNCTION RESTORE x FLUSH x
        COMMAND GETKEYS FCALL f 1 a b
        EVAL "return redis.call('fcall','w',1,'k','v')" 0
        EVAL "return redis.call('function','list')" 0
        MULTI
        FUNCTION DELETE quoted
        FUNCTION LOAD "#!lua name=multi\nredis.register_function('multi',function() return 7 end)"
        FCALL multi 0
        FCALL quoted 0
        EXEC
        FCALL multi 0
        FCALL MULTI 0
        FUNCTION LOAD "#!lua name=other\nredis.register_function('Multi',function() return 8 end)"
        FUNCTION DELETE quoted
        FLUSHALL
        FUNCTION STATS
        FUNCTION DELETE lib
        FCALL w 1 k v
        FUNCTION FLUSH ASYNC
        FUNCTION STATS
        FUNCTION DUMP
        FUNCTION RESTORE "\n\x00]\x9b\\@\x0f\x7f\xa2\xda"
        FUNCTION LIST
        """;
}
