using System.Globalization;
using System.Net.Sockets;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Life;

/// <summary>Streams over kills: what a command changes it changes whole, and what is gone is freed.</summary>
public sealed class StreamTests
{
    private const int Entries = 20_000;
    private const int Delivered = 3_000;
    private const int Kills = 3;
    private const int AddedBeforeKill = 60;

    [Fact]
    [Trait("speed", "slow")]
    public void A_long_stream_is_trimmed_with_one_store_and_what_it_hid_is_freed_over_a_kill()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server keeps no entries in the background.");
        using RunningServer server = TestServer.Start("128M");
        using (RespClient client = server.Connect())
        {
            for (int i = 1; i <= Entries; i++)
            {
                client.Add("XADD", "k", $"{i}-1", "field", "value");
            }

            client.Flush();
            for (int i = 1; i <= Entries; i++)
            {
                Assert.Equal($"{i}-1", client.Read().Text);
            }

            client.Call("XGROUP", "CREATE", "k", "g", "0");
            RespReply read = client.Call(
                "XREADGROUP", "GROUP", "g", "c", "COUNT", Delivered, "STREAMS", "k", ">");
            Assert.Equal(Delivered, read.Items![0].Items![1].Items!.Length);
            Assert.Equal(1, client.Call("XGROUP", "DESTROY", "k", "g").Integer);
            Assert.Equal(Entries - 10, client.Call("XTRIM", "k", "MAXLEN", "10").Integer);
            server.Process.Kill();
        }

        server.Restart();
        using RespClient again = server.Connect();
        Assert.Equal(10, again.Call("XLEN", "k").Integer);
        Assert.Equal(10, again.Call("XRANGE", "k", "-", "+").Items!.Length);
        Assert.Equal($"{Entries - 9}-1", again.Call("XRANGE", "k", "-", "+", "COUNT", 1).Items![0].Items![0].Text);
        Assert.Equal(0, again.Call("XDEL", "k", "5-1").Integer);
        AwaitEntries(again, most: 20);
        Assert.Equal(10, again.Call("XLEN", "k").Integer);
        Assert.Equal($"{Entries}-2", again.Call("XADD", "k", $"{Entries}-*", "f", "v").Text);
        again.Call("DEL", "k");
        AwaitEntries(again, most: 0);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_stream_and_its_group_are_whole_after_kills_at_any_time()
    {
        using RunningServer server = TestServer.Start("128M");
        long added = 0;
        using (RespClient client = server.Connect())
        {
            client.Call("XGROUP", "CREATE", "k", "g", "0", "MKSTREAM");
        }

        for (int kill = 0; kill < Kills; kill++)
        {
            long enough = added + AddedBeforeKill;
            Thread killer = new(() =>
            {
                SpinWait.SpinUntil(() => Volatile.Read(ref added) >= enough, Patience.Limit);
                server.Process.Kill();
            });
            killer.Start();
            using (RespClient client = server.Connect())
            {
                Exception end = Assert.ThrowsAny<Exception>(() => Write(client, ref added));
                Assert.True(end is IOException or SocketException, $"{end}");
            }

            killer.Join();
            server.Restart();
            using RespClient again = server.Connect();
            added = AssertWhole(again, added);
        }
    }

    /// <summary>Adds entries and reads them as two consumers, until the server goes.</summary>
    private static void Write(RespClient client, ref long added)
    {
        while (true)
        {
            string id = $"{added + 1}-1";
            Assert.Equal(id, client.Call("XADD", "k", "MAXLEN", "40", id, "f", "v").Text);
            Volatile.Write(ref added, added + 1);
            RespReply read = client.Call(
                "XREADGROUP", "GROUP", "g", $"c{added % 2}", "COUNT", "2", "STREAMS", "k", ">");
            if (added % 3 != 0 && !read.IsError && read.Items is not null)
            {
                Assert.Equal(1, client.Call("XACK", "k", "g", id).Integer);
            }

            if (added % 10 == 0)
            {
                client.Call("XAUTOCLAIM", "k", "g", "c2", "0", "0", "COUNT", "5", "JUSTID");
            }
        }
    }

    /// <summary>What was acknowledged is there, and all counts are those of what is there; how many were
    /// added.</summary>
    private static long AssertWhole(RespClient client, long acknowledged)
    {
        Dictionary<string, RespReply> stream = Map(client.Call("XINFO", "STREAM", "k", "FULL", "COUNT", "0"));
        RespReply[] entries = stream["entries"].Items!;
        long last = Number(stream["last-generated-id"].Text);
        Assert.InRange(last, acknowledged, acknowledged + 1);
        Assert.Equal(last, stream["entries-added"].Integer);
        Assert.Equal(entries.Length, stream["length"].Integer);
        Assert.Equal(entries.Length, client.Call("XLEN", "k").Integer);
        Assert.Equal(Math.Min(40, last), entries.Length);
        Assert.Equal(last, Number(entries[^1].Items![0].Text));
        Dictionary<string, RespReply> group = Map(Assert.Single(stream["groups"].Items!));
        Assert.Equal(Number(group["last-delivered-id"].Text), group["entries-read"].Integer);
        string[] pending = [.. group["pending"].Items!.Select(it => it.Items![0].Text)];
        string[] ofConsumers =
        [
            .. group["consumers"].Items!.SelectMany(it => Map(it)["pending"].Items!).Select(it => it.Items![0].Text)
                .OrderBy(Number),
        ];
        Assert.Equal(pending.Length, group["pel-count"].Integer);
        Assert.Equal(pending, ofConsumers);
        return last;
    }

    private static void AwaitEntries(RespClient client, int most)
    {
        long entries = long.MaxValue;
        Assert.True(
            SpinWait.SpinUntil(() => (entries = NestedEntries(client)) <= most, Patience.Limit),
            $"{entries} entries are left.");
    }

    private static long NestedEntries(RespClient client) =>
        client.Call("INFO", "memory").Text.Split("\r\n")
            .Where(line => line.StartsWith("nested_entries:", StringComparison.Ordinal))
            .Select(line => long.Parse(line.Split(':')[1], CultureInfo.InvariantCulture)).Single();

    private static Dictionary<string, RespReply> Map(RespReply reply) =>
        reply.Items!.Chunk(2).ToDictionary(pair => pair[0].Text, pair => pair[1]);

    private static long Number(string id) => long.Parse(id.Split('-')[0], CultureInfo.InvariantCulture);
}
