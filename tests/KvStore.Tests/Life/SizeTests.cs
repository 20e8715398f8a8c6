using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Life;

/// <summary>What <c>--size</c> does to a store that is there.</summary>
public sealed class SizeTests
{
    [Fact]
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
}
