using System.Globalization;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Life;

/// <summary>Copies that a command keeps, and what is made of them where store and files are lost.</summary>
public sealed class BackupCommandTests : IDisposable
{
    private static readonly TimeSpan s_patience = Patience.Limit;
    private readonly TemporaryDirectory _place = new();

    private string[] Store => ["--backup-command", $"/usr/bin/tee '{In("slot {slot}")}'"];

    private string[] Fetch => ["--restore-command", $"/bin/cat \"{In("slot {slot}")}\""];

    public void Dispose() => _place.Dispose();

    [Fact]
    [Trait("speed", "slow")]
    public void A_store_whose_arena_and_files_are_lost_comes_back_from_the_command()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena.");
        using (RunningServer server = new(Program([.. Store, .. Fetch, "--restore", "never"])))
        {
            using RespClient client = server.Connect();
            for (int i = 1; i <= 3; i++)
            {
                client.Call("SET", "copies", $"{i}");
                Assert.Equal("OK", client.Call("SAVE").Text);
            }

            Assert.Equal("/usr/bin/tee", client.Call("CONFIG", "GET", "backup-command").Items![1].Text);
            string refused = client.Call("CONFIG", "SET", "backup-command", "/bin/sh -c true").Text;
            Assert.Contains("can't set immutable config", refused, StringComparison.Ordinal);
        }

        LoseFiles();
        using ServerProcess next = Start([.. Store, .. Fetch]);
        next.WaitUntilReady();
        Printed.Contains("made from the copy of", next);
        using RespClient restored = RespClient.Connect(next.TcpEndPoint);
        Assert.Equal("3", restored.Call("GET", "copies").Text);
    }

    [Fact]
    public void Where_the_command_cannot_be_asked_the_server_does_not_start_empty_or_from_an_older_file()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena.");
        using ServerProcess refused = Start([.. Store, .. Fetch]);

        Assert.True(SpinWait.SpinUntil(() => refused.HasExited, s_patience));
        Assert.Equal(1, refused.ExitCode);
        Printed.Contains("GMF8007", refused);
        Printed.Contains("Start with --restore never to begin empty, as at the first start of all", refused);
    }

    [Fact]
    public void A_command_that_fails_is_told_and_the_server_serves_and_tries_again()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena.");
        string script = $"test -e {In("mended")} || {{ echo no room >&2; exit 4; }}; cat > $0";
        using RunningServer server = new(Program(["--backup-command", $"/bin/sh -c '{script}' '{In("slot {slot}")}'",
            .. Fetch, "--restore", "never"]));
        using RespClient client = server.Connect();

        string failure = client.Call("SAVE").Text;

        Assert.Contains("GMF8007", failure, StringComparison.Ordinal);
        Assert.Contains("It said: no room", failure, StringComparison.Ordinal);
        Assert.Contains("rdb_last_bgsave_status:err", client.Call("INFO", "persistence").Text);
        Assert.True(File.Exists(In("copy")));
        File.WriteAllText(In("mended"), "");
        Assert.Equal("OK", client.Call("SAVE").Text);
        Assert.Contains("rdb_last_bgsave_status:ok", client.Call("INFO", "persistence").Text);
    }

    [Fact]
    public void A_command_that_hangs_holds_up_neither_clients_nor_the_servers_end_and_has_no_password()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena.");
        string script = $"env > {In("environment")}; exec sleep 1000";
        ServerProgram program = Program(["--backup-command", $"/bin/sh -c '{script}' {{slot}}", .. Fetch,
            "--restore", "never"]) with
            {
                Environment = new Dictionary<string, string> { ["KVSTORE_REQUIREPASS"] = "secret" },
            };
        using ServerProcess server = ServerProcess.Start(program, In("data"));
        server.WaitFor(each => each.Call("AUTH", "secret").Text == "OK");
        using RespClient client = RespClient.Connect(server.TcpEndPoint);
        client.Call("AUTH", "secret");
        Assert.Equal("Background saving started", client.Call("BGSAVE").Text);
        Assert.True(SpinWait.SpinUntil(() => File.Exists(In("environment")), s_patience));

        Assert.Equal("OK", client.Call("SET", "key", "value").Text);
        Assert.Contains("rdb_bgsave_in_progress:1", client.Call("INFO", "persistence").Text);
        client.Add("SHUTDOWN", "NOSAVE");
        client.Flush();

        Assert.True(SpinWait.SpinUntil(() => server.HasExited, s_patience));
        Assert.DoesNotContain("secret", File.ReadAllText(In("environment")), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Kills_of_the_server_in_the_middle_of_a_command_leave_a_whole_copy()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena.");
        Random random = new(11);
        using RunningServer server = new(Program([.. Store, .. Fetch, "--restore", "never"]));
        using (RespClient client = server.Connect())
        {
            client.Call("SET", "large", new string('l', 8 << 20));
            client.Call("SET", "copies", "0");
            Assert.Equal("OK", client.Call("SAVE").Text);
        }

        int saved = 0;
        for (int i = 1; i <= 5; i++)
        {
            using (RespClient client = server.Connect())
            {
                client.Call("SET", "copies", $"{i}");
                client.Call("BGSAVE");
                Thread.Sleep(random.Next(200));
                saved = client.Call("INFO", "persistence").Text!.Contains("rdb_bgsave_in_progress:0") ? i : saved;
                server.Process.Kill();
            }

            LoseFiles();
            using (var empty = new TemporaryDirectory())
            using (ServerProcess next = ServerProcess.Start(
                Program([.. Store, .. Fetch]), Path.Combine(empty.Path, "data")))
            {
                next.WaitUntilReady();
                using RespClient again = RespClient.Connect(next.TcpEndPoint);
                string copies = again.Call("GET", "copies").Text;
                Assert.InRange(int.Parse(copies, CultureInfo.InvariantCulture), saved, i);
                Assert.Equal(8 << 20, again.Call("STRLEN", "large").Integer);
            }

            server.Restart();
        }
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_copy_of_a_hundred_megabytes_goes_through_slow_commands_while_clients_are_served()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena.");
        string[] commands = ["--backup-command", $"/bin/sh -c 'sleep 1; cat > $0' '{In("slot {slot}")}'".Replace("$0",
            "\"$0\"", StringComparison.Ordinal), .. Fetch];
        byte[] value = new byte[12 << 20];
        new Random(3).NextBytes(value);
        using (RunningServer server = new(Program(["--size", "256M", .. commands, "--restore", "never"])))
        {
            using RespClient client = server.Connect();
            for (int i = 0; i < 8; i++)
            {
                Assert.Equal("OK", client.Call("SET", $"large:{i}", value).Text);
            }

            Assert.Equal("Background saving started", client.Call("BGSAVE").Text);
            int answered = 0;
            while (client.Call("INFO", "persistence").Text!.Contains("rdb_bgsave_in_progress:1"))
            {
                Assert.Equal("OK", client.Call("SET", "small", $"{answered++}").Text);
            }

            Assert.Contains("rdb_last_bgsave_status:ok", client.Call("INFO", "persistence").Text);
            Assert.InRange(answered, 100, int.MaxValue);
        }

        LoseFiles();
        using ServerProcess next = Start(["--size", "256M", .. commands]);
        next.WaitUntilReady(TimeSpan.FromSeconds(60));
        using RespClient restored = RespClient.Connect(next.TcpEndPoint);
        for (int i = 0; i < 8; i++)
        {
            Assert.True(restored.Call("GET", $"large:{i}").Bytes.AsSpan().SequenceEqual(value), $"{i}");
        }
    }

    [Theory]
    [Trait("speed", "slow")]
    [InlineData("sleep 1000 & echo $! > CHILD; wait")] // reads nothing
    [InlineData("sleep 1000 & echo $! > CHILD; cat > /dev/null; wait")] // does not end
    [InlineData("sleep 1000 & echo $! > CHILD; yes >&2")] // talks without end
    public void A_command_that_hangs_is_ended_after_its_time_and_its_children_too(string script)
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena.");
        script = script.Replace("CHILD", In("child"), StringComparison.Ordinal);
        using RunningServer server = new(Program(["--backup-command", $"/bin/sh -c '{script}' {{slot}}", .. Fetch,
            "--backup-command-timeout", "2", "--restore", "never"]));
        using RespClient client = server.Connect();
        client.Call("SET", "large", new string('l', 16 << 20));

        string failure = client.Call("SAVE").Text;

        Assert.Contains("GMF8007", failure, StringComparison.Ordinal);
        string child = File.ReadAllText(In("child")).Trim();
        Assert.True(SpinWait.SpinUntil(() => !Directory.Exists($"/proc/{child}"), s_patience));
        Assert.InRange(server.ResidentBytes, 0, 300 << 20);
        Assert.Equal("OK", client.Call("SET", "key", "value").Text);
    }

    [Theory]
    [Trait("speed", "slow")]
    [InlineData("/bin/cat /dev/zero")] // gives bytes without end
    [InlineData("/bin/sleep 1000")] // gives none
    public void A_restore_from_a_command_that_does_not_end_is_given_up_and_nothing_is_served(string command)
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena.");
        using ServerProcess refused = Start(["--backup-command", "/usr/bin/tee /dev/null", "--restore-command", command,
            "--backup-command-timeout", "2"]);

        Assert.True(SpinWait.SpinUntil(() => refused.HasExited, s_patience));
        Assert.Equal(1, refused.ExitCode);
        Printed.Contains("GMF800", refused);
    }

    [Theory]
    [InlineData("--backup-command", "/bin/cat {slot}", "")]
    [InlineData("--restore-command", "/bin/cat {slot}", "")]
    [InlineData("--backup-command", "tee", "--restore-command tee")]
    [InlineData("--backup-command", "/bin/cat 'x", "")]
    public void Commands_that_cannot_be_are_refused(string name, string value, string more)
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena.");
        using ServerProcess refused = Start([name, value, .. more.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);

        Assert.True(SpinWait.SpinUntil(() => refused.HasExited, s_patience));
        Assert.Equal(2, refused.ExitCode);
    }

    private string In(string name) => Path.Combine(_place.Path, name);

    private ServerProcess Start(string[] more) => ServerProcess.Start(Program(more), In("data"));

    private ServerProgram Program(string[] more) =>
        ServerProgram.KvStore(TestServer.Path, ["--size", "64M", "--backup-file", In("copy"), .. more]);

    private void LoseFiles()
    {
        foreach (string file in Directory.GetFiles(_place.Path, "copy*"))
        {
            File.Delete(file);
        }
    }
}
