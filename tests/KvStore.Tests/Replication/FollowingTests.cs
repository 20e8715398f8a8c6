using System.Globalization;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Replication;

/// <summary>A KvStore follows an unmodified redis-server, or another KvStore, whatever happens to it.</summary>
[Trait("speed", "slow")]
public sealed class FollowingTests
{
    [Fact]
    public void It_has_what_a_redis_was_told_of_all_types()
    {
        using MasterAndReplica pair = new();
        using RespClient master = pair.ConnectMaster();
        pair.Sister.WaitUntilEqual(master);
        pair.WaitUntilEqual();
        using (MixedLoad load = new(pair.Master.Process.TcpEndPoint, 1))
        using (MixedLoad other = new(pair.Master.Process.TcpEndPoint, 2))
        {
            WaitForReplies(load, 4000);
        }

        pair.AssertSame();
        using RespClient replica = pair.Replica.Connect();
        Assert.Equal("0", Follower.InfoOf(replica, "unexpected_error_replies", "stats"));
        Assert.Equal("2", Follower.InfoOf(master, "sync_full", "stats"));
    }

    [Theory]
    [InlineData("yes")]
    [InlineData("no")]
    public void It_takes_all_that_is_there_with_the_end_marked_or_the_length_said(string diskless)
    {
        using MasterAndReplica pair = new(masterOptions: ["--repl-diskless-sync", diskless], begins: false);
        using (MixedLoad load = new(pair.Master.Process.TcpEndPoint, 3))
        {
            WaitForReplies(load, 2000);
        }

        pair.Begin();
        pair.AssertSame();
        Assert.Contains("sends all keys", pair.Replica.Process.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void After_its_own_SIGKILL_under_load_it_goes_on_where_it_was()
    {
        using MasterAndReplica pair = new();
        using RespClient master = pair.ConnectMaster();
        pair.Sister.WaitUntilEqual(master);
        pair.WaitUntilEqual();
        const int Kills = 6;
        for (int kill = 0; kill < Kills; kill++)
        {
            using MixedLoad load = new(pair.Master.Process.TcpEndPoint, kill);
            WaitForReplies(load, 400 + (kill * 37));
            pair.Replica.Process.Kill();
            WaitForReplies(load, 600 + (kill * 37));
            pair.Replica.RestartWhereItWas();
        }

        pair.AssertSame();
        Assert.Equal("2", Follower.InfoOf(master, "sync_full", "stats"));
        Assert.Equal($"{Kills}", Follower.InfoOf(master, "sync_partial_ok", "stats"));
    }

    [Fact]
    public void Killed_in_a_full_resynchronisation_it_shows_none_of_it_and_takes_all_again()
    {
        using MasterAndReplica pair = new(
            masterOptions: ["--rdb-key-save-delay", "100", "--rdbcompression", "no"], begins: false);
        using RespClient master = pair.ConnectMaster();
        master.Call("DEBUG", "POPULATE", 60_000, "k", 200);
        pair.Begin();
        for (int kill = 0; kill < 3; kill++)
        {
            using (RespClient replica = pair.Replica.Connect())
            {
                WaitFor(() => Follower.InfoOf(replica, "loading", "persistence") == "1");
                Assert.StartsWith("LOADING", replica.Call("GET", "k:1").Text, StringComparison.Ordinal);
                Assert.StartsWith("LOADING", replica.Call("DBSIZE").Text, StringComparison.Ordinal);
                WaitFor(() => long.Parse(
                    Follower.InfoOf(replica, "master_sync_read_bytes") is { Length: > 0 } read ? read : "0",
                    CultureInfo.InvariantCulture) > 1 << 20);
            }

            pair.Replica.Process.Kill();
            master.Call("CLIENT", "KILL", "TYPE", "replica");
            pair.Replica.RestartWhereItWas();
            using RespClient again = pair.Replica.Connect();
            Assert.StartsWith("LOADING", again.Call("GET", "k:1").Text, StringComparison.Ordinal);
        }

        master.Call("CONFIG", "SET", "rdb-key-save-delay", 0);
        master.Call("CLIENT", "KILL", "TYPE", "replica");
        pair.WaitUntilEqual();
        using RespClient last = pair.Replica.Connect();
        Assert.Equal(60_000, last.Call("DBSIZE").Integer);
        pair.AssertSame();
    }

    [Fact]
    public void A_master_that_is_killed_in_a_full_resynchronisation_leaves_nothing_that_is_served()
    {
        using MasterAndReplica pair = new(masterOptions: ["--rdb-key-save-delay", "100"], begins: false);
        using (RespClient master = pair.ConnectMaster())
        {
            master.Call("DEBUG", "POPULATE", 60_000, "k", 200);
            pair.Begin();
        }

        using RespClient replica = pair.Replica.Connect();
        WaitFor(() => Follower.InfoOf(replica, "loading", "persistence") == "1");
        pair.Master.Process.Kill();
        WaitFor(() => Follower.InfoOf(replica, "master_sync_in_progress") == "0");
        Assert.StartsWith("LOADING", replica.Call("GET", "k:1").Text, StringComparison.Ordinal);

        // Nobody's replica any more, it has nothing, and takes writes.
        Assert.Equal("OK", replica.Call("REPLICAOF", "NO", "ONE").Text);
        Assert.Equal(0, replica.Call("DBSIZE").Integer);
        Assert.Equal("OK", replica.Call("SET", "k", "v").Text);
    }

    [Fact]
    public void What_has_expired_is_not_shown_and_goes_when_the_master_says_so()
    {
        using MasterAndReplica pair = new();
        using RespClient master = pair.ConnectMaster();
        using RespClient replica = pair.Replica.Connect();
        master.Call("DEBUG", "SET-ACTIVE-EXPIRE", 0);
        master.Call("SET", "k", "v", "PX", 100);
        master.Call("RPUSH", "l", "a");
        master.Call("PEXPIRE", "l", 100);
        pair.WaitUntilEqual();
        Thread.Sleep(400);

        Assert.True(replica.Call("GET", "k").IsNull);
        Assert.Equal(0, replica.Call("EXISTS", "l").Integer);
        Assert.Equal(2, replica.Call("DBSIZE").Integer);

        Assert.True(master.Call("GET", "k").IsNull); // it removes it, and says so
        pair.WaitUntilEqual();
        Assert.Equal(1, replica.Call("DBSIZE").Integer);
    }

    [Fact]
    public void What_had_expired_only_by_its_own_clock_is_there_where_the_master_keeps_it()
    {
        using MasterAndReplica pair = new();
        using RespClient master = pair.ConnectMaster();
        pair.WaitUntilEqual();
        pair.Replica.Process.Kill();
        foreach (string key in (string[])["s", "n"])
        {
            master.Call("SET", key, "1", "PX", 300);
        }

        master.Call("RPUSH", "l", "a");
        master.Call("PEXPIRE", "l", 300);
        master.Call("PERSIST", "s");
        master.Call("PERSIST", "l");
        master.Call("INCR", "n");
        master.Call("PERSIST", "n");
        Thread.Sleep(500);
        pair.Replica.RestartWhereItWas();

        pair.WaitUntilEqual();
        using RespClient replica = pair.Replica.Connect();
        Assert.Equal("1", replica.Call("GET", "s").Text);
        Assert.Equal("2", replica.Call("GET", "n").Text);
        Assert.Equal(1, replica.Call("LLEN", "l").Integer);
        pair.AssertSame();
    }

    [Fact]
    public void It_takes_no_writes_of_clients()
    {
        using MasterAndReplica pair = new(begins: false);
        using RespClient replica = pair.Replica.Connect();
        using TextClient waits = new(pair.Replica.Process.TcpEndPoint);
        using RespClient queues = pair.Replica.Connect();
        queues.Call("MULTI");
        queues.Call("SET", "k", "v");
        waits.Send("BLPOP l 0\r\n"u8);
        WaitFor(() => Follower.InfoOf(replica, "blocked_clients", "clients") == "1");
        pair.Begin();

        const string Refusal = "READONLY You can't write against a read only replica.";
        Assert.StartsWith("-UNBLOCKED", waits.Receive(), StringComparison.Ordinal);
        Assert.Equal("EXECABORT Transaction discarded because of: " + Refusal, queues.Call("EXEC").Text);
        Assert.Equal(Refusal, replica.Call("SET", "k", "v").Text);
        Assert.StartsWith(
            "READONLY", replica.Call("EVAL", "return redis.call('SET', 'k', 'v')", 0).Text, StringComparison.Ordinal);
        Assert.StartsWith("ERR WAIT cannot be used", replica.Call("WAIT", 1, 1).Text, StringComparison.Ordinal);
        pair.WaitUntilEqual();
        Assert.True(replica.Call("GET", "k").IsNull);
        Assert.Equal("slave", replica.Call("ROLE").Items![0].Text);
        Assert.Equal("connected", replica.Call("ROLE").Items![3].Text);
    }

    [Fact]
    public void Made_a_master_it_stays_one_under_the_same_command_line()
    {
        using RunningServer master = StartRedis();
        using RunningServer replica = new(ServerProgram.KvStore(
            TestServer.KvStorePath, "--size", "256M", "--replicaof", "127.0.0.1", $"{master.Port}"));
        using (RespClient client = replica.Connect())
        {
            WaitFor(() => Follower.InfoOf(client, "master_link_status") == "up");
            string before = Follower.InfoOf(client, "master_replid");
            Assert.Equal("OK", client.Call("REPLICAOF", "NO", "ONE").Text);
            Assert.Equal("OK", client.Call("SET", "k", "v").Text);
            Assert.Equal(before, Follower.InfoOf(client, "master_replid2"));
            Assert.NotEqual(before, Follower.InfoOf(client, "master_replid"));
        }

        replica.Process.Kill();
        replica.RestartWhereItWas();
        using RespClient again = replica.Connect();
        Assert.Equal("master", Follower.InfoOf(again, "role"));
        Assert.Equal("v", again.Call("GET", "k").Text);
    }

    [Fact]
    public void Told_at_run_time_it_follows_after_a_kill_too()
    {
        using MasterAndReplica pair = new();
        pair.WaitUntilEqual();
        pair.Replica.Process.Kill();
        pair.Replica.RestartWhereItWas();
        using RespClient master = pair.ConnectMaster();
        master.Call("SET", "k", "v");

        pair.WaitUntilEqual();
        using RespClient replica = pair.Replica.Connect();
        Assert.Equal("v", replica.Call("GET", "k").Text);
    }

    [Fact]
    public void At_another_master_of_the_same_history_it_goes_on()
    {
        using MasterAndReplica pair = new();
        using RespClient master = pair.ConnectMaster();
        using Follower sister = new(pair.Master.Port);
        sister.WaitUntilEqual(master);
        pair.WaitUntilEqual();
        master.Call("SET", "k", "v");
        sister.WaitUntilEqual(master);
        pair.WaitUntilEqual();

        pair.Master.Process.Kill();
        sister.Client.Call("REPLICAOF", "NO", "ONE");
        sister.Client.Call("SET", "k", "w");
        using RespClient replica = pair.Replica.Connect();
        Assert.Equal("OK", replica.Call("REPLICAOF", "127.0.0.1", sister.Process.TcpEndPoint.Port).Text);

        WaitFor(() => replica.Call("GET", "k").Text == "w");
        Assert.Equal("1", Follower.InfoOf(sister.Client, "sync_partial_ok", "stats"));
        Assert.Equal(sister.Info("master_replid"), Follower.InfoOf(replica, "master_replid"));
    }

    [Fact]
    public void It_says_its_password_at_the_master()
    {
        using MasterAndReplica pair = new(begins: false);
        using RespClient master = pair.ConnectMaster();
        master.Call("CONFIG", "SET", "requirepass", "secret");
        using RespClient replica = pair.Replica.Connect();
        pair.Begin();
        Printed.Contains("answers REPLCONF listening-port with '-NOAUTH", pair.Replica.Process);
        Assert.Equal("OK", replica.Call("CONFIG", "SET", "masterauth", "secret").Text);

        WaitFor(() => Follower.InfoOf(replica, "master_link_status") == "up");
    }

    [Fact]
    public void The_password_does_not_stand_on_the_command_line()
    {
        (int exitCode, _, string error) = Tool.Run(TestServer.KvStorePath, ["--masterauth", "secret"]);

        Assert.NotEqual(0, exitCode);
        Assert.Contains("--masterauth-file", error, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error, StringComparison.Ordinal);
    }

    private static void WaitForReplies(MixedLoad load, long count) =>
        Assert.True(SpinWait.SpinUntil(() => load.Count.Replies >= count, Patience.Limit), $"{load.Count}");

    private static void WaitFor(Func<bool> condition) => Assert.True(
        SpinWait.SpinUntil(
            () =>
            {
                Thread.Sleep(5);
                return condition();
            },
            Patience.Limit));

    private static RunningServer StartRedis() => new(ServerProgram.Redis(Tool.Require("redis-server")));
}
