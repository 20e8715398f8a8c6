using System.Net.Sockets;
using System.Text;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Life;

/// <summary>
/// <c>--erase yes</c>: what clients deleted is in none of the store's files, also where the server was killed
/// meanwhile.
/// </summary>
public sealed class ErasureTests
{
    private const int Keys = 400;
    private const string Deleted = "deleted-value-of-the-erasure-test-";
    private const string Kept = "kept-value-of-the-erasure-test-";

    [Fact]
    [Trait("speed", "slow")]
    public void What_was_deleted_before_a_SIGKILL_is_in_no_file_after_the_restart()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no --erase.");
        using RunningServer server = Start("yes");
        using (RespClient client = server.Connect())
        {
            for (int i = 0; i < Keys; i++)
            {
                client.Call("SET", "key-" + i, Deleted + i + new string('.', i * 7));
            }

            // Every third is deleted, every third overwritten, and each of the rest appended to, which copies it.
            for (int i = 0; i < Keys; i++)
            {
                string key = "key-" + i;
                RespReply _ = (i % 3) switch
                {
                    0 => client.Call("DEL", key),
                    1 => client.Call("SET", key, Kept + i),
                    _ => client.Call("APPEND", key, "x"),
                };
            }

            for (int i = 2; i < Keys; i += 3)
            {
                client.Call("SETRANGE", "key-" + i, "0", Kept);
            }

            Assert.Equal(0, Count(server, Deleted));
            Assert.True(Count(server, Kept) >= Keys / 2);
            client.Call("FLUSHALL");
            Assert.Equal(0, Count(server, Kept));
            client.Call("SET", "last", Deleted);
            server.Process.Kill();
        }

        server.Launch(TestServer.Program("64M")).WaitUntilReady(); // without the option: it lasts

        using RespClient again = server.Connect();
        Assert.Contains("arena_erases:1", again.Call("INFO").Text.Split("\r\n"));
        Assert.Equal("yes", again.Call("CONFIG", "GET", "erase").Items![1].Text);
        Assert.Equal(1, Count(server, Deleted));
        again.Call("DEL", "last");
        Assert.Equal(0, Count(server, Deleted));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Killed_amid_deletions_no_file_has_what_is_not_a_key_after_the_restart()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no --erase.");
        using RunningServer server = Start("yes");
        for (int round = 0; round < 3; round++)
        {
            using (RespClient client = server.Connect())
            {
                for (int i = 0; i < Keys; i++)
                {
                    client.Call("SET", "key-" + i, Deleted + new string('.', i * 50));
                }

                Thread killer = new(() =>
                {
                    Thread.Sleep(5 + (round * 7));
                    server.Process.Kill();
                });
                killer.Start();
                try
                {
                    for (int i = 0; ; i = (i + 1) % Keys)
                    {
                        client.Call("DEL", "key-" + i);
                        client.Call("SET", "key-" + i, Deleted + new string('-', i * 30));
                    }
                }
                catch (Exception error) when (error is IOException or SocketException)
                {
                    // It was killed.
                }

                killer.Join();
            }

            server.Restart();
            using RespClient again = server.Connect();
            Assert.Equal(long.Parse(again.Call("DBSIZE").Text, null), Count(server, Deleted));
        }
    }

    [Fact]
    public void Without_it_a_deleted_value_stays_until_its_block_is_used_again()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no --erase.");
        using RunningServer server = Start("no");
        using RespClient client = server.Connect();
        client.Call("SET", "key", Deleted);

        client.Call("DEL", "key");

        Assert.Equal(1, Count(server, Deleted));
    }

    private static RunningServer Start(string erase) =>
        new(ServerProgram.KvStore(TestServer.KvStorePath, "--size", "64M", "--erase", erase));

    private static int Count(RunningServer server, string text)
    {
        int count = 0;
        foreach (string path in Directory.GetFiles(server.DataDirectory, "extent-*", SearchOption.AllDirectories))
        {
            // Without a lock: the server has one.
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            byte[] bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            count += bytes.AsSpan().Count(Encoding.ASCII.GetBytes(text));
        }

        return count;
    }
}
