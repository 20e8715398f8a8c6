using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Torture;

/// <summary>SIGKILL during a mixed load of all write commands, many times in a row on one arena.</summary>
/// <remarks><c>GMF_TORTURE_CYCLES</c> sets how often, <c>GMF_TORTURE_SEED</c> which load and which instants, <c>GMF_TEST_SERVER</c> which server.</remarks>
public sealed class TortureTests(ITestOutputHelper output)
{
    [Fact]
    public void No_acknowledged_write_is_lost_and_nothing_torn_is_served_however_often_it_is_killed()
    {
        int cycles = Torture.Setting("GMF_TORTURE_CYCLES", 200);
        Torture torture = Run(TestServer.Program(), cycles, tight: false);
        Assert.True(torture.Acknowledgements > cycles, "There was hardly any load: the kills came before it, and proved nothing.");
        Assert.True(cycles < 20 || torture.KillsWithOperationsInFlight > cycles / 2, "Most kills met nothing in flight, and proved little.");
    }

    [Fact]
    public void Nor_when_the_arena_is_full_most_of_the_time()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena to fill.");
        int cycles = Torture.Setting("GMF_TORTURE_CYCLES", 200) / 5;
        Torture torture = Run(TestServer.Program("16M"), cycles, tight: true);
        Assert.True(cycles < 20 || torture.Refusals > cycles, $"The arena was hardly ever full: {torture.Refusals} commands were refused.");
    }

    private Torture Run(ServerProgram program, int cycles, bool tight)
    {
        int seed = Torture.Setting("GMF_TORTURE_SEED", Random.Shared.Next());
        output.WriteLine($"{cycles} cycles, seed {seed}");
        using var server = new RunningServer(program);
        var torture = new Torture(server, seed, connections: 6, tight);
        for (int cycle = 1; cycle <= cycles; cycle++)
        {
            try
            {
                torture.Cycle();
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                server.KeepDirectory();
                Assert.Fail($"Cycle {cycle}, seed {seed} (GMF_TORTURE_SEED={seed}); the arena is kept in {server.DataDirectory}.\n"
                    + $"{e}\nThe server wrote:\n{server.Process.Output}");
            }
        }

        output.WriteLine($"{torture.Acknowledgements} acknowledged operations, {torture.Refusals} refused; {torture.KillsWithOperationsInFlight} kills met operations in flight, "
            + $"{torture.Unacknowledged} steps of which had come true; restart to first answer: median {Median(torture.Restarts).TotalMilliseconds:0} ms");
        return torture;
    }

    private static TimeSpan Median(IEnumerable<TimeSpan> times) => times.Order().ElementAt(times.Count() / 2);
}
