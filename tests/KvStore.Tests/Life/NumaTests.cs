using GuestMemFs;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Life;

/// <summary>From which NUMA nodes the store's memory is taken (<c>--numa</c>).</summary>
public sealed class NumaTests
{
    [Fact]
    [Trait("speed", "slow")]
    public void A_policy_is_in_force_and_told_as_the_kernel_says_it()
    {
        SkipWithoutNode();
        using RunningServer server = TestServer.Start("16M");
        Assert.Equal("local", Told(server));
        Assert.Equal(0, server.Process.Terminate());

        server.Launch(WithPolicy("bind:0")).WaitUntilReady();

        Assert.Equal("bind:0", Told(server));
        using RespClient client = server.Connect();
        Assert.Equal("bind:0", client.Call("CONFIG", "GET", "numa").Items![1].Text);
        using ArenaInspection inspection = ArenaInspection.Open(server.DataDirectory);
        RegionNuma numa = inspection.ReadNuma(inspection.Read().Regions[0].Info.Name);
        Assert.Equal(NumaPolicy.Bind(0), numa.Policy);
        Assert.Equal(0, Assert.Single(numa.Nodes).Node);
    }

    [Fact]
    public void A_node_that_is_not_there_ends_the_start_and_the_store_is_as_it_was()
    {
        SkipWithoutNode();
        using RunningServer server = TestServer.Start("16M");
        using (RespClient client = server.Connect())
        {
            client.Call("SET", "key", "value");
        }

        Assert.Equal(0, server.Process.Terminate());

        server.Launch(WithPolicy("bind:1000"));

        Assert.True(SpinWait.SpinUntil(() => server.Process.HasExited, Patience.Limit), server.Process.Output);
        Assert.Equal(1, server.Process.ExitCode);
        Printed.Contains("was to be taken by bind:1000", server.Process);
        Printed.Contains("Nothing was changed.", server.Process);
        server.Restart();
        using RespClient again = server.Connect();
        Assert.Equal("value", again.Call("GET", "key").Text);
    }

    private static ServerProgram WithPolicy(string policy)
    {
        ServerProgram program = TestServer.Program("16M");
        return program with
        {
            Arguments = (directory, port, socket) =>
                [.. program.Arguments(directory, port, socket), "--numa", policy],
        };
    }

    private static string Told(RunningServer server)
    {
        using RespClient client = server.Connect();
        const string name = "arena_numa:";
        return client.Call("INFO", "persistence").Text!.Split("\r\n")
            .First(line => line.StartsWith(name, StringComparison.Ordinal))[name.Length..];
    }

    private static void SkipWithoutNode()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no --numa.");
        Assert.SkipUnless(
            Directory.Exists("/sys/devices/system/node/node0"),
            "The kernel tells of no NUMA node 0 (/sys/devices/system/node).");
    }
}
