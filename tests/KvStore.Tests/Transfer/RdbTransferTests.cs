using System.Globalization;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Transfer;

/// <summary>Files of redis-server into KvStore, and of KvStore into redis-server.</summary>
[Trait("speed", "slow")]
public sealed class RdbTransferTests : IDisposable
{
    private const int Keys = 3000;
    private readonly TemporaryDirectory _place = new();

    private string DumpFile => Path.Combine(_place.Path, "dump.rdb");

    private string Exported => Path.Combine(_place.Path, "loaded", "dump.rdb");

    public void Dispose() => _place.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_redis_saved_is_the_same_in_redis_after_it_went_through_KvStore(bool large)
    {
        Assert.SkipWhen(TestServer.IsRedis, "KvStore's own commands.");
        string digest = SaveOfRedis(large);
        using RunningServer server = new(TestServer.Program());
        using RespClient client = server.Connect();

        (int exitCode, string output, string error) = Run(server, "import", DumpFile);

        Assert.True(exitCode == 0, output + error);
        Assert.Contains($"{(large ? 5 : Keys + 10)} keys imported, 1 libraries", output, StringComparison.Ordinal);
        if (!large)
        {
            Assert.InRange(client.Call("PTTL", "expires").Integer, 1, 10_000_000);
            Assert.Equal("called", client.Call("FCALL", "f", "0").Text);
        }

        Directory.CreateDirectory(Path.GetDirectoryName(Exported)!);
        (exitCode, output, error) = Run(server, "export", Exported, "--pause");
        Assert.True(exitCode == 0, output + error);
        Assert.Equal("OK", client.Call("SET", "after", "the pause").Text);
        Assert.Equal([Exported], Directory.GetFiles(Path.GetDirectoryName(Exported)!));
        using ServerProcess redis = ServerProcess.Start(Redis(), Path.GetDirectoryName(Exported)!);
        redis.WaitUntilReady();
        using RespClient loaded = RespClient.Connect(redis.TcpEndPoint);
        Assert.Equal(digest, loaded.Call("DEBUG", "DIGEST").Text);
        Assert.Equal("called", loaded.Call("FCALL", "f", "0").Text);
    }

    [Fact]
    public void A_file_that_is_damaged_or_cut_off_changes_nothing()
    {
        Assert.SkipWhen(TestServer.IsRedis, "KvStore's own commands.");
        SaveOfRedis(large: false);
        byte[] whole = File.ReadAllBytes(DumpFile);
        using RunningServer server = new(TestServer.Program());
        using RespClient client = server.Connect();
        foreach (int at in (int[])[0, 7, whole.Length / 3, whole.Length / 2, whole.Length - 20, whole.Length - 1])
        {
            byte[] damaged = [.. whole];
            damaged[at] ^= 0x04;
            foreach (byte[] bytes in (byte[][])[damaged, whole[..at]])
            {
                File.WriteAllBytes(DumpFile, bytes);

                (int exitCode, _, string error) = Run(server, "import", DumpFile);

                Assert.Equal(1, exitCode);
                Assert.StartsWith($"KvStore import {DumpFile}: ", error, StringComparison.Ordinal);
                Assert.Equal(0, client.Call("DBSIZE").Integer);
            }
        }
    }

    [Fact]
    public void Keys_that_are_there_stop_it_are_left_or_are_replaced()
    {
        Assert.SkipWhen(TestServer.IsRedis, "KvStore's own commands.");
        SaveOfRedis(large: false);
        using RunningServer server = new(TestServer.Program());
        using RespClient client = server.Connect();
        client.Call("SET", "s:7", "mine");

        (int exitCode, _, string error) = Run(server, "import", DumpFile);
        Assert.Equal(1, exitCode);
        Assert.Contains("BUSYKEY", error, StringComparison.Ordinal);

        (exitCode, string output, _) = Run(server, "import", DumpFile, "--skip");
        Assert.Equal(0, exitCode);
        Assert.Equal("mine", client.Call("GET", "s:7").Text);
        Assert.Contains(" were there", output, StringComparison.Ordinal);

        (exitCode, output, _) = Run(server, "import", DumpFile, "--replace");
        Assert.Equal(0, exitCode);
        Assert.Equal("value 7", client.Call("GET", "s:7").Text);
    }

    [Fact]
    public void One_whose_server_is_killed_is_completed_by_another()
    {
        Assert.SkipWhen(TestServer.IsRedis, "KvStore's own commands.");
        SaveOfRedis(large: false);
        using RunningServer server = new(TestServer.Program());
        Thread kill = server.KillBehind(() => HasKeys(server), milliseconds: 1);

        int exitCode = Run(server, "import", DumpFile).ExitCode;

        kill.Join();
        server.Restart();
        using RespClient client = server.Connect();
        Assert.InRange(client.Call("DBSIZE").Integer, exitCode == 0 ? Keys : 1, Keys + 10);
        Assert.Equal(0, Run(server, "import", DumpFile, "--skip").ExitCode);
        Assert.Equal(Keys + 9, client.Call("DBSIZE").Integer); // one is in another database
    }

    [Fact]
    public void What_cannot_be_reached_or_written_is_said()
    {
        Assert.SkipWhen(TestServer.IsRedis, "KvStore's own commands.");
        Assert.Equal(2, Tool.Run(TestServer.KvStorePath, ["import"]).ExitCode);
        Assert.Equal(2, Tool.Run(TestServer.KvStorePath, ["export", "x", "--port", "0"]).ExitCode);
        Assert.Equal(1, Tool.Run(TestServer.KvStorePath, ["import", DumpFile]).ExitCode);
        string port = ServerProcess.FreePort().ToString(CultureInfo.InvariantCulture);
        Assert.Equal(1, Tool.Run(TestServer.KvStorePath, ["export", DumpFile, "--port", port]).ExitCode);
        Assert.False(File.Exists(DumpFile));
    }

    private static bool HasKeys(RunningServer server)
    {
        try
        {
            using RespClient client = server.Connect();
            return client.Call("DBSIZE").Integer > 100;
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException)
        {
            return true;
        }
    }

    private static (int ExitCode, string Output, string Error) Run(
        RunningServer server, string action, string file, params string[] more) =>
        Tool.Run(TestServer.KvStorePath, [action, file, "--port", $"{server.Port}", .. more], seconds: 300);

    private static ServerProgram Redis() =>
        ServerProgram.Redis(Tool.Require("redis-server"), "--enable-debug-command", "yes");

    // Saves a mixed data set, and says what redis makes of it.
    private string SaveOfRedis(bool large)
    {
        using RunningServer redis = new(Redis());
        using RespClient client = redis.Connect();
        client.Call("FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f', function() return 'called' end)");
        if (large)
        {
            FillLarge(client);
        }
        else
        {
            Fill(client);
        }

        string digest = client.Call("DEBUG", "DIGEST").Text;
        Assert.Equal("OK", client.Call("SAVE").Text);
        File.Copy(Path.Combine(redis.DataDirectory, "dump.rdb"), DumpFile, overwrite: true);
        return digest;
    }

    private static void Fill(RespClient client)
    {
        for (int i = 0; i < Keys; i++)
        {
            client.Add("SET", $"s:{i}", i % 3 == 0 ? $"{i}" : $"value {i}");
        }

        client.Flush();
        for (int i = 0; i < Keys; i++)
        {
            client.ReadOk();
        }

        client.Call("SET", "expires", new string('x', 3000), "PX", "10000000");
        client.Call("RPUSH", "list", "a", "1", "-5", new string('b', 9000));
        client.Call("SADD", "integers", "1", "2", "70000", "-9000000000");
        client.Call("SADD", "members", "a", "b", "3");
        client.Call("HSET", "hash", "f", "1", "g", "two");
        client.Call("ZADD", "scores", "1.5", "a", "-inf", "b", "3e300", "c");
        client.Call("SETBIT", "bits", "100000", "1");
        client.Call("PFADD", "hyper", "a", "b", "c");
        client.Call("XADD", "stream", "1-1", "field", "value");
        client.Call("XADD", "stream", "1-2", "field", "value", "more", "5");
        client.Call("XGROUP", "CREATE", "stream", "group", "0");
        client.Call("XREADGROUP", "GROUP", "group", "consumer", "COUNT", "1", "STREAMS", "stream", ">");
        client.Call("SELECT", "5");
        client.Call("SET", "of another database", "1");
        client.Call("SELECT", "0");
    }

    // Forms that redis has for what is long: hash tables, skip lists, quick lists of many nodes, compressed strings.
    private static void FillLarge(RespClient client)
    {
        const int count = 20_000;
        for (int i = 0; i < count; i++)
        {
            client.Add("HSET", "hash", $"field {i}", $"value {i}");
            client.Add("ZADD", "scores", $"{i / 3.0:R}", $"member {i}");
            client.Add("SADD", "members", $"member {i}");
            client.Add("RPUSH", "list", $"element {i}");
            client.Add("XADD", "stream", $"{i + 1}-1", "field", $"{i}");
        }

        client.Flush();
        for (int i = 0; i < 5 * count; i++)
        {
            Assert.False(client.Read().IsError);
        }
    }
}
