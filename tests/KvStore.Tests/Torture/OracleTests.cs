using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Torture;

/// <summary>The oracle itself, on redis-server where there is one: what judges must be judged.</summary>
public sealed class OracleTests
{
    private static readonly string[] s_collections = ["@hash", "@list", "@set", "@sortedset", "@geo", "@stream"];

    [Theory]
    [Trait("speed", "slow")]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_oracle_answers_as_redis_does(int seed)
    {
        using var server = new RunningServer(ServerProgram.Redis(Tool.Require("redis-server")));
        using RespClient client = server.Connect();
        var generator = new LoadGenerator(new Random(seed), 0);
        var oracle = new Oracle();
        for (int i = 0; i < 10_000; i++)
        {
            Operation operation = generator.Next();
            long sent = Instant.Now;
            operation.AddTo(client);
            client.Flush();
            RespReply got = operation.ReadReply(client);
            RespReply expected = operation.ExecuteOn(oracle, new Instant(sent, Instant.Now));
            Assert.True(Replies.Same(expected, got), $"{i}. {operation}: {expected} was expected, {got} came.");
        }

        Dictionary<string, Entry> found = Snapshot.Take(client, LoadGenerator.Keys(0));
        Assert.Equal(0, Checker.Judge(oracle, [], found, Instant.Exactly(Instant.Now)));
        Snapshot.RequireExactly(client, found.Keys.ToHashSet());
    }

    /// <summary>
    /// Those of strings and keys: collections are killed under by DifferentialTests, and the torture's load has none.
    /// PFADD, PFMERGE and PFDEBUG are not in it yet.
    /// </summary>
    [Fact]
    public void The_load_has_every_write_command_of_strings_and_keys()
    {
        using RunningServer server = TestServer.Start();
        using RespClient client = server.Connect();
        IEnumerable<string> writes = client.Call("COMMAND").Items!
            .Where(command => command.Items![2].Items!.Any(flag => flag.Text == "write"))
            .Where(command => !command.Items![6].Items!.Any(category => s_collections.Contains(category.Text)))
            .Select(command => command.Items![0].Text.ToUpperInvariant());
        string[] missing = TestServer.IsRedis
            ? [.. LoadGenerator.WriteCommands.Except(writes)]
            : [.. writes.Except([
                .. LoadGenerator.WriteCommands, "FLUSHDB", "FLUSHALL", "SWAPDB", "PFADD", "PFMERGE",
                "PFDEBUG"])];
        Assert.Empty(missing);
    }
}
