using System.Globalization;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Replication;

/// <summary>An unmodified redis-server that is a replica of the server under test.</summary>
internal sealed class Follower : IDisposable
{
    private readonly RunningServer _server;

    /// <summary>Starts it, and does not wait until it has the keys.</summary>
    public Follower(int masterPort, params string[] more)
    {
        _server = new RunningServer(ServerProgram.Redis(
            Tool.Require("redis-server"),
            ["--replicaof", "127.0.0.1", masterPort.ToString(CultureInfo.InvariantCulture),
                "--enable-debug-command", "local", "--repl-diskless-load", "disabled", .. more]));
        Client = _server.Connect();
    }

    public RespClient Client { get; }

    public ServerProcess Process => _server.Process;

    /// <summary>What it wrote.</summary>
    public string Log => _server.Process.Output;

    /// <summary>How often it began anew.</summary>
    public int FullCount => Log.Split("Full resync from master").Length - 1;

    /// <summary>How often it went on where it was.</summary>
    public int PartialCount => Log.Split("Successful partial resynchronization").Length - 1;

    /// <summary>A number of INFO replication.</summary>
    public string Info(string name) => InfoOf(Client, name);

    public static string InfoOf(RespClient client, string name, string section = "replication") =>
        client.Call("INFO", section).Text.Split("\r\n").FirstOrDefault(
            it => it.StartsWith(name + ":", StringComparison.Ordinal))?[(name.Length + 1)..] ?? "";

    /// <summary>Waits until it has all that its master has.</summary>
    public void WaitUntilEqual(RespClient master) => WaitUntilEqual(Client, master, () => Log);

    /// <summary>The same of any replica, with what it wrote.</summary>
    public static void WaitUntilEqual(RespClient replica, RespClient master, Func<string> log)
    {
        string has = "";
        string all = "";
        bool isEqual = SpinWait.SpinUntil(
            () =>
            {
                Thread.Sleep(20);
                has = InfoOf(replica, "slave_repl_offset");
                all = InfoOf(master, "master_repl_offset");
                return InfoOf(replica, "master_link_status") == "up" && has == all;
            },
            Patience.Limit);
        Assert.True(isEqual, $"it has {has} of {all}; it wrote:\n{log()}");
    }

    /// <summary>All that it has: redis-server's digest, when keys expire, and what groups of streams know.</summary>
    public string Describe()
    {
        List<string> lines = [Client.Call("DEBUG", "DIGEST").Text];
        for (int database = 0; database < 6; database++)
        {
            Client.Call("SELECT", database);
            lines.Add($"db{database} {Client.Call("DBSIZE").Integer}");
            foreach (string key in Client.Call("KEYS", "*").Items!.Select(it => it.Text).Order(StringComparer.Ordinal))
            {
                string digest = Client.Call("DEBUG", "DIGEST-VALUE", key).Items![0].Text;
                lines.Add($"{database} {key} {digest} {Client.Call("PEXPIRETIME", key).Integer} {DescribeStream(key)}");
            }
        }

        Client.Call("SELECT", 0);
        lines.Add(Client.Call("FUNCTION", "LIST").ToString());
        return string.Join('\n', lines);
    }

    public void Dispose()
    {
        Client.Dispose();
        _server.Dispose();
    }

    private string DescribeStream(string key)
    {
        if (Client.Call("TYPE", key).Text != "stream")
        {
            return "";
        }

        IEnumerable<string> groups = Client.Call("XINFO", "GROUPS", key).Items!.Select(group => Flat(group)
            + Flat(Client.Call("XPENDING", key, "group", "-", "+", 1000), withoutIdle: true));
        return Client.Call("XLEN", key).Text + string.Concat(groups);
    }

    // The third number of a pending entry says for how long it waits.
    private static string Flat(RespReply reply, bool withoutIdle = false) => reply.Items is not { } items ? reply.Text
        : $"[{string.Join(' ', items.Select(
            (it, i) => withoutIdle && i == 2 && it.Items is null ? "" : Flat(it, withoutIdle)))}]";
}
