using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Transfer;

/// <summary>
/// Import and export with a server that replies anything or nothing, beside other users, and with files that are none:
/// each ends soon, says why, and leaves no file.
/// </summary>
[Trait("speed", "slow")]
public sealed class HostileTransferTests : IDisposable
{
    private const string Stranger = "65534";
    private const string OneDatabase = "-ERR no\r\n$22\r\ndb0:keys=1,expires=0,x\r\n+OK\r\n";
    private const string OneKey = OneDatabase + "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n";
    private readonly TemporaryDirectory _place = new();

    private string DumpFile => Path.Combine(_place.Path, "dump.rdb");

    public void Dispose() => _place.Dispose();

    [Theory]
    [InlineData("$-1\r\n")]
    [InlineData("\r\n")]
    [InlineData("$\r\n")]
    [InlineData(":\r\n:\r\n:\r\n:\r\n")]
    [InlineData("#\r\n")]
    [InlineData("$99999999999999999999\r\n")]
    [InlineData("$9223372036854775807\r\n")]
    [InlineData("$2147483647\r\n")]
    [InlineData("*2147483647\r\n")]
    [InlineData("*9223372036854775807\r\n")]
    [InlineData("-ERR no\r\n$9\r\ndb0:keys=\r\n")]
    [InlineData("-ERR no\r\n$12\r\ndbx:keys=1,a\r\n")]
    [InlineData(OneDatabase + "*0\r\n")]
    [InlineData(OneDatabase + ":1\r\n")]
    [InlineData(OneDatabase + "*2\r\n$1\r\n0\r\n*1\r\n:1\r\n")]
    [InlineData(OneKey + ":9\r\n:9\r\n:-1\r\n:5\r\n")]
    [InlineData(OneKey + ":9\r\n:9\r\n:-1\r\n$2\r\nab\r\n")]
    public void An_export_from_a_server_that_replies_what_cannot_be_says_so_and_leaves_no_file(string replies)
    {
        (int exitCode, string error, TimeSpan time) = Export(replies);

        Assert.True(exitCode == 1, $"{exitCode}: {error}");
        Assert.StartsWith($"KvStore export {DumpFile}: ", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.True(time < TimeSpan.FromSeconds(20), $"{time}");
        Assert.Empty(Directory.GetFiles(_place.Path));
    }

    [Theory]
    [InlineData("*1\r\n", 200_000)] // a reply within a reply, and so on
    [InlineData("a", 8 << 20)] // a line without an end
    public void One_that_does_so_at_length_is_refused_as_well(string piece, int times) =>
        An_export_from_a_server_that_replies_what_cannot_be_says_so_and_leaves_no_file(
            new StringBuilder().Insert(0, piece, times).ToString());

    [Theory]
    [InlineData("export")]
    [InlineData("import")]
    public void A_server_that_is_silent_is_given_up(string action)
    {
        Assert.SkipWhen(TestServer.IsRedis, "KvStore's own commands.");
        string file = DumpFile;
        if (action == "import")
        {
            MakeFile(file);
        }

        (int exitCode, string error, TimeSpan time) = Run(action, file, reply: null, "--timeout", "2");

        Assert.True(exitCode == 1, error);
        Assert.StartsWith($"KvStore {action} {file}: ", error, StringComparison.Ordinal);
        Assert.InRange(time, TimeSpan.FromSeconds(1.9), TimeSpan.FromSeconds(30));
        Assert.Equal(action == "import", File.Exists(file));
    }

    [Theory]
    [InlineData("/dev/zero")]
    [InlineData("/dev/null")]
    [InlineData("/")]
    [InlineData("fifo")]
    [InlineData("nothing")]
    public void What_is_no_regular_file_is_not_imported(string path)
    {
        Assert.SkipWhen(TestServer.IsRedis, "KvStore's own commands.");
        string file = path[0] == '/' ? path : Path.Combine(_place.Path, path);
        if (path == "fifo")
        {
            Assert.Equal(0, Tool.Run("mkfifo", [file]).ExitCode);
        }

        (int exitCode, _, string error) = Tool.Run(TestServer.KvStorePath, ["import", file], seconds: 30);

        Assert.True(exitCode == 1, $"{exitCode}: {error}");
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_users_file_is_imported_only_where_he_is_named()
    {
        RequireStranger();
        using RunningServer server = new(TestServer.Program("64M"));
        MakeFile(DumpFile);
        Assert.Equal(0, Tool.Run("chown", [Stranger, DumpFile]).ExitCode);

        (int refused, _, string error) = Import(server);

        Assert.Equal(1, refused);
        Assert.Contains("GMF1017", error, StringComparison.Ordinal);
        Assert.Equal(0, Import(server, "--trust-owner", Stranger).ExitCode);
        using RespClient client = server.Connect();
        Assert.Equal("v", client.Call("GET", "k").Text);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_export_writes_neither_through_another_users_link_nor_into_his_file(bool isLink)
    {
        RequireStranger();
        using RunningServer server = new(TestServer.Program("64M"));
        string open = Path.Combine(_place.Path, "open");
        string victim = Path.Combine(_place.Path, "victim");
        string export = Path.Combine(open, "dump.rdb");
        File.WriteAllText(victim, "precious");
        Directory.CreateDirectory(open);
        Assert.Equal(0, Tool.Run("chmod", ["1777", open]).ExitCode);
        Assert.Equal(0, Tool.Run("setpriv", ["--reuid=" + Stranger, "--clear-groups",
            .. isLink ? ["ln", "-s", victim] : (string[])["touch"], export + ".partial"]).ExitCode);

        (int exitCode, _, string error) = Tool.Run(
            TestServer.KvStorePath, ["export", export, "--port", $"{server.Port}"]);

        Assert.Equal(1, exitCode);
        Assert.StartsWith($"KvStore export {export}: ", error, StringComparison.Ordinal);
        Assert.Equal("precious", File.ReadAllText(victim));
        Assert.False(File.Exists(export));
    }

    [Fact]
    public void A_second_export_to_a_file_is_refused_while_one_writes_it_and_what_a_killed_one_left_is_no_hindrance()
    {
        Assert.SkipWhen(TestServer.IsRedis, "KvStore's own commands.");
        using RunningServer server = new(TestServer.Program("64M"));
        using (Silent silent = new(reply: null))
        {
            using Process first = Process.Start(
                TestServer.KvStorePath, ["export", DumpFile, "--port", $"{silent.Port}"]);
            Assert.True(SpinWait.SpinUntil(() => File.Exists(DumpFile + ".partial"), Patience.Limit));

            int second = Tool.Run(TestServer.KvStorePath, ["export", DumpFile, "--port", $"{server.Port}"]).ExitCode;

            first.Kill();
            first.WaitForExit();
            Assert.Equal(1, second);
            Assert.False(File.Exists(DumpFile));
        }

        Assert.True(File.Exists(DumpFile + ".partial"));
        (int exitCode, _, string error) = Tool.Run(
            TestServer.KvStorePath, ["export", DumpFile, "--port", $"{server.Port}"]);
        Assert.True(exitCode == 0, error);
        Assert.Equal([DumpFile], Directory.GetFiles(_place.Path));
        Assert.Equal("600\n", Tool.Run("stat", ["-c", "%a", DumpFile]).Output);
    }

    /// <summary>A server limits what it has to send; a few bytes of memory may be a string of hundreds of MB.</summary>
    [Fact]
    public void Values_that_are_more_at_once_than_a_server_sends_are_exported_and_imported()
    {
        Assert.SkipWhen(TestServer.IsRedis, "KvStore's own commands.");
        const int keys = 8;
        ServerProgram program = ServerProgram.KvStore(
            TestServer.KvStorePath, "--size", "512M", "--client-output-total-limit", "64mb");
        byte[] value = new byte[16 << 20];
        new Random(5).NextBytes(value);
        using (RunningServer server = new(program))
        {
            using RespClient client = server.Connect();
            for (int i = 0; i < keys; i++)
            {
                client.Call("SET", $"large:{i}", value);
                client.Call("SETRANGE", $"sparse:{i}", "16000000", "x");
            }

            (int exitCode, _, string error) = Tool.Run(
                TestServer.KvStorePath, ["export", DumpFile, "--port", $"{server.Port}"], seconds: 120);
            Assert.True(exitCode == 0, error);
        }

        using RunningServer other = new(program);
        (int imported, _, string said) = Import(other);
        Assert.True(imported == 0, said);
        using RespClient again = other.Connect();
        Assert.Equal(2 * keys, again.Call("DBSIZE").Integer);
        Assert.True(again.Call("GET", "large:7").Bytes.AsSpan().SequenceEqual(value));
        Assert.Equal(16_000_001, again.Call("STRLEN", "sparse:7").Integer);
    }

    private static void RequireStranger()
    {
        Assert.SkipWhen(TestServer.IsRedis, "KvStore's own commands.");
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "takes root, to be somebody else");
        Assert.SkipUnless(File.Exists("/usr/bin/setpriv"), "setpriv(1) is not there (package util-linux)");
    }

    private static void MakeFile(string path)
    {
        using RunningServer server = new(TestServer.Program("64M"));
        using RespClient client = server.Connect();
        client.Call("SET", "k", "v");
        (int exitCode, _, string error) = Tool.Run(
            TestServer.KvStorePath, ["export", path, "--port", $"{server.Port}"]);
        Assert.True(exitCode == 0, error);
    }

    private (int ExitCode, string Output, string Error) Import(RunningServer server, params string[] more) =>
        Tool.Run(TestServer.KvStorePath, ["import", DumpFile, "--port", $"{server.Port}", .. more]);

    private (int ExitCode, string Error, TimeSpan Time) Export(string replies)
    {
        Assert.SkipWhen(TestServer.IsRedis, "KvStore's own commands.");
        return Run("export", DumpFile, replies, "--timeout", "5");
    }

    private static (int ExitCode, string Error, TimeSpan Time) Run(
        string action, string file, string? reply, params string[] more)
    {
        using Silent server = new(reply);
        string port = server.Port.ToString(CultureInfo.InvariantCulture);
        long started = Stopwatch.GetTimestamp();
        (int exitCode, _, string error) = Tool.Run(
            TestServer.KvStorePath, [action, file, "--port", port, .. more], seconds: 120);
        return (exitCode, error, Stopwatch.GetElapsedTime(started));
    }

    /// <summary>A server that says one thing to each client, whatever he asks, and nothing after it.</summary>
    private sealed class Silent : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly List<TcpClient> _clients = [];

        public Silent(string? reply)
        {
            _listener.Start();
            _ = Task.Run(async () =>
            {
                while (true)
                {
                    TcpClient client = await _listener.AcceptTcpClientAsync();
                    _clients.Add(client);
                    await client.GetStream().WriteAsync(Encoding.Latin1.GetBytes(reply ?? ""));
                }
            });
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public void Dispose()
        {
            _listener.Stop();
            _clients.ForEach(client => client.Dispose());
        }
    }
}
