using System.Diagnostics;
using System.Globalization;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Life;

/// <summary>Copies of the store, taken while it serves, and what is made of them where the store is lost.</summary>
public sealed class BackupTests
{
    private static readonly TimeSpan s_patience = Patience.Limit;

    [Theory]
    [Trait("speed", "slow")]
    [InlineData(false)]
    [InlineData(true)]
    public void A_lost_store_comes_back_as_it_was_at_one_instant(bool byTool)
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena.");
        using var place = new TemporaryDirectory();
        string file = Path.Combine(place.Path, "copy");
        using RunningServer server = new(Program(file));
        using RespClient client = server.Connect();
        using Writers writers = new(server);
        writers.WaitFor(300);
        long before = writers.Written;
        if (byTool)
        {
            (int exitCode, string text, string error) = Tool.Run("dotnet", [
                Path.Combine(AppContext.BaseDirectory, "gmfs.dll"), "dump", "kvstore", file, "--live", "--arena",
                server.DataDirectory]);
            Assert.True(exitCode == 0, text + error);
            Assert.Contains("Its writer stood still for", text, StringComparison.Ordinal);
        }
        else
        {
            Save(client);
            Assert.Contains("backup_last_pause_usec:", client.Call("INFO", "persistence").Text,
                StringComparison.Ordinal);
        }

        long after = writers.Written;
        writers.WaitFor(after + 100);
        writers.Stop();
        server.Process.Kill();

        using var empty = new TemporaryDirectory();
        using ServerProcess next = ServerProcess.Start(Program(file), Path.Combine(empty.Path, "data"));
        next.WaitUntilReady();
        Printed.Contains("made from the copy of", next);
        using RespClient again = RespClient.Connect(next.TcpEndPoint);
        long keys = again.Call("HLEN", "fields").Integer;
        Assert.InRange(keys, before, after + 1);
        Assert.Equal(keys.ToString(CultureInfo.InvariantCulture), again.Call("GET", "count").Text);
        Assert.Equal(keys, again.Call("ZCARD", "scores").Integer);
        Assert.Equal(keys, again.Call("LLEN", "list").Integer);
        Assert.Equal($"value:{keys - 1}", again.Call("HGET", "fields", $"field:{keys - 1}").Text);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void The_newest_whole_copy_is_taken_and_where_all_are_damaged_none_is_made_up()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena.");
        using var place = new TemporaryDirectory();
        string file = Path.Combine(place.Path, "copy");
        using (RunningServer server = new(Program(file, "--backup-count", "3")))
        {
            using RespClient client = server.Connect();
            for (int i = 1; i <= 4; i++)
            {
                client.Call("SET", "copies", $"{i}");
                Save(client);
            }

            long taken = client.Call("LASTSAVE").Integer;
            Assert.InRange(taken, DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 60,
                DateTimeOffset.UtcNow.ToUnixTimeSeconds());
        }

        Assert.Equal(["copy", "copy.1", "copy.2"], Directory.GetFiles(place.Path).Select(Path.GetFileName).Order());
        Assert.Equal("4", Restored(file, "made from the copy of"));
        Damage(file);
        Assert.Equal("3", Restored(file, "GMF8001"));
        Damage(file + ".1");
        Damage(file + ".2");

        using var empty = new TemporaryDirectory();
        string data = Path.Combine(empty.Path, "data");
        using ServerProcess refused = ServerProcess.Start(Program(file), data);
        Assert.True(SpinWait.SpinUntil(() => refused.HasExited, s_patience));
        Assert.Equal(1, refused.ExitCode);
        Printed.Contains("GMF8001", refused);
        using ServerProcess without = ServerProcess.Start(Program(file, "--restore", "never"), data);
        without.WaitUntilReady();
        using RespClient fresh = RespClient.Connect(without.TcpEndPoint);
        Assert.Equal(0, fresh.Call("DBSIZE").Integer);
    }

    [Fact]
    public void A_store_that_is_there_is_left_as_it_is()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena.");
        using var place = new TemporaryDirectory();
        using RunningServer server = new(Program(Path.Combine(place.Path, "copy")));
        using (RespClient client = server.Connect())
        {
            client.Call("SET", "key", "old");
            Save(client);
            client.Call("FLUSHALL");
        }

        server.Restart();
        using RespClient again = server.Connect();
        Assert.Equal(0, again.Call("DBSIZE").Integer);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Copies_are_taken_every_so_often_and_a_failure_is_told()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena.");
        using var place = new TemporaryDirectory();
        string file = Path.Combine(place.Path, "in", "copy");
        using RunningServer server = new(Program(file, "--backup-every", "1"));
        using RespClient client = server.Connect();
        Assert.True(Becomes(client, "rdb_last_bgsave_status:err"), client.Call("INFO", "persistence").Text);
        Assert.StartsWith("ERR ", client.Call("SAVE").Text, StringComparison.Ordinal);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        Assert.True(Becomes(client, "rdb_last_bgsave_status:ok"), client.Call("INFO", "persistence").Text);
        Assert.True(SpinWait.SpinUntil(() => File.Exists(file + ".1"), s_patience));
        Assert.Equal("OK", client.Call("CONFIG", "SET", "backup-every", "0").Text);
    }

    [Fact]
    public void Asked_to_the_server_starts_neither_empty_nor_from_a_copy_and_says_what_there_is()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena.");
        using var place = new TemporaryDirectory();
        string file = Path.Combine(place.Path, "copy");
        using (RunningServer server = new(Program(file, "--restore", "ask"))) // There is none: it begins empty.
        {
            using RespClient client = server.Connect();
            client.Call("SET", "copies", "1");
            Save(client);
        }

        using var empty = new TemporaryDirectory();
        string data = Path.Combine(empty.Path, "data");
        using ServerProcess asking = ServerProcess.Start(Program(file, "--restore", "ask"), data);
        Assert.True(SpinWait.SpinUntil(() => asking.HasExited, s_patience));
        Assert.Equal(1, asking.ExitCode);
        Printed.Contains($"'{file}' is a copy of it, of ", asking);
        Printed.Contains("No key was made. Start with --restore auto", asking);

        using ServerProcess next = ServerProcess.Start(Program(file), data);
        next.WaitUntilReady();
        using RespClient restored = RespClient.Connect(next.TcpEndPoint);
        Assert.Equal("1", restored.Call("GET", "copies").Text);
    }

    [Fact]
    public void Where_the_only_copy_is_none_the_server_does_not_start_empty()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena.");
        using var place = new TemporaryDirectory();
        string file = Path.Combine(place.Path, "copy");
        File.WriteAllText(file, "cut off");
        using ServerProcess refused = ServerProcess.Start(Program(file), Path.Combine(place.Path, "data"));

        Assert.True(SpinWait.SpinUntil(() => refused.HasExited, s_patience));
        Assert.Equal(1, refused.ExitCode);
        Printed.Contains("GMF8001", refused);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_copy_is_taken_after_so_many_changes()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena.");
        using var place = new TemporaryDirectory();
        string file = Path.Combine(place.Path, "copy");
        using RunningServer server = new(Program(file, "--backup-changes", "10"));
        using RespClient client = server.Connect();
        for (int i = 0; i < 9; i++)
        {
            client.Call("SET", $"key:{i}", "v");
        }

        client.Call("CONFIG", "RESETSTAT");
        Thread.Sleep(2500); // Two looks of the housekeeping.
        Assert.False(File.Exists(file));
        Assert.Contains("rdb_changes_since_last_save:9\r\n", client.Call("INFO", "persistence").Text);

        client.Call("SET", "key:9", "v");

        Assert.True(SpinWait.SpinUntil(() => File.Exists(file), s_patience));
        Assert.True(Becomes(client, "rdb_changes_since_last_save:0"), client.Call("INFO", "persistence").Text);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Kills_in_copies_and_in_restores_leave_a_whole_copy_and_a_store_that_is_whole_or_made_again()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena.");
        Random random = new(7);
        using var place = new TemporaryDirectory();
        string file = Path.Combine(place.Path, "copy");
        using RunningServer server = new(Program(file));
        using (RespClient client = server.Connect())
        {
            client.Call("SET", "large", new string('l', 8 << 20)); // a copy takes a while
            client.Call("SET", "copies", "0");
            Save(client);
        }

        int saved = 0;
        TimeSpan start = TimeSpan.FromMilliseconds(100); // of a server that restores
        for (int i = 1; i <= 6; i++)
        {
            using (RespClient client = server.Connect())
            {
                client.Call("SET", "copies", $"{i}");
                client.Call("BGSAVE");
                Thread.Sleep(random.Next(60));
                saved = client.Call("INFO", "persistence").Text!.Contains("rdb_bgsave_in_progress:0") ? i : saved;
                server.Process.Kill();
            }

            server.Restart();
            using var empty = new TemporaryDirectory();
            string data = Path.Combine(empty.Path, "data");
            using (ServerProcess killed = ServerProcess.Start(Program(file), data))
            {
                Thread.Sleep(start * random.NextDouble());
                killed.Kill();
            }

            long begin = Stopwatch.GetTimestamp();
            using ServerProcess next = ServerProcess.Start(Program(file), data);
            next.WaitUntilReady();
            start = Stopwatch.GetElapsedTime(begin);
            using RespClient again = RespClient.Connect(next.TcpEndPoint);
            Assert.InRange(int.Parse(again.Call("GET", "copies").Text, CultureInfo.InvariantCulture), saved, i);
            Assert.Equal(8 << 20, again.Call("STRLEN", "large").Integer);
        }

        Assert.InRange(Directory.GetFiles(place.Path).Length, 1, 4); // two copies, and what two kills left at most
    }

    private static ServerProgram Program(string file, params string[] more) =>
        ServerProgram.KvStore(TestServer.Path, ["--size", "64M", "--backup-file", file, .. more]);

    private static void Save(RespClient client)
    {
        Assert.Equal("Background saving started", client.Call("BGSAVE").Text);
        Assert.True(Becomes(client, "rdb_bgsave_in_progress:0"), "the copy does not end");
        string info = client.Call("INFO", "persistence").Text!;
        Assert.Contains("rdb_last_bgsave_status:ok", info, StringComparison.Ordinal);
    }

    private static bool Becomes(RespClient client, string line) => SpinWait.SpinUntil(
        () => client.Call("INFO", "persistence").Text!.Contains(line, StringComparison.Ordinal), s_patience);

    private static string Restored(string file, string told)
    {
        using var empty = new TemporaryDirectory();
        using ServerProcess next = ServerProcess.Start(Program(file), Path.Combine(empty.Path, "data"));
        next.WaitUntilReady();
        using RespClient client = RespClient.Connect(next.TcpEndPoint);
        Printed.Contains(told, next);
        return client.Call("GET", "copies").Text;
    }

    private static void Damage(string file)
    {
        using FileStream bytes = File.Open(file, FileMode.Open);
        bytes.Position = 100_000;
        int there = bytes.ReadByte();
        bytes.Position = 100_000;
        bytes.WriteByte((byte)(there ^ 0x10));
    }

    /// <summary>One transaction after the other, each of which makes four keys one longer.</summary>
    private sealed class Writers : IDisposable
    {
        private readonly Thread _thread;
        private volatile bool _stops;
        private long _written;

        public Writers(RunningServer server)
        {
            _thread = new Thread(() => Run(server));
            _thread.Start();
        }

        public long Written => Interlocked.Read(ref _written);

        public void WaitFor(long count) =>
            Assert.True(SpinWait.SpinUntil(() => Written >= count, s_patience), "the server does not go on");

        public void Stop()
        {
            _stops = true;
            _thread.Join();
        }

        public void Dispose() => Stop();

        private void Run(RunningServer server)
        {
            using RespClient client = server.Connect();
            for (long i = 0; !_stops; i++)
            {
                client.Call("MULTI");
                client.Call("HSET", "fields", $"field:{i}", $"value:{i}");
                client.Call("ZADD", "scores", $"{i}", $"member:{i}");
                client.Call("RPUSH", "list", $"element:{i}");
                client.Call("INCR", "count");
                client.Call("EXEC");
                Interlocked.Exchange(ref _written, i + 1);
            }
        }
    }
}
