using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Life;

/// <summary>A control group that allows less memory than the store may take.</summary>
public sealed class ControlGroupLimitTests(ITestOutputHelper output)
{
    private const int Restarts = 4;
    private const int ValueLength = 200_000;

    [Theory]
    [Trait("speed", "slow")]
    [InlineData(160, "huge=never")]
    [InlineData(256, "huge=never")]
    [InlineData(256, "huge=always")]
    public void Writes_are_refused_before_the_kernel_kills_and_restarts_work(int megabytes, string huge)
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server knows no limit of its group.");
        using var group = new MemoryGroup((long)megabytes << 20);
        using var mount = new TemporaryMount("tmpfs", $"size=1g,{huge}");
        using var server = new RunningServer(group.Run(TestServer.Program("1G")), mount.Path);
        int stored = 0;
        for (int start = 0; start < Restarts; start++)
        {
            using (RespClient client = server.Connect())
            {
                Assert.Equal(stored, client.Call("DBSIZE").Integer);
                stored = Fill(client, stored);
                int full = stored;
                for (int tries = 0; tries < 200; tries++)
                {
                    stored += TrySet(client, stored) ? 1 : 0; // the kernel may have taken memory of the group back
                }

                Assert.InRange(stored - full, 0, 20);
                Assert.Equal("PONG", client.Call("PING").Text);
            }

            Assert.False(server.Process.HasExited, server.Process.Output);
            server.Process.Kill();
            server.Restart();
        }

        output.WriteLine($"{(long)stored * ValueLength >> 20} MiB of values in {megabytes} MiB");
        Assert.InRange(stored, 1, int.MaxValue);
        Assert.Equal(0, server.Process.Terminate());
    }

    /// <summary>
    /// A hundred stores in four limits: filled until one write is refused, and tried on; killed in the middle of it,
    /// and started again. What is not refused for want of room in a full store runs then, in what the store keeps back
    /// (decision 0031). One of 25 may find none, which was seen in none of 1,075.
    /// </summary>
    [Theory]
    [Trait("speed", "slow")]
    [InlineData(96, 25)]
    [InlineData(128, 25)]
    [InlineData(192, 25)]
    [InlineData(256, 25)]
    public void A_refusal_comes_before_a_kill_each_time(int megabytes, int times)
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server knows no limit of its group.");
        using var group = new MemoryGroup((long)megabytes << 20);
        using var mount = new TemporaryMount("tmpfs", "size=1g");
        using var server = new RunningServer(group.Run(TestServer.Program("1G")), mount.Path);
        int stores = 0;
        int without = 0;
        for (int i = 0; i < times; i++)
        {
            using (RespClient client = server.Connect())
            {
                client.Call(i % 2 == 0 ? "FLUSHALL" : "PING"); // one anew, one that is full already
                client.Call(["DEL", .. Enumerable.Range(0, 20).Select(list => (RespArgument)$"list:{list}")]);
                client.Call("DEL", "key:0"); // room for the lists
                bool all = true;
                for (int list = 0; list < 20; list++)
                {
                    all &= IsDone(client, ":4", "RPUSH", $"list:{list}", "a", "b", "c", "d");
                }

                int stored = Fill(client, (int)client.Call("DBSIZE").Integer);
                for (int tries = 0; all && tries < 20; tries++)
                {
                    stored += TrySet(client, stored) ? 1 : 0;
                    all = IsDone(client, "a", "LPOP", $"list:{tries}")
                        && IsDone(client, ":1", "EXPIRE", $"list:{tries}", "1000");
                }

                without += all ? 0 : 1;
                Assert.Equal("PONG", client.Call("PING").Text);
            }

            Assert.False(server.Process.HasExited, server.Process.Output);
            server.Process.Kill();
            server.Restart();
            stores++;
        }

        output.WriteLine($"{stores} stores of {megabytes} MiB, {without} without room for what frees memory");
        Assert.Equal((times, 0), (stores, group.Killed));
        Assert.InRange(without, 0, 1);
    }

    /// <summary>True where it was done, false where it was refused for want of room.</summary>
    private static bool IsDone(RespClient client, string expected, params RespArgument[] command)
    {
        RespReply reply = client.Call(command);
        bool refused = reply.IsError && reply.Text.StartsWith("OOM", StringComparison.Ordinal);
        Assert.True(refused || reply.Text == expected.TrimStart(':') || reply.ToString() == expected, reply.ToString());
        return !refused;
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_new_store_of_no_size_fits_into_the_group()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no --size.");
        using var group = new MemoryGroup(256L << 20);
        using var mount = new TemporaryMount("tmpfs", "size=1g");
        using var server = new RunningServer(group.Run(TestServer.Program("auto")), mount.Path);
        using RespClient client = server.Connect();

        long size = long.Parse(client.Call("CONFIG", "GET", "maxmemory").Items![1].Text!, null);

        Assert.InRange(size, 32L << 20, 224L << 20);
        int stored = Fill(client, 0);
        Assert.InRange((long)stored * ValueLength, size / 4, size);
    }

    /// <summary>Sets until one finds no room; how many there are then.</summary>
    private static int Fill(RespClient client, int next)
    {
        while (true)
        {
            if (!TrySet(client, next))
            {
                return next;
            }

            next++;
        }
    }

    /// <summary>False where it is refused for want of room.</summary>
    private static bool TrySet(RespClient client, int number)
    {
        RespReply reply = client.Call("SET", $"key:{number}", new byte[ValueLength]);
        Assert.StartsWith(reply.IsError ? "OOM " : "OK", reply.Text, StringComparison.Ordinal);
        return !reply.IsError;
    }
}
