using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Replication;

/// <summary>A redis-server, and a KvStore that is its replica, or is about to be.</summary>
internal sealed class MasterAndReplica : IDisposable
{
    private Follower? _sister;

    public MasterAndReplica(string[]? masterOptions = null, bool begins = true)
    {
        Assert.SkipWhen(TestServer.IsRedis, "KvStore is the replica here.");
        Master = new RunningServer(ServerProgram.Redis(
            Tool.Require("redis-server"),
            ["--enable-debug-command", "local", "--repl-diskless-sync-delay", "0", .. masterOptions ?? []]));
        Replica = new RunningServer(ServerProgram.KvStore(TestServer.KvStorePath, "--size", "256M"));
        if (begins)
        {
            Begin();
        }
    }

    public RunningServer Master { get; }

    public RunningServer Replica { get; }

    /// <summary>A redis-server that follows the same master, from here on.</summary>
    public Follower Sister => _sister ??= new Follower(Master.Port);

    /// <summary>The one follows the other from here on.</summary>
    public void Begin()
    {
        using RespClient replica = Replica.Connect();
        Assert.Equal("OK", replica.Call("REPLICAOF", "127.0.0.1", Master.Port).Text);
    }

    public RespClient ConnectMaster() => Master.Connect();

    /// <summary>Waits until the replica has all that the master has.</summary>
    public void WaitUntilEqual()
    {
        using RespClient master = Master.Connect();
        using RespClient replica = Replica.Connect();
        Follower.WaitUntilEqual(replica, master, () => Replica.Process.Output);
    }

    /// <summary>A redis-server that gets all keys of the replica has what the master's own has.</summary>
    /// <remarks>Not what the master has: of groups of streams redis-server does not tell its replicas all.</remarks>
    public void AssertSame()
    {
        using RespClient master = Master.Connect();
        Sister.WaitUntilEqual(master);
        Thread.Sleep(300); // what is about to expire goes first
        WaitUntilEqual();
        using Follower chained = new(Replica.Port);
        WaitUntilEqual();
        using RespClient replica = Replica.Connect();
        chained.WaitUntilEqual(replica);
        Sister.WaitUntilEqual(master);
        // What has expired is there until the master removes it, at the one a moment before the other.
        if (!SpinWait.SpinUntil(() => Sister.Describe() == chained.Describe(), TimeSpan.FromSeconds(10)))
        {
            string[] right = Sister.Describe().Split('\n');
            string[] wrong = chained.Describe().Split('\n');
            Assert.Fail($"{string.Join('\n', right.Except(wrong))}\nand not\n"
                + string.Join('\n', wrong.Except(right)));
        }
    }

    public void Dispose()
    {
        _sister?.Dispose();
        Replica?.Dispose();
        Master.Dispose();
    }
}
