using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Commands;

/// <summary>Settings, the statistics of errors, and digests, beside redis-server.</summary>
public sealed class SettingTests(ServerPair pair) : IClassFixture<ServerPair>
{
    /// <summary>What a configuration for Redis says is taken: in its bounds, with its first values.</summary>
    [Fact]
    public void Settings_that_have_no_effect_have_the_values_of_redis()
    {
        string[] names =
        [
            "list-compress-depth", "stream-node-max-bytes", "stream-node-max-entries", "activerehashing",
            "active-expire-effort", "maxmemory-eviction-tenacity", "hz", "dynamic-hz", "lazyfree-lazy-eviction",
            "lazyfree-lazy-expire", "lazyfree-lazy-server-del", "lazyfree-lazy-user-del", "lazyfree-lazy-user-flush",
            "rdbcompression", "rdbchecksum", "rdb-save-incremental-fsync", "rdb-del-sync-files", "rdb-key-save-delay",
            "key-load-delay", "stop-writes-on-bgsave-error", "auto-aof-rewrite-percentage", "aof-use-rdb-preamble",
            "aof-load-truncated", "no-appendfsync-on-rewrite", "aof-rewrite-incremental-fsync",
            "repl-disable-tcp-nodelay", "repl-diskless-sync", "repl-diskless-sync-delay", "repl-ping-replica-period",
            "repl-timeout", "repl-backlog-ttl", "replica-serve-stale-data", "replica-lazy-flush", "replica-priority",
            "min-replicas-max-lag", "min-replicas-to-write", "maxmemory-clients", "jemalloc-bg-thread", "io-threads",
            "daemonize", "always-show-logo",
        ];

        pair.Compare(server =>
        {
            using var client = new TextClient(server.Process.TcpEndPoint);
            return string.Concat(names.Select(name => client.Call("CONFIG", "GET", name)
                + client.Call("CONFIG", "SET", name, "no such value").Split('\'')[0]));
        });
    }

    [Fact]
    public void Errors_are_counted_by_their_codes()
    {
        pair.Compare(server =>
        {
            using var client = new TextClient(server.Process.TcpEndPoint);
            client.Call("CONFIG", "RESETSTAT");
            client.Call("NOSUCH");
            client.Call("GET");
            client.Call("SET", "k", "v");
            client.Call("LPUSH", "k", "v");
            client.Call("EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "0");
            client.Call("XGROUP", "CREATE", "x", "g", "$", "MKSTREAM");
            client.Call("XREADGROUP", "GROUP", "other", "c", "STREAMS", "x", ">");
            return client.Call("INFO", "errorstats");
        });
    }

    [Fact]
    public void Codes_that_scripts_make_are_not_kept_without_bound()
    {
        Assert.SkipWhen(TestServer.IsRedis, "Redis 7.0 keeps all of them.");
        using RunningServer server = TestServer.Start("64M");
        using var client = new TextClient(server.Process.TcpEndPoint);

        for (int i = 0; i < 500; i++)
        {
            client.Call("EVAL", $"return redis.error_reply('CODE{i} x')", "0");
        }

        string errors = client.Call("INFO", "errorstats");
        Assert.Contains("errorstat_CODE0:count=1", errors, StringComparison.Ordinal);
        Assert.Contains("errorstat_ERRORSTATS_OVERFLOW:count=372", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("CODE499", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stream_is_trimmed_in_as_many_as_the_setting_says()
    {
        pair.Compare(server =>
        {
            using var client = new TextClient(server.Process.TcpEndPoint);
            client.Call("CONFIG", "SET", "stream-node-max-entries", "10");
            for (int i = 1; i <= 100; i++)
            {
                client.Call("XADD", "s", $"{i}-0", "f", "v");
            }

            string trimmed = client.Call("XTRIM", "s", "MAXLEN", "~", "55")
                + client.Call("XTRIM", "s", "MAXLEN", "~", "0", "LIMIT", "25") + client.Call("XLEN", "s");
            return trimmed + client.Call("CONFIG", "SET", "stream-node-max-entries", "100");
        });
    }

    [Fact]
    public void Replies_that_come_behind_something_else_are_those_of_redis()
    {
        pair.Compare(
            server =>
            {
                using var client = new TextClient(server.Process.TcpEndPoint);
                string replies = client.Call("DEBUG", "PROTOCOL", "attrib")
                    + client.Call("DEBUG", "PROTOCOL", "push");
                client.Call("HELLO", "3");
                return replies + client.Call("DEBUG", "PROTOCOL", "push") + client.Receive();
            },
            "--enable-debug-command", "yes");
    }

    [Theory]
    [InlineData("SET v x", "SET v y")]
    [InlineData("RPUSH v a b", "RPUSH v b a")]
    [InlineData("HSET v f 1", "HSET v f 2")]
    [InlineData("ZADD v 1 m", "ZADD v 2 m")]
    [InlineData("XADD v 1-1 f x", "XADD v 1-2 f x")]
    public void A_digest_says_whether_two_values_are_the_same(string one, string other)
    {
        using RunningServer server = new(ServerProgram.KvStore(
            TestServer.KvStorePath, ["--size", "64M", "--enable-debug-command", "yes"]));
        using var client = new TextClient(server.Process.TcpEndPoint);
        string empty = client.Call("DEBUG", "DIGEST");
        client.Call(one.Split(' '));
        string first = client.Call("DEBUG", "DIGEST");
        client.Call("COPY", "v", "w");

        string same = client.Call("DEBUG", "DIGEST-VALUE", "v", "w");
        client.Call("DEL", "w", "v");
        string gone = client.Call("DEBUG", "DIGEST");
        client.Call(other.Split(' '));

        string[] digests = same.Split("\r\n");
        Assert.Equal(digests[1], digests[2]);
        Assert.Equal("+" + new string('0', 40) + "\r\n", empty);
        Assert.Equal(empty, gone);
        Assert.NotEqual(first, client.Call("DEBUG", "DIGEST"));
    }
}
