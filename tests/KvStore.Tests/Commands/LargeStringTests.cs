using System.Text;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Commands;

/// <summary>
/// Strings that are changed by ranges, below and above the length from which on they lie in chunks (131,072 bytes; a
/// chunk has 16,352): the same replies as redis-server's, through SIGKILL too, and the work that a change is.
/// </summary>
public sealed class LargeStringTests(ITestOutputHelper output)
{
    private const int Least = 131_072;

    [Theory]
    [Trait("speed", "slow")]
    [InlineData(1)]
    [InlineData(2)]
    public void Random_commands_on_both_forms_answer_as_redis_does(int seed)
    {
        output.WriteLine($"seed {seed}");
        using RunningServer redis = new(ServerProgram.Redis(Tool.Require("redis-server")));
        using RunningServer own = TestServer.Start("256M");
        using TextClient expected = new(redis.Process.TcpEndPoint);
        TextClient actual = new(own.Process.TcpEndPoint);
        try
        {
            LargeStringCommands commands = new(new Random(seed));
            var trail = new Queue<string>();
            for (int step = 0; step < 1_500; step++)
            {
                string[] args = commands.Next();
                trail.Enqueue(string.Join(' ', args.Select(Shortened)));
                string want = expected.Call(args);
                string got = actual.Call(args);
                Assert.True(
                    want == got,
                    $"seed {seed}, step {step}:\n{string.Join("\n", trail.TakeLast(12))}\nredis "
                        + $"{Shortened(want)}\nown   {Shortened(got)}");
                if (step % 300 == 299)
                {
                    expected.Call("DISCARD"); // what was queued, and what was watched, dies with the connection
                    expected.Call("UNWATCH");
                    expected.Call("SELECT", "0");
                    actual.Dispose();
                    own.Process.Kill();
                    own.Restart();
                    actual = new TextClient(own.Process.TcpEndPoint);
                }
            }

            actual.Call("DISCARD");
            AssertNothingLeft(actual);
        }
        finally
        {
            actual.Dispose();
        }
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Changes_in_flight_at_a_kill_are_whole_or_absent()
    {
        using RunningServer server = TestServer.Start("256M");
        int seen = 0;
        using (TextClient client = new(server.Process.TcpEndPoint))
        {
            client.Call("SETRANGE", "log", $"{Least - 1}", "x");
            client.Call("SET", "filled", new string('a', 300_000));
        }

        for (int round = 0; round < 6; round++)
        {
            int acknowledged = AppendUntilKilled(server, seen, round);
            server.Restart();
            using TextClient client = new(server.Process.TcpEndPoint);
            string log = client.Call("GETRANGE", "log", $"{Least}", "-1");
            string[] entries = Body(log).Split(';', StringSplitOptions.RemoveEmptyEntries);

            Assert.Equal(Enumerable.Range(0, entries.Length).Select(it => $"entry {it:D8}"), entries);
            Assert.True(entries.Length >= acknowledged, $"{entries.Length} entries of {acknowledged} acknowledged");
            Assert.Single(Body(client.Call("GETRANGE", "filled", "1000", "200999")).Distinct());
            seen = entries.Length;
        }
    }

    [Fact]
    public void A_change_writes_what_it_touches_and_not_the_value()
    {
        using RunningServer server = TestServer.Start("64M");
        using TextClient client = new(server.Process.TcpEndPoint);
        byte[] random = new byte[8 << 20];
        new Random(1).NextBytes(random);
        client.Call("SET", "key", Encoding.Latin1.GetString(random));
        client.Call("APPEND", "key", "the first one copies");
        string[][] changes =
        [
            ["APPEND", "key", "x"], ["SETBIT", "key", "40000001", "1"], ["SETRANGE", "key", "5000000", "0123456789"],
            ["BITFIELD", "key", "INCRBY", "u32", "9000000", "7", "SET", "u8", "60000000", "1"],
            ["RENAME", "key", "other"], ["EXPIRE", "other", "1000"], ["PEXPIREAT", "other", "9999999999999"],
            ["PERSIST", "other"], ["GETEX", "other", "EX", "1000"],
            ["SETRANGE", "sparse", "500000000", "x"], ["SETBIT", "bits", "4000000000", "1"],
        ];
        foreach (string[] change in changes)
        {
            Dictionary<string, byte[]> before = ReadArena(server);

            string reply = client.Call(change);

            int pages = CountChanged(before, ReadArena(server));
            output.WriteLine($"{string.Join(' ', change)}: {pages} pages");
            Assert.False(reply.StartsWith('-'), reply);
            Assert.InRange(pages, 1, 64); // 8 MiB are 2,048
        }

        Assert.Equal($":{random.Length + 21}\r\n", client.Call("STRLEN", "other"));
        Assert.Equal(":500000001\r\n", client.Call("STRLEN", "sparse"));
        Assert.Equal(":4000000000\r\n", client.Call("BITPOS", "bits", "1"));
    }

    [Fact]
    public void The_first_one_of_a_store_may_be_made_in_a_transaction()
    {
        using RunningServer server = TestServer.Start("64M");
        using TextClient client = new(server.Process.TcpEndPoint);
        string value = new('v', Least);
        client.Call("SET", "key", value);
        client.Call("MULTI");
        client.Call("APPEND", "key", "x");
        client.Call("SETRANGE", "new", "200000", "x");
        client.Call("RENAME", "new", "newer");

        Assert.Equal($"*3\r\n:{Least + 1}\r\n:200001\r\n+OK\r\n", client.Call("EXEC"));

        Assert.Equal($"${Least + 1}\r\n{value}x\r\n", client.Call("GET", "key"));
        Assert.Equal(":200001\r\n", client.Call("STRLEN", "newer"));
        Assert.Equal("$3\r\nraw\r\n", client.Call("OBJECT", "ENCODING", "newer"));
        Assert.Contains("key", client.Call("SCAN", "0", "COUNT", "100", "TYPE", "string"), StringComparison.Ordinal);
        Assert.InRange(long.Parse(client.Call("MEMORY", "USAGE", "key")[1..], null), Least, 2 * Least);
        Assert.InRange(long.Parse(client.Call("MEMORY", "USAGE", "newer")[1..], null), 16_000, 20_000);
    }

    [Fact]
    public void What_is_dumped_of_one_is_restored()
    {
        using RunningServer server = TestServer.Start("64M");
        using TextClient client = new(server.Process.TcpEndPoint);
        string value = new([.. Enumerable.Range(0, 200_000).Select(it => (char)(it * 7 % 256))]);
        client.Call("SETRANGE", "key", "0", value);

        string dump = client.Call("DUMP", "key");

        Assert.Equal("+OK\r\n", client.Call("RESTORE", "other", "0", Body(dump)));
        Assert.Equal($"${value.Length}\r\n{value}\r\n", client.Call("GET", "other"));
        Assert.Equal(":200001\r\n", client.Call("APPEND", "other", "x"));
        Assert.Equal("+OK\r\n", client.Call("RESTORE", "other", "0", Body(dump), "REPLACE"));
        Assert.Equal(":200000\r\n", client.Call("STRLEN", "other"));
    }

    [Fact]
    public void Without_room_a_change_is_refused_and_leaves_the_string_as_it_was()
    {
        using RunningServer server = TestServer.Start("8M");
        using TextClient client = new(server.Process.TcpEndPoint);
        string value = new('v', 3 << 20);
        client.Call("SET", "key", value);
        client.Call("SET", "other", new string('o', 1 << 20));
        Assert.StartsWith("-OOM", client.Call("APPEND", "key", "x"), StringComparison.Ordinal);
        Assert.StartsWith("-OOM", client.Call("SETRANGE", "new", "1000000", value), StringComparison.Ordinal);
        client.Call("MULTI");
        client.Call("SET", "small", "1");
        client.Call("APPEND", "key", "x");
        Assert.Contains("-OOM", client.Call("EXEC"), StringComparison.Ordinal);

        Assert.Equal($"${value.Length}\r\n{value}\r\n", client.Call("GET", "key"));
        Assert.Equal(":0\r\n", client.Call("EXISTS", "new"));
        client.Call("DEL", "other", "small");
        client.Call("DEL", "key");
        AssertNothingLeft(client);
    }

    [Fact]
    public void A_command_that_never_finds_room_ends()
    {
        using RunningServer server = TestServer.Start("8M");
        using TextClient client = new(server.Process.TcpEndPoint);
        for (int i = 0; i < 30; i++)
        {
            client.Call("HSET", "hash", $"{i}", new string('v', 100_000));
        }

        Assert.StartsWith("-OOM", client.Call("COPY", "hash", "copy"), StringComparison.Ordinal);
        Assert.Equal("+PONG\r\n", client.Call("PING"));
        Assert.Equal(":30\r\n", client.Call("HLEN", "hash"));
    }

    private static int AppendUntilKilled(RunningServer server, int first, int round)
    {
        int acknowledged = first;
        using RespClient client = server.Connect();
        using RespClient filler = server.Connect();
        Task kill = Task.Run(async () =>
        {
            await Task.Delay(60 + (37 * round));
            server.Process.Kill();
        });
        try
        {
            for (int next = first; ; next += 16)
            {
                for (int i = 0; i < 16; i++)
                {
                    client.Add("APPEND", "log", $"entry {next + i:D8};");
                }

                filler.Add("SETRANGE", "filled", "1000", new string((char)('b' + (next / 16 % 20)), 200_000));
                client.Flush();
                filler.Flush();
                for (int i = 0; i < 16; i++)
                {
                    client.Read();
                    acknowledged++;
                }

                filler.Read();
            }
        }
        catch (Exception e) when (e is EndOfStreamException or System.Net.Sockets.SocketException or IOException)
        {
            kill.Wait(TestContext.Current.CancellationToken);
            return acknowledged;
        }
    }

    private static string Body(string reply)
    {
        int start = reply.IndexOf("\r\n", StringComparison.Ordinal) + 2;
        return reply[start..^2];
    }

    private static Dictionary<string, byte[]> ReadArena(RunningServer server) =>
        Directory.GetFiles(server.DataDirectory, "*", SearchOption.AllDirectories)
            .Where(it => Path.GetFileName(it) != "arena.meta") // which is locked
            .ToDictionary(it => it, ReadShared);

    private static byte[] ReadShared(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return bytes;
    }

    private static int CountChanged(Dictionary<string, byte[]> before, Dictionary<string, byte[]> after)
    {
        int pages = 0;
        foreach ((string path, byte[] bytes) in after)
        {
            byte[] old = before[path];
            for (int at = 0; at < bytes.Length; at += 4096)
            {
                int length = Math.Min(4096, bytes.Length - at);
                pages += bytes.AsSpan(at, length).SequenceEqual(old.AsSpan(at, length)) ? 0 : 1;
            }
        }

        return pages;
    }

    /// <summary>What the strings took is free again once they are gone.</summary>
    private static void AssertNothingLeft(TextClient client)
    {
        Assert.Equal("+OK\r\n", client.Call("FLUSHALL"));
        for (int tries = 0; tries < 200; tries++)
        {
            if (client.Info("memory", "nested_entries") == 0)
            {
                return;
            }

            Thread.Sleep(50);
        }

        Assert.Fail($"Chunks are left over: {client.Call("INFO", "memory")}");
    }

    private static string Shortened(string text) => text.Length <= 60 ? text.ReplaceLineEndings(" ")
        : $"{text[..30].ReplaceLineEndings(" ")}... ({text.Length}, hash {text.GetHashCode(StringComparison.Ordinal)})";
}
