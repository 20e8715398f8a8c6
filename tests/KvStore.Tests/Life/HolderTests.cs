using System.Diagnostics;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Life;

/// <summary>
/// The keys are in memory that another process holds: gmfs hold, or systemd's store. All of them are real processes,
/// and are killed.
/// </summary>
public sealed class HolderTests : IDisposable
{
    private static readonly TimeSpan s_limit = Patience.Limit;
    private readonly TemporaryDirectory _directory = new();
    private readonly Dataset _data = new(20_000, 100, 1);

    private string Socket => Path.Combine(_directory.Path, "hold.sock");

    [Fact]
    public void After_SIGKILL_every_key_is_there()
    {
        using HolderProcess holder = new(Socket);
        using RunningServer server = Loaded();
        server.Process.Kill();
        server.Restart();
        Assert.Equal("recovered", Attach(server));
        Verify(server);
        Assert.Empty(Directory.EnumerateFiles(server.DataDirectory)); // It is nowhere else.
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Where_the_holder_was_killed_too_it_starts_empty_and_says_why()
    {
        using HolderProcess holder = new(Socket);
        using RunningServer server = Loaded();
        server.Process.Kill();
        holder.Kill();
        using HolderProcess next = new(Socket);
        server.Restart();
        Assert.Equal("fresh", Attach(server));
        string reason = Assert.Single(ServerFacts.Ask(server.Process, "persistence").AttachReport(),
            line => line.Contains("GMF5017", StringComparison.Ordinal));
        Assert.Contains($"The holder at {Socket} (process {next.Id}, since", reason, StringComparison.Ordinal);
        Assert.Contains("What a holder before it had, ended with that one", reason, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_holder_that_is_killed_and_started_again_gets_the_memory_of_who_still_lives()
    {
        using HolderProcess holder = new(Socket);
        using RunningServer server = Loaded();
        holder.Kill();
        using HolderProcess next = new(Socket);
        next.WaitUntilItHolds("kvstore", 2);
        server.Process.Kill();
        server.Restart();
        Verify(server);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_holder_is_replaced_by_a_newer_one_without_losing_a_key()
    {
        using HolderProcess holder = new(Socket);
        using RunningServer server = Loaded();
        server.Process.Kill(); // Nobody but the holder has it now.
        using HolderProcess next = new(Socket);
        Assert.Equal(0, holder.WaitForExit());
        const string taken = "2 descriptors of 1 arenas were taken over";
        Assert.True(
            SpinWait.SpinUntil(() => next.Output.Contains(taken, StringComparison.Ordinal), Patience.Limit),
            next.Output);
        server.Restart();
        Verify(server);
    }

    [Fact]
    public void Without_a_holder_it_does_not_start_and_says_how_to()
    {
        using var program = new TemporaryDirectory();
        using ServerProcess process = ServerProcess.Start(Program(Socket), program.Path);
        long since = Stopwatch.GetTimestamp();
        while (!process.Output.Contains($"gmfs hold --socket {Socket}", StringComparison.Ordinal) || !process.HasExited)
        {
            Assert.True(Stopwatch.GetElapsedTime(since) < s_limit, process.Output);
            Thread.Sleep(20);
        }
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Under_a_service_manager_its_store_brings_every_key_back()
    {
        using var manager = new FdStore(_directory.Path);
        using var server = new RunningServer(manager.Service(Program("systemd")));
        Load(server);
        Assert.Equal(["kvstore/arena.meta", "kvstore/extent-1"], manager.Stored.Order(StringComparer.Ordinal));
        server.Process.Kill();
        server.Launch(manager.Service(Program("systemd")));
        server.Process.WaitUntilReady();
        Assert.Equal("recovered", Attach(server));
        Verify(server);
    }

    public void Dispose() => _directory.Dispose();

    private static ServerProgram Program(string holder) =>
        ServerProgram.KvStore(TestServer.Path, "--size", "64M", "--arena", "", "--holder", holder);

    private static string Attach(RunningServer server) =>
        ServerFacts.Ask(server.Process, "persistence").Find("attach_kind")!;

    private RunningServer Loaded()
    {
        var server = new RunningServer(Program(Socket));
        Load(server);
        return server;
    }

    private void Load(RunningServer server)
    {
        using RespClient client = server.Connect();
        Loader.Load(client, _data, _ => { }, TestContext.Current.CancellationToken);
    }

    private void Verify(RunningServer server)
    {
        using RespClient client = server.Connect();
        Assert.Equal(_data.Keys, client.Call("DBSIZE").Integer);
        var verifier = new Verifier(_data, new Overwriter(_data));
        verifier.Run(client, _ => { }, TestContext.Current.CancellationToken);
        Assert.Equal(_data.Keys, verifier.Right);
    }
}
