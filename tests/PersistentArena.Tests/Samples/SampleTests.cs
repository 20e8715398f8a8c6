using System.Globalization;
using System.Net.Sockets;

namespace GuestMemFs.Tests.Samples;

/// <summary>The small samples: what they said is true is true after SIGKILL.</summary>
public sealed class SampleTests : IDisposable
{
    private readonly string _folder = Directory.CreateDirectory(Path.Combine(
        Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), "gmf-sample-" + Guid.NewGuid())).FullName;

    private string Arena => Path.Combine(_folder, "arena");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Counter_goes_on_after_SIGKILL()
    {
        for (int life = 1; life <= 3; life++)
        {
            using var counter = new SampleProgram("Counter", Arena);
            Assert.Equal($"start {life}, {(life == 1 ? "Fresh" : "Recovered")}", counter.Read());

            Assert.Equal($"apples {(2 * life) - 1}", counter.Ask("apples"));
            Assert.Equal($"apples {2 * life}", counter.Ask("apples"));

            counter.Kill();
        }
    }

    [Fact]
    public void Sessions_are_good_after_SIGKILL_and_end_when_they_are_not_shown()
    {
        using var first = new SampleProgram("Sessions", Arena, "60");
        Assert.Equal("0 sessions", first.Read());
        string alice = first.Ask("login alice");
        string bob = first.Ask("login bob");
        Assert.Equal("bye", first.Ask("logout " + bob));
        first.Kill();

        using var second = new SampleProgram("Sessions", Arena, "0.2");
        Assert.Equal("1 sessions", second.Read());
        Assert.Equal("alice", second.Ask("who " + alice));
        Assert.Equal("nobody", second.Ask("who " + bob));

        Thread.Sleep(300);
        Assert.Equal("nobody", second.Ask("who " + alice));
    }

    [Fact]
    public void Server_keeps_its_keys_over_SIGKILL_and_closes_clean_when_it_is_asked_to_end()
    {
        using (var server = new SampleProgram("Server", Arena, "0"))
        {
            using Client client = Connect(server);
            Assert.Equal("ok", client.Ask("set greeting hello, world"));
            Assert.Equal("7", client.Ask("add visits 7"));
            Assert.Equal("ok", client.Ask("set gone 1"));
            Assert.Equal("ok", client.Ask("del gone"));
            Assert.StartsWith("error: ", client.Ask("add greeting 1"), StringComparison.Ordinal);
            server.Kill();
        }

        using var again = new SampleProgram("Server", Arena, "0");
        using (Client client = Connect(again))
        {
            Assert.Equal("hello, world", client.Ask("get greeting"));
            Assert.Equal("8", client.Ask("add visits 1"));
            Assert.Equal("(none)", client.Ask("get gone"));
            Assert.Equal("2", client.Ask("count"));
        }

        Assert.Equal(0, again.Terminate());
        using PersistentArena arena = PersistentArena.Open(new ArenaOptions { Directory = Arena });
        Assert.Equal(AttachKind.Warm, arena.AttachReport.Kind);
    }

    private static Client Connect(SampleProgram server)
    {
        string port = server.ReadUntil("listening on port ").Split(' ')[^1];
        return new Client(new TcpClient("127.0.0.1", int.Parse(port, CultureInfo.InvariantCulture)));
    }

    private sealed class Client(TcpClient connection) : IDisposable
    {
        private readonly StreamReader _reader = new(connection.GetStream());
        private readonly StreamWriter _writer = new(connection.GetStream()) { AutoFlush = true };

        public string? Ask(string line)
        {
            _writer.WriteLine(line);
            return _reader.ReadLine();
        }

        public void Dispose() => connection.Dispose();
    }
}
