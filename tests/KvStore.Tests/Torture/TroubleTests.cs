using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Torture;

/// <summary>
/// The same when there is more to bear than kills: no room, no memory, a clock that is wrong, a process that stands
/// still.
/// </summary>
/// <remarks><c>GMF_TORTURE_SEED</c> sets which load and which instants.</remarks>
[Trait("speed", "slow")]
public sealed class TroubleTests(ITestOutputHelper output)
{
    private const int Kills = 40;

    [Fact]
    public void When_the_arena_is_full_most_of_the_time()
    {
        using var trouble = new FullArena();
        RequireRefusals(Run(trouble, Kills, output));
    }

    [Theory]
    [InlineData("never")]
    [InlineData("always")]
    public void When_another_file_takes_the_medium_s_last_byte(string huge)
    {
        using var trouble = new FullDisk(huge);
        RequireRefusals(Run(trouble, Kills, output));
        Assert.True(trouble.Fillings > Kills / 2, "The medium was hardly ever full.");
    }

    [Theory]
    [InlineData("never")]
    [InlineData("always")]
    public void When_memory_is_scarce(string huge)
    {
        using var trouble = new ScarceMemory(huge);
        Run(trouble, Kills / 2, output); // Each takes longer.
        Assert.True(trouble.Hogs > Kills / 8, "Memory was hardly ever scarce.");
    }

    [Fact]
    public void When_it_is_stopped_and_continued()
    {
        using var trouble = new Pauses();
        Run(trouble, Kills, output);
    }

    [Fact]
    public void When_its_clock_is_set_back_and_ahead_and_stopped()
    {
        using var trouble = new WrongClock();
        Run(trouble, Kills, output);
    }

    // On a machine with much other work the kills come before the load has filled anything.
    private static void RequireRefusals(TortureCounts counts) =>
        Assert.True(counts.Acknowledged < 20_000 || counts.Refused > 0,
            "There was always room, and nothing was proved.");

    internal static TortureCounts Run(Trouble trouble, int kills, ITestOutputHelper output)
    {
        Assert.SkipWhen(TestServer.IsRedis && trouble is not (Pauses or { Name: "plain" }),
            "redis-server has no arena, no medium of that kind and no clock of ours.");
        return TortureRun.Run(trouble, kills, TortureRun.Setting("GMF_TORTURE_SEED", Random.Shared.Next()),
            output.WriteLine);
    }
}
