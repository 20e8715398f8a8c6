using System.Text;
using KvStore.Demo;
using KvStore.HandOver;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.HandOver;

/// <summary>
/// A hand-over that is not completed: one of the two has all, and clients notice nothing, or are closed.
/// </summary>
public sealed class FailedHandOverTests(ITestOutputHelper output)
{
    private const int Kills = 10;

    /// <summary>In milliseconds, from one moment of a kill to the next.</summary>
    private static readonly int KillStep = TestServer.IsNative ? 1 : 8;

    /// <summary>Where a successor dies.</summary>
    public static TheoryData<string> Points => ["connected", "greeted", "welcomed", "asked", "received", "refuses"];

    [Theory]
    [Trait("speed", "slow")]
    [MemberData(nameof(Points))]
    public void A_successor_that_dies_before_it_has_all_leaves_everything_as_it_was(string point)
    {
        using var lab = new HandOverLab();
        using var load = new PipelinedLoad(lab.EndPoint, clients: 3, depth: 8);
        using var large = new PipelinedLoad(lab.EndPoint, clients: 1, depth: 1, large: 3_000_000);
        using var waiting = new TextClient(lab.EndPoint);
        waiting.Send("BLPOP l 0\r\n"u8);
        load.WaitForMore(100);

        for (int i = 0; i < 3; i++)
        {
            using (HandOverLink link = lab.Link())
            {
                GoAsFarAs(link, lab, point);
            }

            load.WaitForMore(500);
            large.WaitForMore(60);
        }

        using var other = new TextClient(lab.EndPoint);
        Assert.Equal(":1\r\n", other.Call("RPUSH", "l", "x"));
        Assert.Equal("*2\r\n$1\r\nl\r\n$1\r\nx\r\n", waiting.Receive());
        Assert.Equal("", load.End());
        Assert.Equal("", large.End());
        lab.Succeed(); // and a good one still gets it
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_successor_that_does_nothing_is_not_waited_for_longer_than_five_seconds()
    {
        using var lab = new HandOverLab();
        using var client = new TextClient(lab.EndPoint);
        using HandOverLink link = lab.Link();
        GoAsFarAs(link, lab, "received");

        Assert.Equal("+PONG\r\n", client.Call("PING"));

        Printed.Contains("did nothing within the time; this server takes store and clients back", lab.Server);
        lab.AssertServes();
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Another_version_another_store_and_nonsense_are_refused()
    {
        using var lab = new HandOverLab();
        using var client = new TextClient(lab.EndPoint);

        Assert.Contains("speaks versions 2 to 3", Refusal(lab, lab.Greeting(2, 3).ToBytes()), StringComparison.Ordinal);
        Greeting elsewhere = lab.Greeting() with { Store = "kvstore\n\n/elsewhere" };
        Assert.Contains("is for another store", Refusal(lab, elsewhere.ToBytes()), StringComparison.Ordinal);
        Assert.Contains("no greeting", Refusal(lab, "GET / HTTP/1.0"u8.ToArray()), StringComparison.Ordinal);
        Assert.Contains("no greeting", Refusal(lab, []), StringComparison.Ordinal);

        Assert.Equal("+PONG\r\n", client.Call("PING"));
        Printed.Contains("this server serves on", lab.Server);
        lab.Succeed();
    }

    [Fact]
    public void A_successor_for_another_store_ends_and_says_why()
    {
        using var lab = new HandOverLab();

        ServerProcess other = lab.Start(["--name", "other"]);

        Assert.True(SpinWait.SpinUntil(() => other.HasExited, Patience.Limit));
        Assert.Equal(1, other.ExitCode);
        Printed.Contains("does not hand over: it is for another store", other);
        lab.AssertServes();
    }

    [Fact]
    public void Another_user_gets_nothing_and_is_given_nothing()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "takes root, to be somebody else");
        Assert.SkipUnless(File.Exists("/usr/bin/setpriv"), "setpriv(1) is not there (package util-linux)");
        using var lab = new HandOverLab();
        using var client = new TextClient(lab.EndPoint);
        Assert.Equal(0, Tool.Run("chmod", ["666", lab.SocketPath]).ExitCode); // by its mode alone he could connect

        ServerProcess stranger = lab.Start(program: server => server with
        {
            Executable = "/usr/bin/setpriv",
            Arguments = (directory, port, socket) =>
                ["--reuid=65534", "--clear-groups", server.Executable, .. server.Arguments(directory, port, socket)],
        });

        Assert.True(SpinWait.SpinUntil(() => stranger.HasExited, Patience.Limit));
        Assert.Equal(1, stranger.ExitCode);
        Printed.Contains("user 65534 is neither this server's nor root", stranger);
        Assert.Equal("+PONG\r\n", client.Call("PING"));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Whichever_of_the_two_is_killed_the_other_has_the_store_and_nothing_acknowledged_is_lost()
    {
        foreach (bool killsSuccessor in (bool[])[true, false])
        {
            int survived = 0;
            int orphaned = 0;
            for (int i = 0; i < Kills; i++)
            {
                survived += KillOne(killsSuccessor, i * KillStep, out bool died) ? 1 : 0;
                orphaned += died ? 1 : 0;
            }

            output.WriteLine($"killed the {(killsSuccessor ? "successor" : "predecessor")} {Kills} times: {survived} "
                + $"times the client kept its connection; {orphaned} times the predecessor died in the middle");
        }
    }

    /// <summary>True where the client's connection outlived it.</summary>
    private static bool KillOne(bool killsSuccessor, int milliseconds, out bool diedMidway)
    {
        using var lab = new HandOverLab();
        using RespClient client = RespClient.Connect(lab.EndPoint);
        Assert.Equal(0, client.Call("INCRBY", "n", "0").Integer);
        ServerProcess before = lab.Server;
        int descriptors = Descriptors(before.Id);
        ServerProcess next = lab.Start();
        var killer = new Thread(() =>
        {
            // From the moment at which the successor is connected, it is a matter of milliseconds.
            SpinWait.SpinUntil(() => next.HasExited || Descriptors(before.Id) > descriptors, Patience.Limit);
            Thread.Sleep(milliseconds);
            (killsSuccessor ? next : before).Kill();
        });
        killer.Start();
        long acknowledged = 0;
        bool lives = true;
        try
        {
            while (killer.IsAlive)
            {
                acknowledged = client.Call("INCR", "n").Integer;
            }

            acknowledged = client.Call("INCR", "n").Integer;
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException
            { SocketErrorCode: not System.Net.Sockets.SocketError.TimedOut })
        {
            lives = false;
        }

        killer.Join();
        using RespClient again = Reconnect(lab, before);
        long found = again.Call("INCRBY", "n", "0").Integer;
        Assert.InRange(found, acknowledged, acknowledged + (lives ? 0 : 1));
        diedMidway = next.Output.Contains("which died meanwhile", StringComparison.Ordinal);
        return lives;
    }

    /// <summary>The one of the two that lives serves; where neither does, one more is started.</summary>
    private static RespClient Reconnect(HandOverLab lab, ServerProcess before)
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        while (System.Diagnostics.Stopwatch.GetElapsedTime(start) < Patience.Limit)
        {
            try
            {
                RespClient client = RespClient.Connect(lab.EndPoint);
                Assert.Equal("PONG", client.Call("PING").Text);
                return client;
            }
            catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException)
            {
                if (lab.Server.HasExited && before.HasExited)
                {
                    lab.Start();
                }

                Thread.Sleep(1);
            }
        }

        throw new TimeoutException($"nobody answers: {before.Output}\n{lab.Server.Output}");
    }

    private static int Descriptors(int process)
    {
        try
        {
            return Directory.GetFiles($"/proc/{process}/fd").Length;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return int.MaxValue; // it has ended
        }
    }

    private static void GoAsFarAs(HandOverLink link, HandOverLab lab, string point)
    {
        if (point == "connected")
        {
            return;
        }

        link.Send(HandOverMessage.Hello, lab.Greeting().ToBytes());
        if (point == "greeted")
        {
            return;
        }

        Assert.Equal(HandOverMessage.Welcome, link.Receive(out _));
        if (point == "welcomed")
        {
            return;
        }

        link.Send(HandOverMessage.Go);
        HandOverMessage received;
        do
        {
            received = point == "asked" ? HandOverMessage.Released : link.Receive(out _);
        }
        while (received < HandOverMessage.Released);
        Assert.Equal(HandOverMessage.Released, received);
        if (point == "refuses")
        {
            link.Refuse("no");
            Assert.Equal(HandOverMessage.Refusal, link.Receive(out _));
        }
    }

    private static string Refusal(HandOverLab lab, byte[] greeting)
    {
        using HandOverLink link = lab.Link();
        link.Send(HandOverMessage.Hello, greeting);
        Assert.Equal(HandOverMessage.Refusal, link.Receive(out ReadOnlySpan<byte> why));
        return Encoding.UTF8.GetString(why);
    }
}
