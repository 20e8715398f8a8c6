using GuestMemFs;
using GuestMemFs.LiveUpdate;
using GuestMemFs.LiveUpdate.Participants;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Life;

/// <summary>
/// The server in a live update, asked through its socket as <c>gmfs live-update</c> asks; the kernel stays, which the
/// kernel lab does otherwise.
/// </summary>
public sealed class LiveUpdateTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();
    private readonly RunningServer _server;

    public LiveUpdateTests()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server takes no part in live updates.");
        ServerProgram program = TestServer.Program();
        _server = new RunningServer(program with { Environment = new Dictionary<string, string>(
            program.Environment) { ["KVSTORE_LIVE_UPDATE_SOCKET"] = Socket } });
        // it serves clients a moment earlier
        Assert.True(SpinWait.SpinUntil(() => File.Exists(Socket), Patience.Limit));
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Socket => Path.Combine(_folder.Path, "live-update");

    public void Dispose()
    {
        _server?.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Commands_wait_while_it_stands_and_are_served_when_it_goes_on()
    {
        using RespClient client = _server.Connect();
        client.Call("SET", "k", "1");
        using ServiceParticipant service = Connect();
        await service.PrepareAsync(Cancellation);
        string saved = await service.SaveAsync(Cancellation);
        Assert.EndsWith(" 1", saved, StringComparison.Ordinal);
        Task<RespReply> waits = Task.Run(() => client.Call("INCR", "k"), Cancellation);
        await service.FreezeAsync(Cancellation);
        await Task.Delay(300, Cancellation);
        Assert.False(waits.IsCompleted);
        Assert.True(IsFrozen());

        await service.AbortAsync(saved, Cancellation);
        Assert.Equal(2, (await waits).Integer);
        Assert.False(IsFrozen());
    }

    [Fact]
    [Trait("speed", "slow")]
    public async Task Killed_while_it_stands_it_finds_what_was_saved_and_one_that_lost_its_memory_is_told()
    {
        using (RespClient client = _server.Connect())
        {
            client.Call("MSET", "a", "1", "b", "2");
        }

        string saved;
        using (ServiceParticipant service = Connect())
        {
            saved = await service.SaveAsync(Cancellation);
            await service.FreezeAsync(Cancellation);
            await service.EnterAsync(Cancellation);
            _server.Process.Kill();
        }

        _server.Restart();
        using (ServiceParticipant service = Connect())
        {
            await service.VerifyAsync(saved, Cancellation);
            await service.ResumeAsync(saved, Cancellation);
        }

        _server.Process.Kill();
        foreach (string file in Directory.GetFiles(_server.DataDirectory))
        {
            File.Delete(file);
        }

        _server.Restart();
        using ServiceParticipant lost = Connect();
        LiveUpdateException refused = await Assert.ThrowsAsync<LiveUpdateException>(() =>
            lost.VerifyAsync(saved, Cancellation));
        Assert.Contains(saved, refused.Message, StringComparison.Ordinal);
        Assert.Contains("fresh", refused.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task SIGTERM_ends_it_while_it_stands_and_nobody_who_waits_is_served()
    {
        using RespClient client = _server.Connect();
        client.Call("SET", "k", "1");
        using ServiceParticipant service = Connect();
        await service.SaveAsync(Cancellation);
        await service.FreezeAsync(Cancellation);
        await service.EnterAsync(Cancellation);
        Task<RespReply> waits = Task.Run(() => client.Call("INCR", "k"), Cancellation);
        await Task.Delay(100, Cancellation);
        Assert.Equal(0, _server.Process.Terminate());
        await Assert.ThrowsAnyAsync<IOException>(() => waits);
        _server.Restart();
        using RespClient again = _server.Connect();
        Assert.Equal("1", again.Call("GET", "k").Text);
    }

    private ServiceParticipant Connect() =>
        new(new ServiceSettings { Name = "kvstore", Socket = Socket, Deadline = 20 });

    private bool IsFrozen()
    {
        using PersistentArena arena = PersistentArena.Open(
            new ArenaOptions { Directory = _server.DataDirectory, Access = ArenaAccess.ReadOnly });
        return arena.IsFrozen;
    }
}
