using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Torture;

/// <summary>
/// SIGKILL during a mixed load of all write commands, and during the recovery from it, many times in a row on one
/// arena.
/// </summary>
/// <remarks>
/// <c>GMF_TORTURE_KILLS</c> sets how often, <c>GMF_TORTURE_SEED</c> which load and which instants,
/// <c>GMF_TEST_SERVER</c> which server.
/// </remarks>
[Trait("speed", "slow")]
public sealed class TortureTests(ITestOutputHelper output)
{
    [Fact]
    public void No_acknowledged_write_is_lost_and_nothing_torn_is_served_however_often_it_is_killed()
    {
        int kills = TortureRun.Setting("GMF_TORTURE_KILLS", 250);
        using var trouble = new Trouble();
        TortureCounts counts = TroubleTests.Run(trouble, kills, output);
        Assert.True(counts.Acknowledged > kills,
            "There was hardly any load: the kills came before it, and proved nothing.");
        Assert.True(kills < 20 || counts.KillsInFlight > kills / 3,
            "Most kills met nothing in flight, and proved little.");
        Assert.True(kills < 100 || TestServer.IsRedis || counts.KillsInRecovery > kills / 20,
            "Hardly a kill met a recovery.");
    }
}
