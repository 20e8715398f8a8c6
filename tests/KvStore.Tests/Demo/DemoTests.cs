using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Demo;

/// <summary>The demo: that it works, and that it would tell if the server did not.</summary>
public sealed class DemoTests
{
    [Fact]
    [Trait("speed", "slow")]
    public void The_demo_ends_well_and_leaves_nothing_behind()
    {
        Assert.SkipWhen(TestServer.IsRedis, "The demo's server is KvStore itself.");
        using var place = new TemporaryDirectory();
        (int code, string output, string error) = Tool.Run(
            TestServer.KvStorePath, ["demo", "--keys", "50k", "--arena", place.Path], seconds: 120);
        Assert.True(code == 0, $"It ended with {code}:\n{output}\n{error}");
        Assert.Contains("50,000 right, 0 lost, 0 wrong", output, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(place.Path));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Its_acts_work_with_another_server_that_keeps_what_it_acknowledged()
    {
        var program = ServerProgram.Redis(Tool.Require("redis-server"), "--appendonly", "yes", "--appendfsync", "no");
        using var place = new TemporaryDirectory();
        var output = new StringWriter();
        DemoOptions options = DemoOptions.Parse(["--keys", "20k", "--arena", place.Path]);
        var data = new Dataset(options.Keys, options.ValueLength, options.Seed);
        using (var scene = new Scene(output, terminal: false, TestContext.Current.CancellationToken))
        {
            WarmRestart figures = WarmRestart.Play(options, data, scene, program);
            Assert.True(figures.AllRight, output.ToString());
            RedisReload theirs = RedisReload.Play(program.Executable, data, scene);
            Summary.Write(scene, data, figures, theirs);
        }

        Assert.Contains("20,000 right, 0 lost, 0 wrong", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("times as fast", output.ToString(), StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(place.Path));
    }

    [Fact]
    public void A_lost_a_stale_and_a_foreign_value_are_told()
    {
        using var server = new RunningServer(ServerProgram.Redis(Tool.Require("redis-server")));
        var data = new Dataset(10_000, 100, 1);
        var writes = new Overwriter(data);
        using RespClient client = server.Connect();
        Loader.Load(client, data, _ => { }, TestContext.Current.CancellationToken);
        var writer = new Thread(() => writes.Run(server.Process.TcpEndPoint));
        writer.Start();
        SpinWait.SpinUntil(() => writes.Acknowledged > 3 * data.Keys, Patience.Limit);
        foreach (RespReply connection in client.Call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").Items ?? [])
        {
            Assert.False(connection.IsError);
        }

        writer.Join();
        Verifier verifier = Verify();
        Assert.Equal((10_000, 0, 0), (verifier.Right, verifier.Lost, verifier.Wrong));

        var stale = new byte[100];
        data.Value(17, 0, stale);
        client.Call("DEL", "key:000000000003");
        client.Call("SETRANGE", "key:000000009999", 50, "torn");
        client.Call("SET", "key:000000000017", stale);
        verifier = Verify();
        Assert.Equal((9_997, 1, 2), (verifier.Right, verifier.Lost, verifier.Wrong));
        Assert.Contains(verifier.Examples, e =>
            e.Contains("key:000000000003", StringComparison.Ordinal) && e.Contains("lost", StringComparison.Ordinal));

        Verifier Verify()
        {
            var result = new Verifier(data, writes);
            result.Run(client, _ => { }, TestContext.Current.CancellationToken);
            return result;
        }
    }

    [Theory]
    [InlineData("--keys")]
    [InlineData("--keys", "none")]
    [InlineData("--keys", "0")]
    [InlineData("--frobnicate")]
    public void Bad_arguments_are_told(params string[] arguments) =>
        Assert.Equal(2, DemoCommand.Run(arguments, TextWriter.Null));
}
