using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Server;

/// <summary>Who gets in, and what happens at the limits of descriptors and memory.</summary>
public sealed class NetworkFaultTests
{
    [Fact]
    public void Without_a_password_clients_of_other_machines_are_refused_as_in_redis()
    {
        IPAddress outside = OwnAddress();
        using var redis = new RunningServer(ServerProgram.Redis(Tool.Require("redis-server"), "--bind", "0.0.0.0"));
        using RunningServer own = Start("--bind", "0.0.0.0");
        string expected = ReadAll(outside, redis.Port);

        Assert.Equal(expected, ReadAll(outside, own.Port));
        Assert.StartsWith("-DENIED Redis is running in protected mode", expected, StringComparison.Ordinal);

        using var local = new TextClient(own.Process.TcpEndPoint);
        Assert.Equal("+OK\r\n", local.Call("CONFIG", "SET", "requirepass", "secret"));
        using (var remote = new TextClient(new IPEndPoint(outside, own.Port)))
        {
            Assert.Equal("-NOAUTH Authentication required.\r\n", remote.Call("PING"));
        }

        Assert.Equal("+OK\r\n", local.Call("CONFIG", "SET", "requirepass", "", "protected-mode", "no"));
        using var free = new TextClient(new IPEndPoint(outside, own.Port));
        Assert.Equal("+PONG\r\n", free.Call("PING"));
    }

    [Fact]
    public void A_password_of_a_file_is_asked_for_and_stands_in_no_list_of_processes()
    {
        using var directory = new TemporaryDirectory();
        string file = Path.Combine(directory.Path, "password");
        File.WriteAllText(file, "s3cret word\n");
        ServerProgram program = ServerProgram.KvStore(Executable, "--size", "64M", "--requirepass-file", file);
        using ServerProcess server = ServerProcess.Start(program, Path.Combine(directory.Path, "data"));
        server.WaitFor(probe => probe.Call("PING").Text!.StartsWith("NOAUTH", StringComparison.Ordinal));
        using var client = new TextClient(server.TcpEndPoint);

        Assert.StartsWith("-NOAUTH", client.Call("GET", "a"), StringComparison.Ordinal);
        Assert.StartsWith("-WRONGPASS", client.Call("AUTH", "s3cret"), StringComparison.Ordinal);
        Assert.Equal("+OK\r\n", client.Call("AUTH", "s3cret word"));
        Assert.DoesNotContain("s3cret", File.ReadAllText($"/proc/{server.Id}/cmdline"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "argument", false)]
    [InlineData("\n", "the file's first line is empty", true)]
    public void A_password_file_without_a_password_is_refused(string content, string expected, bool exists)
    {
        using var directory = new TemporaryDirectory();
        string file = Path.Combine(directory.Path, "password");
        if (exists)
        {
            File.WriteAllText(file, content);
        }

        (int exitCode, _, string error) = Tool.Run(Executable, ["--requirepass-file", file, "--arena", directory.Path]);

        Assert.Equal(2, exitCode);
        Assert.Contains(exists ? expected : "Could not find file", error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_unix_socket_has_the_permissions_asked_for()
    {
        using RunningServer server = Start("--unixsocketperm", "600");

        string path = server.Process.UnixEndPoint!.ToString()!;

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, new FileInfo(path).UnixFileMode);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void At_the_limit_of_descriptors_it_serves_on_says_so_once_and_accepts_when_some_are_free()
    {
        using RunningServer server = Start();
        using var first = new TextClient(server.Process.TcpEndPoint);
        Assert.Equal("+PONG\r\n", first.Call("PING"));
        int open = Directory.GetFileSystemEntries($"/proc/{server.Process.Id}/fd").Length;
        LimitDescriptors(server, open + 10);
        List<Socket> clients = Connect(server, 60);

        Thread.Sleep(1000);

        Assert.False(server.Process.HasExited, server.Process.Output);
        Assert.Equal("+OK\r\n", first.Call("SET", "a", "1"));
        Printed.Contains("accept: ", server.Process);
        Assert.Single(server.Process.Output.Split('\n'), line => line.StartsWith("accept: ", StringComparison.Ordinal));

        clients.ForEach(client => client.Dispose());
        using var next = new TextClient(server.Process.TcpEndPoint);
        Assert.Equal("$1\r\n1\r\n", next.Call("GET", "a"));
    }

    [Fact]
    public void The_number_of_clients_leaves_descriptors_for_the_server()
    {
        using var directory = new TemporaryDirectory();
        ServerProgram program = ServerProgram.KvStore(Executable, "--size", "64M");
        ServerProgram limited = program with
        {
            Executable = Tool.Require("prlimit"),
            Arguments = (data, port, socket) =>
                ["--nofile=200:200", Executable, .. program.Arguments(data, port, socket)],
        };
        using ServerProcess server = ServerProcess.Start(limited, directory.Path);
        server.WaitUntilReady();
        using var client = new TextClient(server.TcpEndPoint);
        Assert.Equal("*2\r\n$10\r\nmaxclients\r\n$3\r\n152\r\n", client.Call("CONFIG", "GET", "maxclients"));
        Assert.Contains("try with 152", client.Call("CONFIG", "SET", "maxclients", "153"), StringComparison.Ordinal);
    }

    [Fact]
    public void Keys_watched_without_end_end_their_connection()
    {
        using RunningServer server = Start("--client-query-buffer-limit", "1mb");
        using var client = new TextClient(server.Process.TcpEndPoint);
        string last = "";
        for (int i = 0; i < 100 && !last.Contains("(closed)", StringComparison.Ordinal); i++)
        {
            last = client.Call(["WATCH", .. Enumerable.Range(i * 1000, 1000).Select(key => $"key{key}")]);
        }

        Assert.Contains("(closed)", last, StringComparison.Ordinal);
        using var other = new TextClient(server.Process.TcpEndPoint);
        Assert.Equal("+PONG\r\n", other.Call("PING"));
    }

    [Fact]
    public void A_transaction_of_commands_without_arguments_is_limited_too()
    {
        using RunningServer server = Start("--client-query-buffer-limit", "1mb");
        using var client = new TextClient(server.Process.TcpEndPoint);
        Assert.Equal("+OK\r\n", client.Call("MULTI"));

        // 1.2 MB with their places
        client.Send([.. Enumerable.Repeat("PING\r\n"u8.ToArray(), 60_000).SelectMany(b => b)]);

        Assert.EndsWith("+QUEUED\r\n", client.ReadToEnd(), StringComparison.Ordinal);
    }

    private static string Executable => Path.Combine(AppContext.BaseDirectory, "KvStore");

    private static RunningServer Start(params string[] more) =>
        new(ServerProgram.KvStore(Executable, ["--size", "256M", .. more]));

    private static List<Socket> Connect(RunningServer server, int count)
    {
        List<Socket> clients = [];
        for (int i = 0; i < count; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(server.Process.TcpEndPoint);
            clients.Add(socket);
        }

        return clients;
    }

    private static void LimitDescriptors(RunningServer server, int most)
    {
        (int exitCode, _, string error) = Tool.Run(Tool.Require("prlimit"),
            ["--pid", $"{server.Process.Id}", $"--nofile={most}:{most}"]);
        Assert.Equal((0, ""), (exitCode, error));
    }

    private static IPAddress OwnAddress()
    {
        IPAddress? address = NetworkInterface.GetAllNetworkInterfaces()
            .Where(card => card.OperationalStatus == OperationalStatus.Up)
            .SelectMany(card => card.GetIPProperties().UnicastAddresses)
            .Select(entry => entry.Address)
            .FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(a));
        Assert.SkipWhen(address is null,
            "This machine has no address but loopback, so a client of another machine was not played.");
        return address!;
    }

    private static string ReadAll(IPAddress address, int port)
    {
        using var client = new TextClient(new IPEndPoint(address, port));
        return client.ReadToEnd();
    }

}
