using System.Net;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.HandOver;

/// <summary>
/// A hand-over where servers are run: under a limit of memory, with memory that another process holds, behind a service
/// manager's socket, and on a store that is opened to read.
/// </summary>
public sealed class HandOverHostsTests(ITestOutputHelper output)
{
    [Theory]
    [Trait("speed", "slow")]
    [InlineData(192)]
    [InlineData(256)]
    public void In_a_full_control_group_the_successor_takes_over_and_nobody_is_killed(int megabytes)
    {
        using var group = new MemoryGroup((long)megabytes << 20);
        using var lab = new HandOverLab(group.Run, "--size", "auto");
        using var control = new TextClient(lab.EndPoint);
        int stored = Fill(lab.EndPoint, 0);

        for (int i = 0; i < 3; i++)
        {
            lab.Succeed();
            Assert.Equal($":{stored}\r\n", control.Call("DBSIZE"));
            stored = Fill(lab.EndPoint, stored); // The kernel may have taken memory of the group back.
            Assert.InRange(stored, 1, (megabytes << 20) / 20_000);
        }

        output.WriteLine($"{stored} values of 20,000 bytes in {megabytes} MiB");
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Memory_that_a_holder_has_is_taken_over_with_the_clients()
    {
        using var directory = new TemporaryDirectory();
        string holderSocket = Path.Combine(directory.Path, "hold");
        using var holder = new HolderProcess(holderSocket);
        using var lab = new HandOverLab("--arena", "", "--holder", holderSocket);
        using var client = new TextClient(lab.EndPoint);
        Assert.Equal("+OK\r\n", client.Call("SET", "key", "value"));

        lab.Succeed();
        Assert.Equal("$5\r\nvalue\r\n", client.Call("GET", "key"));
        Assert.Equal("+OK\r\n", client.Call("SET", "key", "other"));
        lab.Succeed();

        Assert.Equal("$5\r\nother\r\n", client.Call("GET", "key"));
    }

    [Theory]
    [Trait("speed", "slow")]
    [InlineData(true)]
    [InlineData(false)]
    public void A_service_managers_socket_is_served_by_the_successor(bool successorGetsIt)
    {
        using var unit = new SocketUnit();
        int started = 0;
        using var lab = new HandOverLab(
            program => started++ == 0 || successorGetsIt ? unit.Service(program) : program);
        using var client = new TextClient(unit.EndPoint);
        Assert.Equal("+OK\r\n", client.Call("SET", "key", "value"));

        lab.Succeed();

        Assert.Equal("$5\r\nvalue\r\n", client.Call("GET", "key"));
        using var fresh = new TextClient(unit.EndPoint);
        Assert.Equal("$5\r\nvalue\r\n", fresh.Call("GET", "key"));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_store_that_is_read_only_is_taken_over_and_stays_so_until_a_successor_may_write()
    {
        using var lab = new HandOverLab("--crash-loop-limit", "2");
        using (var first = new TextClient(lab.EndPoint))
        {
            first.Call("SET", "key", "value");
        }

        lab.Server.Kill();
        lab.Start().WaitUntilReady();
        lab.Server.Kill();
        lab.Start(["--crash-loop", "read-only"]).WaitUntilReady();
        using var client = new TextClient(lab.EndPoint);
        Assert.StartsWith("-READONLY", client.Call("SET", "key", "other"), StringComparison.Ordinal);

        lab.Succeed("--crash-loop", "read-only");
        Assert.StartsWith("-READONLY", client.Call("SET", "key", "other"), StringComparison.Ordinal);
        Assert.Equal("$5\r\nvalue\r\n", client.Call("GET", "key"));
        lab.Succeed("--crash-loop", "report");

        Assert.Equal("+OK\r\n", client.Call("SET", "key", "other"));
    }

    [Theory]
    [Trait("speed", "slow")]
    [InlineData("no")]
    [InlineData("yes")]
    public void A_full_store_is_taken_over_without_its_ballast_and_gets_it_back(string erase)
    {
        const string Secret = "what-nobody-is-to-find-";
        using var lab = new HandOverLab("--erase", erase);
        using var client = new TextClient(lab.EndPoint);
        client.Call("SET", "secret", Secret + "0");
        client.Call("RPUSH", "list", "a", "b", "c", "d", "e");
        int stored = Fill(lab.EndPoint, 0);
        FillUp(client);
        Assert.Equal("$1\r\na\r\n", client.Call("LPOP", "list")); // the ballast went for it

        lab.Succeed();
        Assert.Equal("$1\r\nb\r\n", client.Call("LPOP", "list"));
        Assert.StartsWith("-OOM", client.Call("SET", "more", new string('m', 30_000)), StringComparison.Ordinal);
        Assert.Equal(":1\r\n", client.Call("DEL", "secret"));
        lab.Succeed();
        Assert.Equal(":0\r\n", client.Call("EXISTS", "secret"));
        for (int i = 0; i < stored / 2; i++)
        {
            client.Call("DEL", $"key:{i}");
        }

        Assert.Equal("+OK\r\n", client.Call("SET", "more", new string('m', 30_000)));
        FillUp(client);
        Assert.Equal("$1\r\nc\r\n", client.Call("LPOP", "list")); // it was there again
        Assert.True(erase == "no" || Find(lab.StoreDirectory, Secret) == 0);
    }

    // What is left to values of 20,000 bytes and less.
    private static void FillUp(TextClient client)
    {
        int filled = 0;
        foreach (int size in (int[])[20_000, 9_000, 3_000, 700, 100, 1])
        {
            while (client.Call("SET", $"filler:{filled}:{size}", new string('f', size))[0] != '-')
            {
                filled++;
            }
        }
    }

    private static int Find(string directory, string text)
    {
        (_, string found, _) = Tool.Run("grep", ["-rlaF", text, directory]);
        return found.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;
    }

    /// <summary>Sets until one finds no room; how many there are then.</summary>
    private static int Fill(EndPoint server, int next)
    {
        using RespClient client = RespClient.Connect(server);
        string value = new('v', 20_000);
        for (int i = next; ; i++)
        {
            if (client.Call("SET", $"key:{i}", value).IsError)
            {
                return i;
            }
        }
    }
}
