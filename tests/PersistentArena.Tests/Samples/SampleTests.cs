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
    [Trait("speed", "slow")]
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
    [Trait("speed", "slow")]
    public void Lists_trees_and_graphs_are_as_they_were_said_to_be_after_SIGKILL()
    {
        var random = new Random(1);
        var list = new Stack<int>();
        var tree = new SortedSet<int>();
        for (int life = 0; life < 4; life++)
        {
            using var objects = new SampleProgram("Objects", Arena);
            Assert.Equal(life == 0 ? "Fresh" : "Recovered", objects.Read());
            Assert.Equal(string.Join(' ', list), objects.Ask("list"));
            Assert.Equal(string.Join(' ', tree), objects.Ask("tree"));
            for (int i = 0; i < 200; i++)
            {
                int key = random.Next(60);
                Assert.Equal(tree.Add(key) ? "added" : "there already", objects.Ask($"add {key}"));
                key = random.Next(60);
                Assert.Equal(tree.Remove(key) ? "removed" : "not there", objects.Ask($"remove {key}"));
                list.Push(i);
                Assert.Equal($"{i}", objects.Ask($"push {i}"));
                Assert.Equal($"{(i % 3 == 0 ? list.Pop() : i)}", i % 3 == 0 ? objects.Ask("pop") : $"{i}");
            }

            objects.Ask("leave 2");
            Assert.Equal("1-2", objects.Ask("join 1 2"));
            Assert.Equal("2-3", objects.Ask("join 2 3"));
            Assert.Equal("1 2 3", objects.Ask("reach 1"));
            Assert.Equal("left", objects.Ask("leave 2"));
            Assert.Equal("1", objects.Ask("reach 1"));
            objects.Kill();
        }
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_job_that_was_taken_by_a_killed_worker_comes_back_when_its_lease_has_passed()
    {
        using (var first = new SampleProgram("JobQueue", Arena, "0.5"))
        {
            Assert.Equal("0 waiting, 0 taken, 0 done", first.Read());
            Assert.Equal("nothing is due", first.Ask("take"));
            Assert.Equal("due in 0 s", first.Ask("add 0 mail alice"));
            Assert.Equal("due in -1 s", first.Ask("add -1 bill bob"));
            Assert.Equal("due in 3600 s", first.Ask("add 3600 later"));
            Assert.Equal("bill bob (1)", first.Ask("take"));
            Assert.Equal("done 1", first.Ask("done"));
            Assert.Equal("it is not yours", first.Ask("done"));
            Assert.Equal("mail alice (1)", first.Ask("take"));
            first.Kill();
        }

        using var second = new SampleProgram("JobQueue", Arena, "60");
        Assert.Equal("1 waiting, 1 taken, 1 done", second.Read());
        string again = second.Ask("take");
        for (int i = 0; i < 100 && again == "nothing is due"; i++)
        {
            Thread.Sleep(100);
            again = second.Ask("take");
        }

        Assert.Equal("mail alice (2)", again);
        Assert.Equal("later", second.Ask("list"));
        Assert.Equal("in 5 seconds", second.Ask("later"));
        Assert.Equal("it is not yours", second.Ask("done"));
        Assert.Equal("mail alice, later", second.Ask("list"));
        second.Kill();

        using var third = new SampleProgram("JobQueue", Arena, "60");
        Assert.Equal("2 waiting, 0 taken, 1 done", third.Read());
    }

    [Fact]
    public void Leaderboard_knows_each_rank_after_SIGKILL()
    {
        using (var first = new SampleProgram("Leaderboard", Arena))
        {
            Assert.Equal("0 players", first.Read());
            Assert.Equal("30 points", first.Ask("win ada 30"));
            Assert.Equal("20 points", first.Ask("win bob 20"));
            Assert.Equal("10 points", first.Ask("win cyd 10"));
            Assert.Equal("35 points", first.Ask("win bob 15"));
            first.Kill();
        }

        using var second = new SampleProgram("Leaderboard", Arena);
        Assert.Equal("3 players", second.Read());
        Assert.Equal("bob 35, ada 30", second.Ask("top 2"));
        Assert.Equal("2 of 3", second.Ask("rank ada"));
        Assert.Equal("nobody", second.Ask("rank dan"));
        Assert.Equal("36 points", second.Ask("win ada 6"));
        Assert.Equal("1 of 3", second.Ask("rank ada"));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void OrderBook_has_orders_and_trades_whole_after_SIGKILL()
    {
        using (var first = new SampleProgram("OrderBook", Arena))
        {
            Assert.Equal("0 buy, 0 sell, 0 trades", first.Read());
            Assert.Equal("0 traded, 5 left", first.Ask("buy ada 5 101"));
            Assert.Equal("0 traded, 2 left", first.Ask("buy cyd 2 102"));
            Assert.Equal("0 traded, 4 left", first.Ask("sell dan 4 105"));
            Assert.Equal("3 traded, 0 left", first.Ask("sell bob 3 100"));
            first.Kill();
        }

        using var second = new SampleProgram("OrderBook", Arena);
        Assert.Equal("1 buy, 1 sell, 2 trades", second.Read());
        Assert.Equal("cyd from bob 2 at 102, ada from bob 1 at 101", second.Ask("trades"));
        Assert.Equal("4 wanted [4@101], 4 offered [4@105]", second.Ask("depth"));
        Assert.Equal("4 traded, 1 left", second.Ask("buy eve 5 105"));
        Assert.Equal("5 wanted [1@105 4@101], 0 offered []", second.Ask("depth"));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void TimeSeries_has_each_point_after_SIGKILL_until_its_time_is_over()
    {
        using (var first = new SampleProgram("TimeSeries", Arena))
        {
            Assert.Equal("0 points", first.Read());
            Assert.Matches("^at [0-9:]{8}$", first.Ask("add cpu 0.5"));
            first.Ask("add disk 7");
            first.Ask("add cpu 1");
            first.Kill();
        }

        using var second = new SampleProgram("TimeSeries", Arena);
        Assert.Equal("3 points", second.Read());
        Assert.Equal("cpu: 2, 0.75 on average, disk: 1, 7 on average", second.Ask("last 3600"));
        Assert.Equal("0 gone, 3 left", second.Ask("keep 3600"));
        Thread.Sleep(20);
        Assert.Equal("3 gone, 0 left", second.Ask("keep 0"));
        Assert.Equal("", second.Ask("last 3600"));
    }

    [Fact]
    [Trait("speed", "slow")]
    public async Task Carts_are_found_by_what_is_in_them_after_SIGKILL()
    {
        using var http = new HttpClient();
        CancellationToken token = TestContext.Current.CancellationToken;
        using (var first = new SampleProgram("Carts", Arena, "http://127.0.0.1:0"))
        {
            string started = first.Read();
            Assert.StartsWith("0 carts at http://127.0.0.1:", started, StringComparison.Ordinal);
            http.BaseAddress = new Uri(started.Split(' ')[^1]);
            await Add("ada", """{"sku":"tea","count":2,"price":350}""");
            await Add("ada", """{"sku":"cup","count":1,"price":900}""");
            await Add("bob", """{"sku":"tea","count":1,"price":350}""");
            first.Kill();
        }

        using var second = new SampleProgram("Carts", Arena, "http://127.0.0.1:0");
        string again = second.Read();
        Assert.StartsWith("2 carts at ", again, StringComparison.Ordinal);
        using var next = new HttpClient { BaseAddress = new Uri(again.Split(' ')[^1]) };
        Assert.Equal("""["bob","ada"]""", await next.GetStringAsync("/carts?from=0", token));
        Assert.Equal("""["ada"]""", await next.GetStringAsync("/carts?from=1600", token));
        Assert.Equal("[]", await next.GetStringAsync("/carts?from=1601", token));
        Assert.Equal("[]", await next.GetStringAsync("/idle?seconds=3600", token));
        Assert.Equal("""["ada","bob"]""", await next.GetStringAsync("/idle?seconds=0", token));
        Assert.Contains("\"total\":1600", await next.GetStringAsync("/carts/ada", token), StringComparison.Ordinal);
        (await next.DeleteAsync("/carts/ada", token)).EnsureSuccessStatusCode();
        Assert.Equal("""["bob"]""", await next.GetStringAsync("/carts?from=0", token));

        async Task Add(string customer, string item)
        {
            using StringContent body = new(item, System.Text.Encoding.UTF8, "application/json");
            (await http.PostAsync($"/carts/{customer}/items", body, token)).EnsureSuccessStatusCode();
        }
    }

    [Fact]
    [Trait("speed", "slow")]
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
