using System.Globalization;
using System.Net;
using System.Text;
using KvStore.Demo;

namespace KvStore.Tests.Replication;

/// <summary>
/// A client that writes all types in every way, by chance, a few commands at a time, until it is told to end or its
/// server is gone.
/// </summary>
internal sealed class MixedLoad : IDisposable
{
    private const int AtOnce = 8;
    private const int Keys = 40;

    private static readonly string[] s_templates =
    [
        "SET s# $", "SET s# $ PX 30", "SET s# $ EX 900", "SETEX s# 900 $", "SET s# $ NX", "SET s# $ XX KEEPTTL GET",
        "SETNX s# $", "APPEND s# $", "SETRANGE s# 20 $", "GETDEL s#", "GETEX s# PX 40", "GETEX s# PERSIST",
        "GETSET s# $", "MSET s# $ s# $", "MSETNX t# $ t# $", "INCR n#", "INCRBY n# 7", "INCRBYFLOAT f# 0.1",
        "SETBIT b# 77 1", "BITOP OR b# b# b#", "BITFIELD b# INCRBY u8 3 9", "PFADD p# $ $", "PFMERGE p# p# p#",
        "RPUSH l# $ $ $", "LPUSH l# $", "LPUSHX l# $", "LPOP l#", "RPOP l# 2", "LMPOP 2 l# l# LEFT COUNT 2",
        "LMOVE l# l# LEFT RIGHT", "RPOPLPUSH l# l#", "BLPOP l# l# 0.001", "BLMOVE l# l# RIGHT LEFT 0.001",
        "LINSERT l# BEFORE $ $", "LREM l# 1 $", "LSET l# 0 $", "LTRIM l# 0 20", "SORT l# ALPHA STORE l#",
        "SADD m# $ $ $ $", "SREM m# $", "SPOP m#", "SPOP m# 3", "SMOVE m# m# $", "SUNIONSTORE m# m# m#",
        "SINTERSTORE m# m# m#", "SDIFFSTORE m# m# m#",
        "HSET h# $ $ $ $", "HDEL h# $", "HINCRBY hn# $ 3", "HINCRBYFLOAT hf# $ 0.1", "HSETNX h# $ $",
        "ZADD z# 1.5 $ 2 $ 3 $", "ZADD z# GT CH 9 $", "ZADD z# INCR 0.3 $", "ZINCRBY z# 0.1 $", "ZREM z# $",
        "ZPOPMIN z#", "ZMPOP 2 z# z# MAX COUNT 2", "BZPOPMIN z# 0.001", "ZUNIONSTORE z# 3 z# z# z# WEIGHTS 0.1 0.2 0.3",
        "ZRANGESTORE z# z# 0 5", "ZREMRANGEBYRANK z# 0 1", "GEOADD g# 13.361389 38.115556 $ 15.087269 37.502669 $",
        "GEOSEARCHSTORE g# g# FROMLONLAT 15 37 BYRADIUS 200 km STOREDIST",
        "XADD x# * $ $", "XADD x# MAXLEN ~ 20 * $ $", "XADD x# NOMKSTREAM * $ $", "XTRIM x# MAXLEN 10",
        "XGROUP CREATE x# group 0 MKSTREAM", "XREADGROUP GROUP group c1 COUNT 2 STREAMS x# >",
        "XREADGROUP GROUP group c2 COUNT 2 NOACK STREAMS x# >", "XREADGROUP GROUP group c1 COUNT 1 STREAMS x# 0",
        "XAUTOCLAIM x# group c3 0 0 COUNT 2", "XGROUP SETID x# group $last", "XGROUP DELCONSUMER x# group c3",
        "EXPIRE # 900", "PEXPIRE # 20", "PEXPIREAT # 1", "PERSIST #", "DEL #", "UNLINK # #", "RENAME # #",
        "RENAMENX # #", "COPY # # REPLACE", "COPY # # DB 2", "MOVE # 3", "PUBLISH c $", "SELECT 1", "SELECT 0",
        "EVAL return{redis.call('INCR','n'..ARGV[1]),redis.call('SPOP','m'..ARGV[1]),redis.call('TIME')[1]} 0 7",
        "MULTI|SET s# $|RPUSH l# $ $|SPOP m#|SET s# $ PX 25|EXEC", "MULTI|INCR n#|DISCARD", "SWAPDB 4 5",
        "SELECT 5|RPUSH l# $|SET s# $|FLUSHDB|SELECT 0", "MULTI|SELECT 5|SADD m# $|FLUSHDB|HSET h# $ $|SELECT 0|EXEC",
        "SETRANGE big1 150000 $", "APPEND big1 $", "DEL big1", "GETDEL big1",
        "FUNCTION LOAD REPLACE @", "FCALL f 1 n#",
    ];

    private static readonly string[] s_types = ["s", "n", "f", "b", "l", "m", "h", "z", "x"];

    private readonly Random _random;
    private readonly Thread _thread;
    private readonly RespClient _client;
    private volatile bool _ends;
    private long _replied;

    /// <summary>Begins.</summary>
    public MixedLoad(EndPoint server, int seed)
    {
        _random = new Random(seed);
        _client = RespClient.Connect(server);
        _thread = new Thread(Run) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>How many replies it has had, and how many of them were errors.</summary>
    public (long Replies, long Errors) Count => (Interlocked.Read(ref _replied), Interlocked.Read(ref _errors));

    private long _errors;

    /// <summary>Ends it, once what it has sent is replied.</summary>
    public void Dispose()
    {
        _ends = true;
        _thread.Join();
        _client.Dispose();
    }

    private void Run()
    {
        try
        {
            while (!_ends)
            {
                int sent = 0;
                for (int i = 0; i < AtOnce; i++)
                {
                    foreach (string command in s_templates[_random.Next(s_templates.Length)].Split('|'))
                    {
                        Send(command.Split(' '));
                        sent++;
                    }
                }

                _client.Flush();
                for (; sent > 0; sent--)
                {
                    bool isError = _client.Read().IsError;
                    Interlocked.Increment(ref _replied);
                    Interlocked.Add(ref _errors, isError ? 1 : 0);
                }
            }
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException or EndOfStreamException)
        {
            // The server was killed.
        }
    }

    private void Send(string[] words)
    {
        _client.Begin(words.Length);
        foreach (string word in words)
        {
            _client.Argument(Encoding.Latin1.GetBytes(Filled(word)));
        }
    }

    private string Filled(string word) => word switch
    {
        "#" => s_types[_random.Next(s_types.Length)] + Number(Keys),
        "$" => _random.Next(20) == 0 ? new string('v', _random.Next(200)) : "e" + Number(60),
        "$last" => "$",
        "@" => "#!lua name=lib\nredis.register_function('f', function(keys) return redis.call('INCR', keys[1]) end)",
        _ when word[^1] == '#' => word[..^1] + Number(Keys),
        _ => word,
    };

    private string Number(int most) => _random.Next(most).ToString(CultureInfo.InvariantCulture);
}
