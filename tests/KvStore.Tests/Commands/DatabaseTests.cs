using System.Globalization;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Commands;

/// <summary>The numbered databases: what takes two clients, a kill or a setting.</summary>
public sealed class DatabaseTests(SharedServer shared) : IClassFixture<SharedServer>
{
    [Fact]
    public void Each_client_has_its_own_database_and_is_listed_with_it()
    {
        RunningServer server = shared.Emptied();
        using var first = new TextClient(server.Process.TcpEndPoint);
        using var second = new TextClient(server.Process.TcpEndPoint);
        Assert.Equal("+OK\r\n", first.Call("SELECT", "9"));
        first.Call("SET", "k", "nine");
        second.Call("SET", "k", "zero");

        Assert.Equal("$4\r\nnine\r\n", first.Call("GET", "k"));
        Assert.Contains(" db=9 ", first.Call("CLIENT", "INFO"), StringComparison.Ordinal);
        Assert.Contains(" db=0 ", second.Call("CLIENT", "INFO"), StringComparison.Ordinal);
        first.Call("HELLO", "3");
        Assert.Equal("$4\r\nnine\r\n", first.Call("GET", "k"));
        first.Call("RESET");
        Assert.Equal("$4\r\nzero\r\n", first.Call("GET", "k"));
    }

    [Theory]
    [InlineData("SET k 2", false)]
    [InlineData("SELECT 3|SET k 2", true)]
    [InlineData("SELECT 3|FLUSHDB", true)]
    [InlineData("FLUSHDB", false)]
    [InlineData("FLUSHALL", true)]
    [InlineData("SWAPDB 3 4", true)]
    [InlineData("SWAPDB 0 4", false)]
    [InlineData("SELECT 3|MOVE k 4", true)]
    [InlineData("SELECT 4|SET other 1|MOVE other 3", false)]
    [InlineData("SET other 1|COPY other k DB 3 REPLACE", true)]
    [InlineData("SELECT 4|SET other 1|COPY other k DB 5 REPLACE", false)]
    public void A_watched_key_is_one_of_its_database(string changes, bool stops)
    {
        RunningServer server = shared.Emptied();
        using var watcher = new TextClient(server.Process.TcpEndPoint);
        using var other = new TextClient(server.Process.TcpEndPoint);
        watcher.Call("SELECT", "3");
        watcher.Call("SET", "k", "1");
        watcher.Call("WATCH", "k");
        foreach (string change in changes.Split('|'))
        {
            other.Call(change.Split(' '));
        }

        watcher.Call("MULTI");
        watcher.Call("PING");

        Assert.Equal(stops ? "*-1\r\n" : "*1\r\n+PONG\r\n", watcher.Call("EXEC"));
    }

    [Theory]
    [InlineData("RPUSH q x", false)]
    [InlineData("SELECT 1|RPUSH q x", true)]
    [InlineData("RPUSH q x|MOVE q 1", true)]
    [InlineData("RPUSH q x|COPY q q DB 1", true)]
    [InlineData("RPUSH q x|SWAPDB 0 1", true)]
    public void A_client_waits_for_a_key_of_its_database(string changes, bool comes)
    {
        RunningServer server = shared.Emptied();
        using var waiter = new TextClient(server.Process.TcpEndPoint);
        using var other = new TextClient(server.Process.TcpEndPoint);
        waiter.Call("SELECT", "1");
        waiter.Send("*3\r\n$5\r\nBLPOP\r\n$1\r\nq\r\n$3\r\n0.6\r\n"u8);
        Thread.Sleep(100);
        foreach (string change in changes.Split('|'))
        {
            other.Call(change.Split(' '));
        }

        Assert.Equal(comes ? "*2\r\n$1\r\nq\r\n$1\r\nx\r\n" : "*-1\r\n", waiter.Receive());
    }

    [Fact]
    public void Events_name_the_database_of_their_key()
    {
        RunningServer server = shared.Emptied();
        using var listener = new TextClient(server.Process.TcpEndPoint);
        using var writer = new TextClient(server.Process.TcpEndPoint);
        writer.Call("CONFIG", "SET", "notify-keyspace-events", "KEA");
        listener.Call("PSUBSCRIBE", "__key*");
        writer.Call("SELECT", "2");
        writer.Call("SET", "k", "1");
        writer.Call("MOVE", "k", "3");
        writer.Call("COPY", "none", "k", "DB", "5");
        writer.Call("SELECT", "3");
        writer.Call("COPY", "k", "c", "DB", "5");
        writer.Call("PEXPIRE", "k", "1");

        string[] events = ["2 set k", "2 move_from k", "3 move_to k", "5 copy_to c", "3 expire k", "3 expired k"];
        foreach (string[] parts in events.Select(it => it.Split(' ')))
        {
            string one = listener.Receive() + listener.Receive();
            Assert.Contains($"__keyspace@{parts[0]}__:{parts[2]}\r\n", one, StringComparison.Ordinal);
            Assert.Contains($"__keyevent@{parts[0]}__:{parts[1]}\r\n", one, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_script_selects_for_itself_and_begins_in_its_callers_database()
    {
        RunningServer server = shared.Emptied();
        using var client = new TextClient(server.Process.TcpEndPoint);
        client.Call("SELECT", "2");
        const string Script =
            "redis.call('set', 'k', 'two') redis.call('select', 7) redis.call('set', 'k', 'seven') "
            + "redis.call('hset', 'h', 'f', string.rep('x', 100)) return redis.call('get', 'k')";

        Assert.Equal("$5\r\nseven\r\n", client.Call("EVAL", Script, "0"));
        Assert.Equal("$3\r\ntwo\r\n", client.Call("GET", "k"));
        Assert.Equal("$3\r\ntwo\r\n", client.Call("EVAL", "return redis.call('get', 'k')", "0"));
        client.Call("SELECT", "7");
        Assert.Equal("*2\r\n$1\r\nk\r\n$1\r\nh\r\n", Sorted(client.Call("KEYS", "*")));
    }

    [Fact]
    public void Nine_databases_are_as_they_were_after_sigkill_and_their_swaps_too()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server reads a file.");
        using RunningServer server = TestServer.Start("64M");
        using (var client = new TextClient(server.Process.TcpEndPoint))
        {
            for (int i = 0; i < 9; i++)
            {
                client.Call("SELECT", $"{i}");
                client.Call("SET", "name", $"{i}");
                client.Call("RPUSH", "list", new string('x', 9000), $"{i}"); // not in one piece
            }

            Assert.Equal("+OK\r\n", client.Call("SWAPDB", "0", "5"));
            Assert.Equal("+OK\r\n", client.Call("SWAPDB", "5", "8"));
            Assert.Equal("$1\r\n0\r\n", client.Call("GET", "name")); // it is in 8
            client.Call("MULTI");
            client.Call("SWAPDB", "1", "2");
            client.Call("SELECT", "1");
            client.Call("SET", "more", "1");
            Assert.Equal("*3\r\n+OK\r\n+OK\r\n+OK\r\n", client.Call("EXEC"));
        }

        server.Process.Kill();
        server.Restart();

        using var after = new TextClient(server.Process.TcpEndPoint);
        string[] names = ["5", "2", "1", "3", "4", "8", "6", "7", "0"];
        for (int i = 0; i < names.Length; i++)
        {
            after.Call("SELECT", $"{i}");
            Assert.Equal($"$1\r\n{names[i]}\r\n", after.Call("GET", "name"));
            Assert.Equal($"$1\r\n{names[i]}\r\n", after.Call("LINDEX", "list", "1"));
            Assert.Equal(i == 1 ? ":3\r\n" : ":2\r\n", after.Call("DBSIZE"));
        }
    }

    /// <summary>Killed in the middle of swaps, each database is whole, under one of the two numbers.</summary>
    [Fact]
    [Trait("speed", "slow")]
    public void A_swap_is_done_or_not_over_sigkill()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server reads a file.");
        using RunningServer server = TestServer.Start("64M");
        var random = new Random(11);
        Fill(server);
        for (int kill = 0; kill < 8; kill++)
        {
            using (var client = RespClient.Connect(server.Process.TcpEndPoint))
            {
                for (int i = 0; i < 2000; i++)
                {
                    client.Add("SWAPDB", "0", "1");
                    client.Add("MULTI");
                    client.Add("SWAPDB", "1", "2");
                    client.Add("SWAPDB", "2", "0");
                    client.Add("EXEC");
                }

                client.Flush();
                Thread.Sleep(TimeSpan.FromMilliseconds(random.NextDouble() * 20));
                server.Process.Kill();
            }

            server.Restart();
            using var after = new TextClient(server.Process.TcpEndPoint);
            string[] found = [.. Enumerable.Range(0, 3).Select(i =>
            {
                after.Call("SELECT", i.ToString(CultureInfo.InvariantCulture));
                return after.Call("MGET", "a", "b");
            })];
            Assert.Equal(Enumerable.Range(0, 3).Select(i => $"*2\r\n$1\r\n{i}\r\n$1\r\n{i}\r\n"), found.Order());
        }
    }

    [Fact]
    [Trait("speed", "slow")]
    public void With_four_databases_there_is_no_fifth_and_its_keys_are_kept()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server reads a file.");
        using RunningServer server = TestServer.Start("64M");
        using (var client = new TextClient(server.Process.TcpEndPoint))
        {
            client.Call("SELECT", "4");
            client.Call("SET", "k", "1");
            Assert.Equal("*2\r\n$9\r\ndatabases\r\n$2\r\n16\r\n", client.Call("CONFIG", "GET", "databases"));
        }

        Assert.Equal(0, server.Process.Terminate());
        server.Launch(ServerProgram.KvStore(TestServer.KvStorePath, "--size", "64M", "--databases", "4"))
            .WaitUntilReady();
        using (var few = new TextClient(server.Process.TcpEndPoint))
        {
            Assert.Equal("*2\r\n$9\r\ndatabases\r\n$1\r\n4\r\n", few.Call("CONFIG", "GET", "databases"));
            Assert.Equal("-ERR DB index is out of range\r\n", few.Call("SELECT", "4"));
            Assert.Equal("-ERR DB index is out of range\r\n", few.Call("SWAPDB", "0", "4"));
        }

        Assert.Equal(0, server.Process.Terminate());
        server.Restart();
        using var many = new TextClient(server.Process.TcpEndPoint);
        many.Call("SELECT", "4");
        Assert.Equal("$1\r\n1\r\n", many.Call("GET", "k"));
    }

    private static void Fill(RunningServer server)
    {
        using var client = new TextClient(server.Process.TcpEndPoint);
        for (int i = 0; i < 3; i++)
        {
            client.Call("SELECT", $"{i}");
            client.Call("MSET", "a", $"{i}", "b", $"{i}");
        }
    }

    private static string Sorted(string keys) =>
        keys.Contains("$1\r\nh\r\n$1\r\nk\r\n", StringComparison.Ordinal) ? "*2\r\n$1\r\nk\r\n$1\r\nh\r\n" : keys;
}
