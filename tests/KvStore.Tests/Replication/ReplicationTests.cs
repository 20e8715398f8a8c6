using System.Globalization;
using KvStore.Demo;
using KvStore.Tests.HandOver;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Replication;

/// <summary>An unmodified redis-server follows a KvStore, whatever happens to the KvStore.</summary>
[Trait("speed", "slow")]
public sealed class ReplicationTests
{
    private const int Commands = 6000;

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    public void A_redis_has_what_was_written_of_all_types(int seed, bool large)
    {
        using RunningServer server = Start(large
            ? ["--hash-max-listpack-entries", "4", "--set-max-listpack-entries", "4",
                "--zset-max-listpack-entries", "4", "--list-max-listpack-size", "4"]
            : []);
        using RespClient client = server.Connect();
        using Follower follower = new(server.Port);
        follower.WaitUntilEqual(client);

        using (MixedLoad load = new(server.Process.TcpEndPoint, seed))
        using (MixedLoad other = new(server.Process.TcpEndPoint, seed + 100))
        {
            WaitForReplies(load, Commands);
        }

        AssertSame(server, client, follower);
        Assert.Equal(1, follower.FullCount);
        Assert.DoesNotContain("CRITICAL", follower.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void After_SIGKILL_under_load_it_goes_on_where_it_was()
    {
        using RunningServer server = Start();
        using (RespClient first = server.Connect())
        {
            first.Call("SET", "k", "v");
        }

        using Follower follower = new(server.Port);
        using (RespClient before = server.Connect())
        {
            follower.WaitUntilEqual(before);
        }

        const int Kills = 5;
        for (int kill = 0; kill < Kills; kill++)
        {
            using (MixedLoad load = new(server.Process.TcpEndPoint, kill))
            using (MixedLoad other = new(server.Process.TcpEndPoint, kill + 100))
            {
                WaitForReplies(load, 500 + (kill * 37));
                server.Process.Kill();
            }

            server.RestartWhereItWas();
            using RespClient client = server.Connect();
            follower.WaitUntilEqual(client);
            Assert.Equal("1", Follower.InfoOf(client, "sync_partial_ok", "stats"));
            Assert.Equal("0", Follower.InfoOf(client, "sync_full", "stats"));
        }

        using RespClient last = server.Connect();
        AssertSame(server, last, follower);
        Assert.Equal((1, Kills), (follower.FullCount, follower.PartialCount));
    }

    [Fact]
    public void After_SIGKILL_while_it_is_sent_all_keys_it_gets_them_again()
    {
        using RunningServer server = Start();
        using (RespClient client = server.Connect())
        {
            Fill(client, 60_000);
        }

        using Follower follower = new(server.Port);
        for (int kill = 0; kill < 3; kill++)
        {
            Printed.Contains("gets all keys", server.Process);
            Thread.Sleep(kill * 7);
            server.Process.Kill();
            server.RestartWhereItWas();
        }

        using RespClient last = server.Connect();
        last.Call("SET", "k", "v");
        follower.WaitUntilEqual(last);
        AssertSame(server, last, follower);
    }

    [Fact]
    public void One_that_was_away_for_longer_than_the_backlog_begins_anew_and_that_is_said()
    {
        using RunningServer server = Start("--repl-backlog-size", "16k");
        using RespClient client = server.Connect();
        using Follower follower = new(server.Port);
        follower.WaitUntilEqual(client);

        follower.Process.Pause();
        client.Call("CLIENT", "KILL", "TYPE", "replica");
        for (int i = 0; i < 100; i++)
        {
            client.Call("SET", "k" + i.ToString(CultureInfo.InvariantCulture), new byte[1000]);
        }

        follower.Process.Resume();

        Printed.Contains("and the backlog begins at", server.Process);
        follower.WaitUntilEqual(client);
        Assert.Equal(2, follower.FullCount);
        AssertSame(server, client, follower);
    }

    [Fact]
    public void What_expired_and_was_not_removed_does_not_come_back_at_a_replica()
    {
        using RunningServer server = Start("--enable-debug-command", "yes");
        using RespClient client = server.Connect();
        using Follower follower = new(server.Port);
        follower.WaitUntilEqual(client);
        client.Call("DEBUG", "SET-ACTIVE-EXPIRE", "0");
        foreach (string[] make in (string[][])[["RPUSH", "list", "old"], ["SADD", "set", "old"], ["SET", "nx", "old"],
            ["HSET", "hash", "old", "old"], ["SET", "counter", "5"], ["SET", "target", "old"], ["SADD", "in", "old"]])
        {
            client.Call([.. make.Select(it => (RespArgument)it)]);
            client.Call("PEXPIRE", make[1], 1);
        }

        client.Call("SET", "source", "new");
        client.Call("SADD", "other", "new");
        Thread.Sleep(20);
        client.Call("RPUSH", "list", "new");
        client.Call("SADD", "set", "new");
        Assert.Equal("OK", client.Call("SET", "nx", "new", "NX").Text);
        client.Call("HSET", "hash", "new", "new");
        Assert.Equal(1, client.Call("INCR", "counter").Integer);
        Assert.Equal(1, client.Call("COPY", "source", "target").Integer);
        Assert.Equal(1, client.Call("SUNIONSTORE", "union", "in", "other").Integer);

        follower.WaitUntilEqual(client);
        Assert.Equal(["new"], follower.Client.Call("LRANGE", "list", 0, -1).Items!.Select(it => it.Text));
        Assert.Equal(["new"], follower.Client.Call("SMEMBERS", "set").Items!.Select(it => it.Text));
        Assert.Equal("new", follower.Client.Call("GET", "nx").Text);
        Assert.Equal(1, follower.Client.Call("HLEN", "hash").Integer);
        Assert.Equal("1", follower.Client.Call("GET", "counter").Text);
        Assert.Equal("new", follower.Client.Call("GET", "target").Text);
        Assert.Equal(["new"], follower.Client.Call("SMEMBERS", "union").Items!.Select(it => it.Text));
    }

    [Fact]
    public void Keys_that_are_evicted_or_expire_go_at_the_replica_too()
    {
        using RunningServer server = Start("--maxmemory-policy", "allkeys-random");
        using RespClient client = server.Connect();
        using Follower follower = new(server.Port);
        follower.WaitUntilEqual(client);
        client.Call("CONFIG", "SET", "maxmemory", 4 << 20);

        for (int i = 0; i < 20_000; i++)
        {
            client.Call("SET", "k" + i.ToString(CultureInfo.InvariantCulture), new byte[600]);
            client.Call("SET", "e" + i.ToString(CultureInfo.InvariantCulture), "gone", "PX", 5);
        }

        Assert.True(long.Parse(Follower.InfoOf(client, "evicted_keys", "stats"), CultureInfo.InvariantCulture) > 100);
        AssertSame(server, client, follower);
        Assert.Equal(1, follower.FullCount);
    }

    [Fact]
    public void WAIT_counts_replicas_that_have_the_writes_and_min_replicas_refuses_without_them()
    {
        using RunningServer server = Start();
        using RespClient client = server.Connect();
        Assert.Equal(0, client.Call("WAIT", 1, 10).Integer);
        using Follower follower = new(server.Port);
        follower.WaitUntilEqual(client);

        client.Call("SET", "k", "v");
        Assert.Equal(1, client.Call("WAIT", 1, 10_000).Integer);
        follower.Process.Pause();
        client.Call("SET", "k", "w");
        Assert.Equal(0, client.Call("WAIT", 1, 200).Integer);
        client.Call("CONFIG", "SET", "min-replicas-to-write", 1, "min-replicas-max-lag", 1);
        Assert.True(
            SpinWait.SpinUntil(
                () => client.Call("SET", "k", "x").Text.StartsWith("NOREPLICAS", StringComparison.Ordinal),
                Patience.Limit));
        follower.Process.Resume();
        Assert.True(SpinWait.SpinUntil(() => client.Call("SET", "k", "y").Text == "OK", Patience.Limit));
        Assert.Equal(1, client.Call("WAIT", 1, 10_000).Integer);
        Assert.Equal("y", follower.Client.Call("GET", "k").Text);
    }

    [Fact]
    public void Redis_cli_gets_all_keys_as_a_file_that_redis_loads()
    {
        using RunningServer server = Start();
        using RespClient client = server.Connect();
        using Follower follower = new(server.Port);
        using (MixedLoad load = new(server.Process.TcpEndPoint, 9))
        {
            WaitForReplies(load, 1000);
        }

        follower.WaitUntilEqual(client);
        using TemporaryDirectory place = new();
        (int exitCode, string output, string error) = Tool.Run(
            Tool.Require("redis-cli"),
            ["-p", server.Port.ToString(CultureInfo.InvariantCulture), "--rdb", Path.Combine(place.Path, "dump.rdb")]);

        Assert.True(exitCode == 0, output + error);
        using ServerProcess loaded = ServerProcess.Start(
            ServerProgram.Redis(Tool.Require("redis-server"), "--enable-debug-command", "local"), place.Path);
        loaded.WaitUntilReady();
        using RespClient loadedClient = RespClient.Connect(loaded.TcpEndPoint);
        // What had expired is not in the file, and at the replica until the master has removed it.
        string whole = loadedClient.Call("DEBUG", "DIGEST").Text;
        Assert.True(
            SpinWait.SpinUntil(() => follower.Client.Call("DEBUG", "DIGEST").Text == whole, Patience.Limit),
            follower.Describe());
    }

    [Fact]
    public void After_all_keys_were_flushed_a_replica_has_none_and_goes_on()
    {
        using RunningServer server = Start();
        using RespClient client = server.Connect();
        using Follower follower = new(server.Port);
        using (MixedLoad load = new(server.Process.TcpEndPoint, 5))
        {
            WaitForReplies(load, 1000);
        }

        client.Call("FLUSHALL");
        follower.WaitUntilEqual(client);
        Assert.Equal(0, follower.Client.Call("DBSIZE").Integer);
        Assert.Equal(new string('0', 40), follower.Client.Call("DEBUG", "DIGEST").Text);

        using (MixedLoad load = new(server.Process.TcpEndPoint, 6))
        {
            WaitForReplies(load, 1000);
        }

        AssertSame(server, client, follower);
    }

    [Fact]
    public void A_history_that_nobody_follows_is_let_go()
    {
        using RunningServer server = Start("--repl-backlog-ttl", "1");
        using RespClient client = server.Connect();
        using (Follower follower = new(server.Port))
        {
            follower.WaitUntilEqual(client);
        }

        Assert.True(SpinWait.SpinUntil(
            () => Follower.InfoOf(client, "repl_backlog_active") == "0", Patience.Limit));
        client.Call("SET", "k", "v");
        using Follower next = new(server.Port);
        next.WaitUntilEqual(client);
        Assert.Equal("v", next.Client.Call("GET", "k").Text);
    }

    [Fact]
    public void A_replica_goes_on_at_the_successor_of_a_hand_over()
    {
        using HandOverLab lab = new();
        using Follower follower = new(lab.Port);
        using (RespClient client = RespClient.Connect(lab.EndPoint))
        {
            follower.WaitUntilEqual(client);
            client.Call("SET", "k", "v");
        }

        lab.Succeed();

        using RespClient next = RespClient.Connect(lab.EndPoint);
        next.Call("SET", "l", "w");
        follower.WaitUntilEqual(next);
        Assert.Equal(("v", "w"), (follower.Client.Call("GET", "k").Text, follower.Client.Call("GET", "l").Text));
        Assert.Equal((1, 1), (follower.FullCount, follower.PartialCount));
    }

    [Fact]
    public void A_server_that_never_had_a_replica_keeps_no_history()
    {
        using RunningServer server = Start();
        using RespClient client = server.Connect();
        client.Call("SET", "k", "v");

        Assert.Equal("0", Follower.InfoOf(client, "repl_backlog_active"));
        Assert.Equal("0", Follower.InfoOf(client, "master_repl_offset"));
    }

    private static RunningServer Start(params string[] more)
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server's own replication.");
        Tool.Require("redis-server");
        return new RunningServer(ServerProgram.KvStore(TestServer.KvStorePath, ["--size", "256M", .. more]));
    }

    private static void WaitForReplies(MixedLoad load, long count)
    {
        Assert.True(SpinWait.SpinUntil(() => load.Count.Replies >= count, Patience.Limit), $"{load.Count}");
        Assert.True(load.Count.Errors < load.Count.Replies / 2, $"{load.Count}");
    }

    private static void Fill(RespClient client, int keys)
    {
        for (int i = 0; i < keys; i++)
        {
            client.Add("SET", "k" + i.ToString(CultureInfo.InvariantCulture), new byte[100]);
            if (i % 1000 == 999)
            {
                client.Flush();
                for (int read = 0; read < 1000; read++)
                {
                    client.ReadOk();
                }
            }
        }
    }

    /// <summary>One that begins anew has what the one has that followed all the way.</summary>
    private static void AssertSame(RunningServer server, RespClient client, Follower follower)
    {
        // What is about to expire goes first: a copy has none of it.
        Thread.Sleep(300);
        follower.WaitUntilEqual(client);
        using Follower fresh = new(server.Port);
        fresh.WaitUntilEqual(client);
        follower.WaitUntilEqual(client);
        Assert.Equal(fresh.Describe(), follower.Describe());
    }
}
