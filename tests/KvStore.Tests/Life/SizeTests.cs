using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Life;

/// <summary>What <c>--size</c> does to a store that is there.</summary>
public sealed class SizeTests
{
    private static readonly string s_value = new('v', 5_000);

    [Fact]
    [Trait("speed", "slow")]
    public void A_size_smaller_than_the_stores_is_told_at_the_start_and_in_INFO()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no --size.");
        using RunningServer server = TestServer.Start("64M");
        Assert.Equal(0, server.Process.Terminate());

        server.Launch(TestServer.Program("16M")).WaitUntilReady();

        Printed.Contains("--size 16777216 is less than the store's 67108864 bytes", server.Process);
        using RespClient client = server.Connect();
        string[] info = client.Call("INFO").Text!.Split("\r\n");
        Assert.Contains("arena_size_asked:16777216", info);
        Assert.Contains("maxmemory:67108864", info);
        Assert.Contains(info, line => line.StartsWith("attach_reason:GMF5019 ", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_larger_size_grows_it_and_nothing_is_told()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no --size.");
        using RunningServer server = TestServer.Start("16M");
        Assert.Equal(0, server.Process.Terminate());

        server.Launch(TestServer.Program("64M")).WaitUntilReady();

        using RespClient client = server.Connect();
        string[] info = client.Call("INFO").Text!.Split("\r\n");
        Assert.Contains("maxmemory:67108864", info);
        Assert.DoesNotContain(info, line => line.StartsWith("arena_size_asked", StringComparison.Ordinal));
        Assert.DoesNotContain(info, line => line.Contains("GMF5019", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Maxmemory_grows_a_full_store_while_it_runs_and_the_next_start_finds_it_grown()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server's maxmemory has tests of its own.");
        using RunningServer server = TestServer.Start("16M");
        using (RespClient client = server.Connect())
        {
            int full = FillUp(client, 0);
            Assert.Equal("OK", client.Call("CONFIG", "SET", "maxmemory", "64mb").Text);
            Assert.Equal("67108864", client.Call("CONFIG", "GET", "maxmemory").Items![1].Text);
            int fuller = FillUp(client, full);
            Assert.True(fuller > 3 * full, $"{full} values fitted before, {fuller} after");
            for (int i = 0; i < fuller; i++)
            {
                Assert.Equal(s_value, client.Call("GET", "key:" + i).Text);
            }

            server.Process.Kill();
        }

        server.Restart();

        using RespClient again = server.Connect();
        Assert.Contains("maxmemory:67108864", again.Call("INFO").Text.Split("\r\n"));
    }

    [Fact]
    public void A_lower_maxmemory_refuses_writes_that_take_memory_and_takes_the_others()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server's maxmemory has tests of its own.");
        using RunningServer server = TestServer.Start("16M");
        using RespClient client = server.Connect();
        for (int i = 0; i < 100; i++)
        {
            client.Call("SET", "key:" + i, s_value);
        }

        Assert.Equal("OK", client.Call("CONFIG", "SET", "maxmemory", "100kb").Text);

        Assert.StartsWith("OOM ", client.Call("SET", "more", "1").Text, StringComparison.Ordinal);
        Assert.Equal(s_value, client.Call("GET", "key:1").Text);
        for (int i = 0; i < 90; i++)
        {
            Assert.Equal(1, client.Call("DEL", "key:" + i).Integer);
        }

        Assert.Equal("OK", client.Call("SET", "more", "1").Text);
        Assert.Equal("102400", client.Call("CONFIG", "GET", "maxmemory").Items![1].Text);
        Assert.Equal("OK", client.Call("CONFIG", "SET", "maxmemory", "0").Text);
        Assert.Equal("16777216", client.Call("CONFIG", "GET", "maxmemory").Items![1].Text);
    }

    [Fact]
    public void A_maxmemory_that_cannot_be_had_is_refused_and_nothing_is_set()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server's maxmemory has tests of its own.");
        using RunningServer server = TestServer.Start("16M");
        using RespClient client = server.Connect();

        string refusal = client.Call("CONFIG", "SET", "timeout", "7", "maxmemory", "16tb").Text;

        Assert.StartsWith(
            "ERR CONFIG SET failed (possibly related to argument 'maxmemory') - ", refusal, StringComparison.Ordinal);
        Assert.Equal("0", client.Call("CONFIG", "GET", "timeout").Items![1].Text);
        Assert.Equal("16777216", client.Call("CONFIG", "GET", "maxmemory").Items![1].Text);
        refusal = client.Call("CONFIG", "SET", "maxmemory", "much").Text;
        Assert.Contains("memory value", refusal, StringComparison.Ordinal);
    }

    /// <summary>Writes values until one is refused; how many keys there are then.</summary>
    private static int FillUp(RespClient client, int from)
    {
        for (int i = from; ; i++)
        {
            RespReply reply = client.Call("SET", "key:" + i, s_value);
            if (reply.IsError)
            {
                Assert.StartsWith("OOM ", reply.Text, StringComparison.Ordinal);
                return i;
            }
        }
    }
}
