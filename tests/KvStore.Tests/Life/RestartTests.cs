using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Life;

/// <summary>What restarts cost and keep.</summary>
public sealed class RestartTests(ITestOutputHelper output)
{
    private const int Runs = 7;

    [Fact]
    [Trait("speed", "slow")]
    public void After_SIGKILL_it_is_back_as_fast_as_after_a_clean_stop_and_as_on_an_empty_arena()
    {
        using RunningServer empty = TestServer.Start("1G");
        using RunningServer server = TestServer.Start("1G");
        var data = new Dataset(300_000, 100, 1);
        using (RespClient client = server.Connect())
        {
            Loader.Load(client, data, _ => { }, TestContext.Current.CancellationToken);
        }

        var clean = new List<TimeSpan>();
        var killed = new List<TimeSpan>();
        var nothing = new List<TimeSpan>();
        for (int i = 0; i < Runs; i++)
        {
            nothing.Add(Restart(empty, kill: false));
            clean.Add(Restart(server, kill: false));
            killed.Add(Restart(server, kill: true));
        }

        output.WriteLine($"first answer: empty {Median(nothing):0} ms, clean {Median(clean):0} ms, " +
            $"killed {Median(killed):0} ms");
        using (RespClient client = server.Connect())
        {
            Assert.Equal(data.Keys, client.Call("DBSIZE").Integer);
            var verifier = new Verifier(data, new Overwriter(data));
            verifier.Run(client, _ => { }, TestContext.Current.CancellationToken);
            Assert.Equal(data.Keys, verifier.Right);
        }

        // Generous: other work runs on the machine. A reload of the data (redis-server: over 100 ms here) is seen all
        // the same.
        Assert.InRange(Median(killed), 0, (Median(clean) * 1.5) + 30);
        Assert.SkipWhen(TestServer.IsRedis, "redis-server reloads, and so is slower than on nothing.");
        Assert.InRange(Median(killed), 0, (Median(nothing) * 1.5) + 30);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void SIGTERM_and_SHUTDOWN_end_it_clean()
    {
        using RunningServer server = TestServer.Start();
        using (RespClient client = server.Connect())
        {
            client.Call("SET", "k", "v");
        }

        Assert.Equal(0, server.Process.Terminate());
        server.Restart();
        using (RespClient client = server.Connect())
        {
            Assert.Equal("v", client.Call("GET", "k").Text);
            client.Add("SHUTDOWN");
            client.Flush();
            Assert.ThrowsAny<IOException>(() => client.Read());
        }

        Assert.True(SpinWait.SpinUntil(() => server.Process.HasExited, Patience.Limit));
        server.Restart();
        using (RespClient client = server.Connect())
        {
            Assert.Equal("v", client.Call("GET", "k").Text);
        }
    }

    private static TimeSpan Restart(RunningServer server, bool kill)
    {
        if (kill)
        {
            server.Process.Kill();
        }
        else
        {
            server.Process.Terminate();
        }

        server.Restart();
        return server.StartTime;
    }

    private static double Median(List<TimeSpan> times) => times.Order().ElementAt(times.Count / 2).TotalMilliseconds;
}
