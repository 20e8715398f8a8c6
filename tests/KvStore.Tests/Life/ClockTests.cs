using KvStore.Demo;
using KvStore.Tests.Infrastructure;
using KvStore.Tests.Torture;

namespace KvStore.Tests.Life;

/// <summary>Expiry goes by the wall clock, whatever that does; nothing else does.</summary>
public sealed class ClockTests : IDisposable
{
    private const long Hour = 3_600_000;
    private readonly TemporaryDirectory _directory = new();
    private readonly MovableClock _clock;
    private readonly RunningServer _server;

    public ClockTests()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no clock of ours.");
        string path = Path.Combine(_directory.Path, "clock");
        _clock = new MovableClock(path);
        _server = new RunningServer(TestServer.WithClock(TestServer.Program(), path));
    }

    public void Dispose()
    {
        _server.Dispose();
        _clock.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Under_a_stopped_clock_nothing_expires()
    {
        using RespClient client = _server.Connect();
        _clock.Stop();
        client.Call("SET", "k", "v", "PX", 50);
        Thread.Sleep(400);
        Assert.Equal("v", client.Call("GET", "k").Text);
        Assert.Equal(50, client.Call("PTTL", "k").Integer);
        Assert.Equal(_clock.Now / 1000, long.Parse(client.Call("TIME").Items![0].Text,
            System.Globalization.CultureInfo.InvariantCulture));

        _clock.Set(0);
        Thread.Sleep(60);
        Assert.True(client.Call("GET", "k").IsNull);
    }

    [Fact]
    public void A_clock_set_ahead_expires_at_once_what_is_past_then()
    {
        using RespClient client = _server.Connect();
        client.Call("SET", "hour", "v", "EX", 3_000);
        client.Call("SET", "day", "v", "EX", 86_400);
        _clock.Set(Hour);
        Assert.True(client.Call("GET", "hour").IsNull);
        Assert.InRange(client.Call("TTL", "day").Integer, 82_000, 82_800);
        Assert.True(SpinWait.SpinUntil(() => client.Call("DBSIZE").Integer == 1, Patience.Limit),
            "The expired key was not removed.");
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_clock_set_back_while_the_server_is_killed_lengthens_lives_and_brings_nothing_back()
    {
        using (RespClient client = _server.Connect())
        {
            client.Call("SET", "short", "v", "PX", 1);
            Assert.True(SpinWait.SpinUntil(() => client.Call("DBSIZE").Integer == 0, Patience.Limit),
                "The expired key was not removed.");
            client.Call("SET", "long", "v", "EX", 100);
        }

        _server.Process.Kill();
        _clock.Set(-2 * Hour);
        _server.Restart(); // The record of the killed writer lies in the future.
        using (RespClient client = _server.Connect())
        {
            Assert.True(client.Call("GET", "short").IsNull);
            Assert.InRange(client.Call("TTL", "long").Integer, 7_200, 7_300);
            Assert.Equal("OK", client.Call("SET", "new", "v", "EX", 10).Text);
            Assert.InRange(client.Call("PTTL", "new").Integer, 1, 10_000);
        }
    }

    [Fact]
    public void A_process_that_stood_still_over_an_expiry_does_not_serve_the_key_when_it_goes_on()
    {
        using RespClient client = _server.Connect();
        client.Call("SET", "k", "v", "PX", 300);
        _server.Process.Pause();
        Thread.Sleep(400);
        client.Add("GET", "k");
        client.Flush();
        _server.Process.Resume();
        Assert.True(client.Read().IsNull);
    }
}
