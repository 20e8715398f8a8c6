using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Life;

/// <summary>Somebody removes the files of a server that runs.</summary>
public sealed class RemovedFilesTests
{
    private const int Keys = 50;
    private static readonly TimeSpan s_patience = Patience.Limit;

    [Theory]
    [Trait("speed", "slow")]
    [InlineData(false)]
    [InlineData(true)]
    public void It_says_so_and_rescue_brings_every_key_back(bool directoryToo)
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena.");
        using var other = new TemporaryDirectory();
        using RunningServer server = TestServer.Start("64M");
        using RespClient client = server.Connect();
        for (int i = 0; i < Keys; i++)
        {
            client.Call("SET", $"key:{i}", $"value:{i}");
        }

        Assert.Contains("arena_files_lost:0", client.Call("INFO", "persistence").Text, StringComparison.Ordinal);
        Remove(server.DataDirectory, directoryToo);

        Printed.Contains("GMF5020", server.Process);
        string info = client.Call("INFO", "persistence").Text!;
        Assert.Contains($"arena_files_lost:{(directoryToo ? 3 : 2)}", info, StringComparison.Ordinal);
        Assert.Contains("arena_files_lost_reason:GMF5020 ", info, StringComparison.Ordinal);
        Assert.Equal("OK", client.Call("SET", "after", "1").Text);

        string rescued = Path.Combine(other.Path, "rescued");
        (int exitCode, string text, string error) =
            Gmfs("rescue", "--to", rescued, "--arena", server.DataDirectory, "--end");
        Assert.True(exitCode == 0, text + error);
        Assert.Contains("the copy is whole", text, StringComparison.Ordinal);
        Assert.True(SpinWait.SpinUntil(() => server.Process.HasExited, s_patience));

        using ServerProcess next = ServerProcess.Start(TestServer.Program("64M"), rescued);
        next.WaitUntilReady();
        using RespClient again = RespClient.Connect(next.TcpEndPoint);
        Assert.Equal(Keys + 1, again.Call("DBSIZE").Integer);
        Assert.All(Enumerable.Range(0, Keys), i => Assert.Equal($"value:{i}", again.Call("GET", $"key:{i}").Text));
        Assert.Contains("arena_files_lost:0", again.Call("INFO", "persistence").Text, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void As_configured_it_takes_no_writes_while_the_files_are_gone()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena.");
        using RunningServer server = TestServer.Start("64M");
        using RespClient client = server.Connect();
        client.Call("SET", "key", "1");
        Assert.Equal("OK", client.Call("CONFIG", "SET", "files-lost", "read-only").Text);
        string away = server.DataDirectory + "-away";
        Directory.Move(server.DataDirectory, away);

        bool refused = SpinWait.SpinUntil(() => client.Call("SET", "key", "2").IsError, s_patience);
        Assert.True(refused, "writes are taken");
        string refusal = client.Call("SET", "key", "2").Text;
        Assert.StartsWith("READONLY The store's files were removed", refusal, StringComparison.Ordinal);
        Assert.False(client.Call("GET", "key").IsError);

        Directory.Move(away, server.DataDirectory);
        bool taken = SpinWait.SpinUntil(() => !client.Call("SET", "key", "3").IsError, s_patience);
        Assert.True(taken, "writes are refused though the files are back");
        Assert.Equal("3", client.Call("GET", "key").Text);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Rescue_under_writes_gives_a_whole_copy_of_one_instant_and_the_server_goes_on()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena.");
        using var other = new TemporaryDirectory();
        using RunningServer server = TestServer.Start("64M");
        using RespClient client = server.Connect();
        Remove(server.DataDirectory, directoryToo: false);
        using var stop = new CancellationTokenSource();
        long written = 0;
        var writer = new Thread(() =>
        {
            using RespClient own = server.Connect();
            for (long i = 0; !stop.IsCancellationRequested; i++)
            {
                own.Call("SET", $"key:{i}", $"value:{i}");
                Interlocked.Exchange(ref written, i + 1);
            }
        });
        writer.Start();
        Assert.True(SpinWait.SpinUntil(() => Interlocked.Read(ref written) > 500, s_patience));

        string rescued = Path.Combine(other.Path, "rescued");
        long before = Interlocked.Read(ref written);
        (int exitCode, string text, string error) = Gmfs("rescue", $"{server.Process.Id}", "--to", rescued);
        long after = Interlocked.Read(ref written);
        Assert.True(exitCode == 0, text + error);
        bool goesOn = SpinWait.SpinUntil(() => Interlocked.Read(ref written) > after + 100, s_patience);
        Assert.True(goesOn, "the server does not go on");
        stop.Cancel();
        writer.Join();

        using ServerProcess next = ServerProcess.Start(TestServer.Program("64M"), rescued);
        next.WaitUntilReady();
        using RespClient again = RespClient.Connect(next.TcpEndPoint);
        long keys = again.Call("DBSIZE").Integer;
        Assert.InRange(keys, before, after + 1);
        Assert.Equal($"value:{keys - 1}", again.Call("GET", $"key:{keys - 1}").Text);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Rescue_refuses_where_nothing_was_removed_and_where_something_is_in_the_way()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena.");
        using var other = new TemporaryDirectory();
        using RunningServer server = TestServer.Start("64M");

        string rescued = Path.Combine(other.Path, "rescued");
        (int exitCode, _, string error) = Gmfs("rescue", $"{server.Process.Id}", "--to", rescued);
        Assert.Equal(3, exitCode);
        Assert.Contains("Nothing is lost", error, StringComparison.Ordinal);

        Remove(server.DataDirectory, directoryToo: false);
        File.WriteAllText(Path.Combine(other.Path, "somebody's"), "");
        (exitCode, _, error) = Gmfs("rescue", $"{server.Process.Id}", "--to", other.Path);
        Assert.Equal(3, exitCode);
        Assert.Contains("There is something in", error, StringComparison.Ordinal);
        Assert.Equal("PONG", server.Connect().Call("PING").Text);
    }

    private static void Remove(string directory, bool directoryToo)
    {
        foreach (string file in Directory.GetFiles(directory))
        {
            File.Delete(file);
        }

        if (directoryToo)
        {
            Directory.Delete(directory);
        }
    }

    private static (int ExitCode, string Output, string Error) Gmfs(params string[] arguments) =>
        Tool.Run("dotnet", [Path.Combine(AppContext.BaseDirectory, "gmfs.dll"), .. arguments]);
}
