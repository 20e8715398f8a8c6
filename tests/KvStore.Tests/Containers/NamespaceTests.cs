using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Containers;

/// <summary>
/// What a container is, made by hand: processes, mounts and users of its own, 64 MiB of <c>/dev/shm</c>, a root that
/// cannot be written, a user that no file names, and a limit of memory.
/// </summary>
public sealed class NamespaceTests(ITestOutputHelper output)
{
    private const string Beginning = """
        set -e
        mount -t tmpfs -o size=64m,mode=1777 shm /dev/shm
        mount -t proc proc /proc
        mount -o remount,bind,ro /
        (: >/gmf-root-is-writable) 2>/dev/null && echo writable

        """;

    private const string Script = Beginning + """
        run() { unshare --user --map-user=12345 --map-group=12345 "$@" >&2 & child=$!; }
        run "$@"
        echo started
        while read -r word; do
            case $word in
                kill) kill -9 $child; wait $child || true; echo killed ;;
                start) run "$@"; echo started ;;
                where) ls -n /dev/shm | tail -1 ;;
            esac
        done
        kill $child
        wait $child || true
        """;

    // Both are of the container's one user, and begin beside each other.
    private const string TakingOver = Beginning + """
        exec unshare --user --map-user=12345 --map-group=12345 /bin/sh -c '
            mkdir -m 700 /dev/shm/h
            "$@" --hand-over-socket /dev/shm/h/s >&2 & first=$!
            inode() { stat -c %i /dev/shm/h/s 2>/dev/null || echo none; }
            last=none
            made() { until [ "$(inode)" != $last ]; do sleep 0.05; done; last=$(inode); }
            made
            echo started
            while read -r word; do
                "$@" --hand-over-socket /dev/shm/h/s >&2 & next=$!
                wait $first
                ended=$?
                first=$next
                made
                echo "ended $ended"
            done
            kill $first
            wait $first' sh "$@"
        """;

    private static readonly TimeSpan s_patience = Patience.Limit;

    [Fact]
    [Trait("speed", "slow")]
    public void It_starts_answers_refuses_what_has_no_room_and_restarts_warm()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server keeps nothing in /dev/shm.");
        using var group = new MemoryGroup(192L << 20);
        int port = ServerProcess.FreePort();
        using Process container = Start(group, port, Script);
        try
        {
            Assert.Equal("started", container.StandardOutput.ReadLine());
            int stored = Fill(port);
            Assert.InRange(stored, 1_000, 64_000);
            Assert.Contains("guestmemfs-12345", Say(container, "where"), StringComparison.Ordinal);

            Assert.Equal("killed", Say(container, "kill"));
            Assert.Equal("started", Say(container, "start"));

            using RespClient client = Connect(port);
            Assert.Equal(stored, client.Call("DBSIZE").Integer);
            Assert.Equal(new string('v', 1_000), client.Call("GET", $"key:{stored - 1}").Text);
            string info = client.Call("INFO").Text;
            Assert.Contains("attach_kind:recovered", info, StringComparison.Ordinal);
            Assert.Contains("arena_medium:tmpfs", info, StringComparison.Ordinal);
        }
        finally
        {
            container.StandardInput.Close();
            if (!container.WaitForExit(s_patience))
            {
                container.Kill();
                container.WaitForExit();
            }
        }
    }

    [Theory]
    [Trait("speed", "slow")]
    [InlineData("no")]
    [InlineData("yes")]
    public void A_successor_in_the_container_takes_store_and_clients_over_also_when_it_is_full(string erase)
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server hands nothing over.");
        using var group = new MemoryGroup(256L << 20);
        int port = ServerProcess.FreePort();
        using Process container = Start(group, port, TakingOver, "--erase", erase);
        try
        {
            Assert.Equal("started", container.StandardOutput.ReadLine());
            using RespClient client = Connect(port);
            client.Call("RPUSH", "list", "a", "b", "c", "d");
            int stored = Fill(port);

            for (int i = 0; i < 3; i++)
            {
                Assert.Equal("ended 0", Say(container, "next"));

                Assert.Equal($"{"abc"[i]}", client.Call("LPOP", "list").Text);
                Assert.Equal(stored + 1, client.Call("DBSIZE").Integer);
                Assert.StartsWith("OOM ", client.Call("SET", "k", new string('v', 300_000)).Text);
            }

            Assert.Equal(0, group.Killed);
        }
        finally
        {
            container.StandardInput.Close();
            if (!container.WaitForExit(s_patience))
            {
                container.Kill();
                container.WaitForExit();
            }
        }
    }

    private Process Start(MemoryGroup group, int port, string script, params string[] more)
    {
        string unshare = Tool.Require("unshare");
        string[] mount = ["mount", "-t", "tmpfs", "t", "/dev/shm"];
        string[] trial = ["--user", "--map-root-user", "--mount", "--pid", "--fork", .. mount];
        (int exitCode, _, string error) = Tool.Run(unshare, trial);
        Assert.SkipWhen(exitCode != 0, $"Namespaces cannot be made here: {error}");
        string server = TestServer.KvStorePath;
        string[] program =
        [
            unshare, "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child",
            "/bin/sh", "-c", script, "sh",
            server, "--port", $"{port}", "--bind", "127.0.0.1", .. more,
        ];
        var start = new ProcessStartInfo("/bin/sh", [.. group.Entering(victim: false), .. program])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        Process process = Process.Start(start)!;
        process.ErrorDataReceived += (_, line) => output.WriteLine(line.Data ?? "");
        process.BeginErrorReadLine();
        return process;
    }

    private static string Say(Process container, string word)
    {
        container.StandardInput.WriteLine(word);
        container.StandardInput.Flush();
        return container.StandardOutput.ReadLine() ?? "it has ended";
    }

    /// <summary>Sets until one finds no room, and some more; how many there are then.</summary>
    private static int Fill(int port)
    {
        using RespClient client = Connect(port);
        int refused = 0;
        int stored = 0;
        while (refused < 100)
        {
            RespReply reply = client.Call("SET", $"key:{stored}", new string('v', 1_000));
            if (reply.IsError)
            {
                Assert.StartsWith("OOM ", reply.Text, StringComparison.Ordinal);
                refused++;
            }
            else
            {
                stored++;
            }
        }

        return stored;
    }

    private static RespClient Connect(int port)
    {
        var end = new IPEndPoint(IPAddress.Loopback, port);
        for (long until = Environment.TickCount64 + (long)s_patience.TotalMilliseconds; ;)
        {
            try
            {
                return RespClient.Connect(end);
            }
            catch (SocketException) when (Environment.TickCount64 < until)
            {
                Thread.Sleep(20);
            }
        }
    }
}
