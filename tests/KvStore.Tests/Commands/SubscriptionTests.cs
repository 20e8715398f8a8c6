using System.Globalization;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Commands;

/// <summary>
/// Messages from one client to others: what arrives, byte for byte, and what happens to who does not read.
/// </summary>
public sealed class SubscriptionTests : IDisposable
{
    private readonly RunningServer _server = TestServer.Start();
    private readonly List<TextClient> _clients = [];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_message_comes_to_channels_patterns_and_shards(bool resp3)
    {
        string push = resp3 ? ">" : "*";
        TextClient listener = Connect(resp3);
        TextClient sender = Connect(resp3: false);
        Assert.Equal($"{push}3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n", listener.Call("SUBSCRIBE", "news"));
        Assert.Equal($"{push}3\r\n$10\r\npsubscribe\r\n$2\r\nn*\r\n:2\r\n", listener.Call("PSUBSCRIBE", "n*"));
        Assert.Equal($"{push}3\r\n$10\r\nssubscribe\r\n$4\r\nnews\r\n:1\r\n", listener.Call("SSUBSCRIBE", "news"));
        Assert.Equal(":2\r\n", sender.Call("PUBLISH", "news", "h\xe9\r\n"));
        Assert.Equal($"{push}3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$4\r\nh\xe9\r\n\r\n", listener.Receive());
        Assert.Equal($"{push}4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$4\r\nh\xe9\r\n\r\n", listener.Receive());
        Assert.Equal(":1\r\n", sender.Call("SPUBLISH", "news", "s"));
        Assert.Equal($"{push}3\r\n$8\r\nsmessage\r\n$4\r\nnews\r\n$1\r\ns\r\n", listener.Receive());
        Assert.Equal(":0\r\n", sender.Call("PUBLISH", "weather", "?"));
        Assert.Equal($"{push}3\r\n$11\r\nunsubscribe\r\n$4\r\nnews\r\n:1\r\n", listener.Call("UNSUBSCRIBE"));
        Assert.Equal($"{push}3\r\n$12\r\npunsubscribe\r\n$2\r\nn*\r\n:0\r\n", listener.Call("PUNSUBSCRIBE", "n*"));
        Assert.Equal($"{push}3\r\n$12\r\nsunsubscribe\r\n$4\r\nnews\r\n:0\r\n", listener.Call("SUNSUBSCRIBE"));
        string nothing = resp3 ? "_" : "$-1";
        Assert.Equal($"{push}3\r\n$11\r\nunsubscribe\r\n{nothing}\r\n:0\r\n", listener.Call("UNSUBSCRIBE"));
        Assert.Equal(":0\r\n", sender.Call("PUBLISH", "news", "?"));
    }

    [Fact]
    public void A_subscriber_of_the_old_protocol_may_only_subscribe_and_ping()
    {
        TextClient listener = Connect(resp3: false);
        listener.Call("SUBSCRIBE", "a");
        Assert.Equal(
            "-ERR Can't execute 'client|list': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are "
            + "allowed in this context\r\n",
            listener.Call("CLIENT", "LIST"));
        Assert.Equal("*2\r\n$4\r\npong\r\n$0\r\n\r\n", listener.Call("PING"));
        Assert.Equal("*2\r\n$4\r\npong\r\n$2\r\nhi\r\n", listener.Call("PING", "hi"));
        Assert.Equal("+RESET\r\n", listener.Call("RESET"));
        Assert.Equal("$-1\r\n", listener.Call("GET", "a"));
        Assert.Equal(":0\r\n", listener.Call("PUBLISH", "a", "nobody"));
    }

    [Fact]
    public void PubSub_tells_who_listens()
    {
        TextClient first = Connect(resp3: false);
        TextClient second = Connect(resp3: false);
        TextClient asker = Connect(resp3: false);
        first.Call("SUBSCRIBE", "a");
        first.Call("PSUBSCRIBE", "p*");
        second.Call("SUBSCRIBE", "a");
        second.Call("PSUBSCRIBE", "p*");
        second.Call("SSUBSCRIBE", "s");
        Assert.Equal("*1\r\n$1\r\na\r\n", asker.Call("PUBSUB", "CHANNELS"));
        Assert.Equal("*0\r\n", asker.Call("PUBSUB", "CHANNELS", "b*"));
        Assert.Equal("*4\r\n$1\r\na\r\n:2\r\n$1\r\nb\r\n:0\r\n", asker.Call("PUBSUB", "NUMSUB", "a", "b"));
        Assert.Equal(":1\r\n", asker.Call("PUBSUB", "NUMPAT"));
        Assert.Equal("*1\r\n$1\r\ns\r\n", asker.Call("PUBSUB", "SHARDCHANNELS"));
        Assert.Equal("*2\r\n$1\r\ns\r\n:1\r\n", asker.Call("PUBSUB", "SHARDNUMSUB", "s"));
        Assert.Equal(1, asker.Info("stats", "pubsub_patterns"));
        second.Dispose();
        Assert.True(SpinWait.SpinUntil(
            () => asker.Call("PUBSUB", "NUMSUB", "a") == "*2\r\n$1\r\na\r\n:1\r\n", Patience.Limit));
        Assert.Equal("*0\r\n", asker.Call("PUBSUB", "SHARDCHANNELS"));
    }

    [Fact]
    public void Who_sends_to_itself_has_its_reply_first_and_whole()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server 7.0 puts the message into EXEC's array; 7.2 has it as here.");
        TextClient client = Connect(resp3: true);
        client.Call("SUBSCRIBE", "me");
        Assert.Equal(":1\r\n", client.Call("PUBLISH", "me", "1"));
        Assert.Equal(">3\r\n$7\r\nmessage\r\n$2\r\nme\r\n$1\r\n1\r\n", client.Receive());
        client.Call("MULTI");
        client.Call("PUBLISH", "me", "2");
        client.Call("GET", "none");
        Assert.Equal("*2\r\n:1\r\n_\r\n", client.Call("EXEC"));
        Assert.Equal(">3\r\n$7\r\nmessage\r\n$2\r\nme\r\n$1\r\n2\r\n", client.Receive());
    }

    [Fact]
    public void A_user_hears_the_channels_of_his_rules_only_and_loses_the_connection_with_the_rule()
    {
        TextClient admin = Connect(resp3: false);
        admin.Call("ACL", "SETUSER", "u", "on", "nopass", "+@all", "resetchannels", "&ok*");
        TextClient user = Connect(resp3: false);
        user.Call("AUTH", "u", "any");
        const string Refusal =
            "-NOPERM this user has no permissions to access one of the channels used as arguments\r\n";
        Assert.Equal(Refusal, user.Call("SUBSCRIBE", "ok1", "secret"));
        Assert.Equal(Refusal, user.Call("PSUBSCRIBE", "ok1"));
        Assert.Equal(Refusal, user.Call("PUBLISH", "secret", "x"));
        Assert.Equal(":0\r\n", user.Call("PUBLISH", "ok2", "x"));
        Assert.Contains("channel", admin.Call("ACL", "LOG"), StringComparison.Ordinal);
        Assert.Equal("*3\r\n$10\r\npsubscribe\r\n$3\r\nok*\r\n:1\r\n", user.Call("PSUBSCRIBE", "ok*"));
        Assert.Equal("+OK\r\n", admin.Call("ACL", "SETUSER", "u", "resetchannels", "&okay"));
        Assert.Equal("(closed)", user.Call("PING"));
    }

    [Fact]
    public void Keys_that_change_and_expire_are_published_where_that_is_asked_for()
    {
        TextClient listener = Connect(resp3: false);
        TextClient writer = Connect(resp3: false);
        listener.Call("PSUBSCRIBE", "__key*");
        writer.Call("SET", "k", "1");
        Assert.Equal("+OK\r\n", writer.Call("CONFIG", "SET", "notify-keyspace-events", "KEg$xm"));
        writer.Call("SET", "k", "1", "PX", "1");
        writer.Call("GET", "none");
        AssertEvents(listener, ("k", "set"), ("k", "expire"));
        AssertEvents(listener, ("none", "keymiss"));
        AssertEvents(listener, ("k", "expired"));
        Assert.Equal("+OK\r\n", writer.Call("CONFIG", "SET", "notify-keyspace-events", "Eg"));
        writer.Call("MSET", "a", "1", "b", "2");
        writer.Call("DEL", "a", "b");
        Assert.Equal(Event("__keyevent@0__:del", "a"), listener.Receive());
        Assert.Equal(Event("__keyevent@0__:del", "b"), listener.Receive());
        Assert.StartsWith(
            "-ERR CONFIG SET failed",
            writer.Call("CONFIG", "SET", "notify-keyspace-events", "?"),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Who_does_not_read_is_closed_and_others_are_served()
    {
        Assert.SkipWhen(TestServer.IsRedis, "The limit's name is KvStore's.");
        TextClient sender = Connect(resp3: false);
        sender.Call("CONFIG", "SET", "client-output-pubsub-limit", "1m");
        TextClient reader = Connect(resp3: false);
        TextClient sleeper = Connect(resp3: false);
        reader.Call("SUBSCRIBE", "c");
        sleeper.Call("SUBSCRIBE", "c");
        string message = new('x', 100_000);
        int sent = 0;
        while (sender.Call("PUBLISH", "c", message) == ":2\r\n")
        {
            Assert.True(++sent < 1000, "a subscriber that does not read is kept for ever");
            Assert.Contains(message, reader.Receive(), StringComparison.Ordinal);
        }

        Assert.Contains(message, reader.Receive(), StringComparison.Ordinal);
        Assert.Equal(1, sender.Info("stats", "client_output_buffer_limit_disconnections"));
        Assert.True(SpinWait.SpinUntil(
            () => _server.Process.Output.Contains("client-output-pubsub-limit", StringComparison.Ordinal),
            Patience.Limit));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_thousand_subscribers_hear_each_message_in_order()
    {
        const int Listeners = 1000;
        const int Messages = 20;
        TextClient sender = Connect(resp3: false);
        for (int i = 0; i < Listeners; i++)
        {
            Connect(resp3: false).Call("SUBSCRIBE", "c");
        }

        for (int i = 0; i < Messages; i++)
        {
            Assert.Equal($":{Listeners}\r\n", sender.Call("PUBLISH", "c", i.ToString(CultureInfo.InvariantCulture)));
        }

        foreach (TextClient listener in _clients.Skip(1))
        {
            for (int i = 0; i < Messages; i++)
            {
                string text = i.ToString(CultureInfo.InvariantCulture);
                Assert.Equal($"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n${text.Length}\r\n{text}\r\n", listener.Receive());
            }
        }
    }

    public void Dispose()
    {
        _clients.ForEach(client => client.Dispose());
        _server.Dispose();
    }

    private static void AssertEvents(TextClient listener, params ReadOnlySpan<(string Key, string Name)> events)
    {
        foreach ((string key, string name) in events)
        {
            Assert.Equal(Event("__keyspace@0__:" + key, name), listener.Receive());
            Assert.Equal(Event("__keyevent@0__:" + name, key), listener.Receive());
        }
    }

    private static string Event(string channel, string payload) =>
        $"*4\r\n$8\r\npmessage\r\n$6\r\n__key*\r\n${channel.Length}\r\n{channel}\r\n"
        + $"${payload.Length}\r\n{payload}\r\n";

    private TextClient Connect(bool resp3)
    {
        var client = new TextClient(_server.Process.TcpEndPoint);
        _clients.Add(client);
        if (resp3)
        {
            client.Call("HELLO", "3");
        }

        return client;
    }
}
