using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.HandOver;

/// <summary>What a client had set up and asked for is as it was, after its server was handed over twice.</summary>
public sealed class HandedSessionTests : IDisposable
{
    private readonly HandOverLab _lab = new();
    private readonly List<TextClient> _clients = [];

    public void Dispose()
    {
        _clients.ForEach(client => client.Dispose());
        _lab.Dispose();
    }

    [Fact]
    [Trait("speed", "slow")]
    public void What_a_client_said_of_itself_stays()
    {
        TextClient client = Connect();
        client.Call("HELLO", "3", "SETNAME", "me");
        client.Call("SELECT", "3");
        client.Call("CLIENT", "SETINFO", "LIB-NAME", "lib");
        client.Call("CLIENT", "NO-EVICT", "ON");
        client.Call("SET", "three", "3");
        string before = Stable(client.Call("CLIENT", "INFO"));

        HandOverTwice();

        Assert.Equal(before, Stable(client.Call("CLIENT", "INFO")));
        Assert.Equal("$1\r\n3\r\n", client.Call("GET", "three"));
        Assert.Equal("_\r\n", client.Call("GET", "none"));
        long id = Number(client.Call("CLIENT", "ID"));
        Assert.Equal(id + 1, Number(Connect().Call("CLIENT", "ID")));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Those_who_wait_for_keys_are_served_in_their_order_and_until_their_time_is_over()
    {
        TextClient first = Connect();
        TextClient second = Connect();
        TextClient limited = Connect();
        TextClient pusher = Connect();
        Begin(first, "BLPOP", "l", "0");
        WaitForBlocked(pusher, 1);
        Begin(second, "BLPOP", "other", "l", "0");
        WaitForBlocked(pusher, 2);
        Begin(limited, "BZPOPMIN", "z", "1");
        WaitForBlocked(pusher, 3);

        _lab.Succeed();

        Assert.Equal("*-1\r\n", limited.Receive());
        Assert.Equal(":2\r\n", pusher.Call("RPUSH", "l", "a", "b"));
        Assert.Equal("*2\r\n$1\r\nl\r\n$1\r\na\r\n", first.Receive());
        Assert.Equal("*2\r\n$1\r\nl\r\n$1\r\nb\r\n", second.Receive());
    }

    [Fact]
    public void What_a_client_sent_behind_a_command_that_waits_runs_when_that_is_done()
    {
        TextClient client = Connect();
        TextClient pusher = Connect();
        client.Send("*3\r\n$5\r\nBLPOP\r\n$1\r\nl\r\n$1\r\n0\r\n*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"u8);
        WaitForBlocked(pusher, 1);

        HandOverTwice();
        pusher.Call("RPUSH", "l", "a");

        Assert.Equal("*2\r\n$1\r\nl\r\n$1\r\na\r\n", client.Receive());
        Assert.Equal(":1\r\n", client.Receive());
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_stream_is_read_on_from_where_the_command_began_to_wait()
    {
        TextClient reader = Connect();
        TextClient writer = Connect();
        writer.Call("XADD", "s", "1-1", "f", "old");
        Begin(reader, "XREAD", "BLOCK", "0", "STREAMS", "s", "$");
        WaitForBlocked(writer, 1);

        HandOverTwice();
        writer.Call("XADD", "s", "2-1", "f", "new");

        Assert.Equal(
            "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n2-1\r\n*2\r\n$1\r\nf\r\n$3\r\nnew\r\n", reader.Receive());
    }

    [Fact]
    public void A_transaction_half_queued_is_completed()
    {
        TextClient client = Connect();
        client.Call("MULTI");
        Assert.Equal("+QUEUED\r\n", client.Call("SET", "k", "v"));

        HandOverTwice();

        Assert.Equal("+QUEUED\r\n", client.Call("GET", "k"));
        Assert.Equal("*2\r\n+OK\r\n$1\r\nv\r\n", client.Call("EXEC"));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_watched_key_that_changes_ends_the_transaction_before_and_after()
    {
        TextClient before = Watching("before");
        TextClient after = Watching("after");
        TextClient never = Watching("never");
        TextClient spoiled = Connect();
        TextClient other = Connect();
        spoiled.Call("MULTI");
        Assert.StartsWith("-ERR unknown command", spoiled.Call("NONSENSE"), StringComparison.Ordinal);
        other.Call("SET", "before", "1");

        HandOverTwice();
        other.Call("SET", "after", "1");

        Assert.Equal("*-1\r\n", before.Call("EXEC"));
        Assert.Equal("*-1\r\n", after.Call("EXEC"));
        Assert.Equal("*1\r\n+PONG\r\n", never.Call("EXEC"));
        Assert.StartsWith("-EXECABORT", spoiled.Call("EXEC"), StringComparison.Ordinal);
    }

    [Fact]
    public void Subscribers_hear_what_comes()
    {
        TextClient channel = Connect();
        TextClient pattern = Connect();
        TextClient shard = Connect();
        TextClient monitor = Connect();
        TextClient silent = Connect();
        TextClient control = Connect();
        channel.Call("SUBSCRIBE", "news");
        pattern.Call("PSUBSCRIBE", "n*");
        shard.Call("SSUBSCRIBE", "news");
        Assert.Equal("+OK\r\n", monitor.Call("MONITOR"));
        silent.Send("CLIENT REPLY OFF\r\n"u8);

        HandOverTwice();

        Assert.Equal(":2\r\n", control.Call("PUBLISH", "news", "m"));
        Assert.Equal("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\nm\r\n", channel.Receive());
        Assert.Equal("*4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$1\r\nm\r\n", pattern.Receive());
        Assert.Equal(":1\r\n", control.Call("SPUBLISH", "news", "s"));
        Assert.Equal("*3\r\n$8\r\nsmessage\r\n$4\r\nnews\r\n$1\r\ns\r\n", shard.Receive());
        Assert.Contains("\"CLIENT\" \"REPLY\" \"OFF\"", monitor.Receive(), StringComparison.Ordinal);
        Assert.Contains("\"PUBLISH\" \"news\" \"m\"", monitor.Receive(), StringComparison.Ordinal);
        silent.Send("SET quiet 1\r\nCLIENT REPLY ON\r\n"u8);
        Assert.Equal("+OK\r\n", silent.Receive());
        Assert.Equal("$1\r\n1\r\n", control.Call("GET", "quiet"));
    }

    [Fact]
    public void A_client_with_a_cache_is_told_to_forget_all_and_hears_of_changes_again()
    {
        TextClient client = Connect();
        TextClient other = Connect();
        client.Call("HELLO", "3");
        client.Call("CLIENT", "TRACKING", "ON");
        other.Call("SET", "k", "1");
        client.Call("GET", "k");

        _lab.Succeed();

        Assert.Equal(">2\r\n$10\r\ninvalidate\r\n_\r\n", client.Receive());
        client.Call("GET", "k");
        other.Call("SET", "k", "2");
        Assert.Equal(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n", client.Receive());
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Scripts_settings_users_and_pauses_stay()
    {
        TextClient client = Connect();
        TextClient user = Connect();
        string name = client.Call("SCRIPT", "LOAD", "return 'from a script'").Split("\r\n")[1];
        client.Call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru", "slowlog-max-len", "7");
        client.Call("CONFIG", "SET", "maxmemory", "100mb");
        client.Call("ACL", "SETUSER", "reader", "on", ">secret", "~*", "+get", "+acl|whoami");
        Assert.Equal("+OK\r\n", user.Call("AUTH", "reader", "secret"));
        client.Call("CLIENT", "PAUSE", "60000", "WRITE");
        client.Send("SET paused 1\r\n"u8);

        HandOverTwice();

        TextClient late = Connect();
        Assert.Equal("$-1\r\n", late.Call("GET", "paused"));
        Assert.Equal("*2\r\n$16\r\nmaxmemory-policy\r\n$11\r\nallkeys-lru\r\n", Config(late, "maxmemory-policy"));
        Assert.Equal("*2\r\n$15\r\nslowlog-max-len\r\n$1\r\n7\r\n", Config(late, "slowlog-max-len"));
        Assert.Equal("*2\r\n$9\r\nmaxmemory\r\n$9\r\n104857600\r\n", Config(late, "maxmemory"));
        Assert.Equal("$6\r\nreader\r\n", user.Call("ACL", "WHOAMI"));
        late.Call("CLIENT", "UNPAUSE");
        Assert.Equal("+OK\r\n", client.Receive());
        Assert.StartsWith("-NOPERM", user.Call("SET", "k", "v"), StringComparison.Ordinal);
        Assert.Equal("$13\r\nfrom a script\r\n", late.Call("EVALSHA", name, "0"));
    }

    [Fact]
    public void What_the_next_one_is_configured_with_holds_where_no_client_said_otherwise()
    {
        TextClient client = Connect();
        client.Call("CONFIG", "SET", "slowlog-max-len", "7");

        _lab.Succeed("--slowlog-max-len", "9", "--timeout", "1000");

        Assert.Equal("*2\r\n$15\r\nslowlog-max-len\r\n$1\r\n7\r\n", Config(client, "slowlog-max-len"));
        Assert.Equal("*2\r\n$7\r\ntimeout\r\n$4\r\n1000\r\n", Config(client, "timeout"));
    }

    private static long Number(string reply) =>
        long.Parse(reply.AsSpan(1).TrimEnd(), System.Globalization.CultureInfo.InvariantCulture);

    private static string Config(TextClient client, string name) => client.Call("CONFIG", "GET", name);

    private static void Begin(TextClient client, params string[] args) =>
        client.Send(System.Text.Encoding.ASCII.GetBytes(
            $"*{args.Length}\r\n{string.Concat(args.Select(it => $"${it.Length}\r\n{it}\r\n"))}"));

    /// <summary>Without what other times and descriptors are in it.</summary>
    private static string Stable(string info) => string.Join(' ', Words(info).Where(word =>
        !word.StartsWith("fd=", StringComparison.Ordinal) && !word.StartsWith("age=", StringComparison.Ordinal)
        && !word.StartsWith("qbuf", StringComparison.Ordinal) && !word.StartsWith("tot-", StringComparison.Ordinal)));

    private static string[] Words(string info) => info[info.IndexOf("id=", StringComparison.Ordinal)..].Split(' ');

    private static void WaitForBlocked(TextClient client, long count) => Assert.True(
        SpinWait.SpinUntil(() => client.Info("clients", "blocked_clients") == count, Patience.Limit));

    private TextClient Watching(string key)
    {
        TextClient client = Connect();
        client.Call("WATCH", key);
        client.Call("MULTI");
        Assert.Equal("+QUEUED\r\n", client.Call("PING"));
        return client;
    }

    private void HandOverTwice()
    {
        _lab.Succeed();
        _lab.Succeed();
    }

    private TextClient Connect()
    {
        var client = new TextClient(_lab.EndPoint);
        _clients.Add(client);
        return client;
    }
}
