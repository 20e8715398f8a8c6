using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Life;

/// <summary>Expired keys vanish: by access at their time, by themselves soon after, and over a restart.</summary>
public sealed class ExpiryTests
{
    [Fact]
    public void A_key_is_there_until_its_time_and_not_after_it()
    {
        using RunningServer server = TestServer.Start();
        using RespClient client = server.Connect();
        long at = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() + 300;
        client.Call("SET", "k", "v", "PXAT", at);
        while (true)
        {
            long before = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
            RespReply reply = client.Call("GET", "k");
            long after = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
            Assert.False(reply.IsNull && after < at, $"It was gone {at - after} ms too early.");
            Assert.False(!reply.IsNull && before > at, $"It was still there {before - at} ms too late.");
            if (reply.IsNull)
            {
                break;
            }
        }

        Assert.Equal(-2, client.Call("TTL", "k").Integer);
        Assert.Equal(0, client.Call("EXISTS", "k").Integer);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Expired_keys_are_removed_though_nobody_asks_for_them()
    {
        using RunningServer server = TestServer.Start();
        using RespClient client = server.Connect();
        for (int i = 0; i < 20_000; i++)
        {
            client.Add("SET", $"short:{i}", "v", "PX", 50);
            client.Add("SET", $"long:{i}", "v", "PX", 1_000_000);
            if (i % 100 == 99)
            {
                client.Flush();
                for (int replies = 0; replies < 200; replies++)
                {
                    client.ReadOk();
                }
            }
        }

        Assert.True(
            SpinWait.SpinUntil(() => client.Call("DBSIZE").Integer == 20_000, Patience.Limit),
            $"After 20 s there are still {client.Call("DBSIZE").Integer} keys; 20,000 should be left.");
        Assert.Equal("v", client.Call("GET", "long:7").Text);
    }

    [Fact]
    public void Expiry_times_hold_over_SIGKILL()
    {
        using RunningServer server = TestServer.Start();
        long at = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        using (RespClient client = server.Connect())
        {
            client.Call("SET", "soon", "v", "PXAT", at + 400);
            client.Call("SET", "later", "v", "PXAT", at + 1_000_000);
            client.Call("SET", "never", "v");
        }

        server.Process.Kill();
        Thread.Sleep(TimeSpan.FromMilliseconds(Math.Max(0, at + 401 - DateTimeOffset.UtcNow.ToUnixTimeMilliseconds())));
        server.Restart();
        using (RespClient client = server.Connect())
        {
            Assert.True(client.Call("GET", "soon").IsNull);
            Assert.Equal(at + 1_000_000, client.Call("PEXPIRETIME", "later").Integer);
            Assert.Equal(-1, client.Call("PEXPIRETIME", "never").Integer);
        }
    }
}
