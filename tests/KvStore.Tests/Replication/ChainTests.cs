using KvStore.Demo;
using KvStore.Tests.HandOver;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Replication;

/// <summary>Replicas of replicas, and a replica whose process is another one.</summary>
[Trait("speed", "slow")]
public sealed class ChainTests
{
    [Fact]
    public void Three_in_a_row_have_the_same_whichever_of_them_is_killed()
    {
        using RunningServer first = Start();
        using RunningServer second = Start("--replicaof", "127.0.0.1", $"{first.Port}");
        using RunningServer third = Start("--replicaof", "127.0.0.1", $"{second.Port}");
        using Follower direct = new(first.Port);
        for (int kill = 0; kill < 6; kill++)
        {
            RunningServer killed = (kill % 3) switch { 0 => first, 1 => second, _ => third };
            WaitUntilEqual(first, third);
            using (MixedLoad load = new(first.Process.TcpEndPoint, kill))
            {
                Assert.True(
                    SpinWait.SpinUntil(() => load.Count.Replies >= 400, Patience.Limit), $"{load.Count}");
                killed.Process.Kill();
            }

            killed.RestartWhereItWas();
        }

        WaitUntilEqual(first, third);
        Thread.Sleep(300);
        WaitUntilEqual(first, third);
        Assert.All(
            new[] { second, third },
            it => Assert.DoesNotContain("was refused", it.Process.Output, StringComparison.Ordinal));
        using RespClient client = first.Connect();
        using RespClient last = third.Connect();
        using Follower chained = new(third.Port);
        chained.WaitUntilEqual(last);
        direct.WaitUntilEqual(client);
        Assert.Equal(direct.Describe(), chained.Describe());
        Assert.Equal(1, direct.FullCount);
        Assert.Equal(Follower.InfoOf(client, "master_replid"), Follower.InfoOf(last, "master_replid"));
    }

    [Fact]
    public void A_replica_that_is_handed_over_goes_on_at_the_successor()
    {
        using RunningServer master = new(ServerProgram.Redis(
            Tool.Require("redis-server"), "--repl-diskless-sync-delay", "0"));
        using RespClient client = master.Connect();
        using HandOverLab lab = new("--replicaof", "127.0.0.1", $"{master.Port}");
        client.Call("SET", "k", "v");
        WaitForValue(lab, "v");

        lab.Succeed();
        client.Call("SET", "k", "w");

        WaitForValue(lab, "w");
        Assert.Equal("1", Follower.InfoOf(client, "sync_full", "stats"));
        Assert.Equal("1", Follower.InfoOf(client, "sync_partial_ok", "stats"));
    }

    private static RunningServer Start(params string[] more)
    {
        Assert.SkipWhen(TestServer.IsRedis, "KvStore is the replica here.");
        Tool.Require("redis-server");
        return new RunningServer(ServerProgram.KvStore(TestServer.KvStorePath, ["--size", "256M", .. more]));
    }

    private static void WaitForValue(HandOverLab lab, string value)
    {
        using RespClient client = RespClient.Connect(lab.EndPoint);
        Assert.True(
            SpinWait.SpinUntil(
                () => client.Call("GET", "k") is { IsNull: false, IsError: false } reply && reply.Text == value,
                Patience.Limit));
    }

    private static void WaitUntilEqual(RunningServer master, RunningServer replica)
    {
        using RespClient first = master.Connect();
        using RespClient last = replica.Connect();
        Assert.True(
            SpinWait.SpinUntil(
                () =>
                {
                    Thread.Sleep(20);
                    return Follower.InfoOf(last, "master_link_status") == "up"
                        && Follower.InfoOf(last, "slave_repl_offset") == Follower.InfoOf(first, "master_repl_offset")
                        && Follower.InfoOf(last, "master_replid") == Follower.InfoOf(first, "master_replid");
                },
                Patience.Limit),
            replica.Process.Output);
    }
}
