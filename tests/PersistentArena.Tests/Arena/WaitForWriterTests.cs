using System.Diagnostics;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Arena;

/// <summary>A writer that waits for the one before it.</summary>
public sealed class WaitForWriterTests
{
    private static readonly TimeSpan s_long = Patience.Limit;

    public static TheoryData<string> Media => ["directory", "tmpfs", "strict"];

    [Theory, MemberData(nameof(Media))]
    public async Task It_attaches_when_the_writer_closes(string kind)
    {
        using TestMedium medium = TestMedia.Create(kind);
        PersistentArena first = PersistentArena.Create(On(medium));
        Task<PersistentArena> second = Task.Run(() => PersistentArena.Open(On(medium, s_long)));
        await Task.Delay(100, TestContext.Current.CancellationToken);
        Assert.False(second.IsCompleted);

        first.Dispose();

        using PersistentArena arena = await second.WaitAsync(s_long, TestContext.Current.CancellationToken);
        Assert.Equal((AttachKind.Warm, 2UL), (arena.AttachReport.Kind, arena.Epoch));
        AttachStep step = Assert.Single(arena.AttachReport.Steps, step => step.Name == "lock");
        Assert.True(step.Duration >= TimeSpan.FromMilliseconds(50), $"{step.Duration}");
    }

    [Fact]
    public void When_the_time_is_over_it_says_who_has_it_and_how_long_it_waited()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena first = PersistentArena.Create(On(medium));
        var wait = TimeSpan.FromMilliseconds(150);
        long start = Stopwatch.GetTimestamp();

        var e = Assert.Throws<ArenaInUseException>(() => PersistentArena.OpenOrCreate(On(medium, wait)));

        Assert.InRange(Stopwatch.GetElapsedTime(start), wait, s_long);
        Assert.Equal((Environment.ProcessId, wait), (e.ProcessId, e.Waited));
        Assert.Contains("in the 0.15 s that were waited", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_many_that_wait_one_after_the_other_gets_it()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        PersistentArena first = PersistentArena.Create(On(medium));
        Task<ulong>[] waiting = [.. Enumerable.Range(0, 5).Select(_ => Task.Factory.StartNew(
            () =>
            {
                using PersistentArena arena = PersistentArena.Open(On(medium, s_long));
                return arena.Epoch;
            },
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default))];

        first.Dispose();

        ulong[] epochs = await Task.WhenAll(waiting);
        Assert.Equal<ulong>([2, 3, 4, 5, 6], epochs.Order());
    }

    [Fact]
    public async Task Many_that_would_make_it_make_one()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Task<(Guid Id, ulong Epoch)>[] waiting = [.. Enumerable.Range(0, 5).Select(_ => Task.Factory.StartNew(
            () =>
            {
                using PersistentArena arena = PersistentArena.OpenOrCreate(On(medium, s_long));
                return (arena.Id, arena.Epoch);
            },
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default))];

        (Guid Id, ulong Epoch)[] got = await Task.WhenAll(waiting);

        Assert.Single(got.Select(it => it.Id).Distinct());
        Assert.Equal<ulong>([1, 2, 3, 4, 5], got.Select(it => it.Epoch).Order());
    }

    [Fact]
    public async Task A_file_that_was_moved_away_meanwhile_is_not_taken()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        PersistentArena first = PersistentArena.Create(On(medium));
        Task<PersistentArena> second = Task.Run(() => PersistentArena.OpenOrCreate(On(medium, s_long)));
        await Task.Delay(100, TestContext.Current.CancellationToken);

        File.Delete(Path.Combine(medium.Directory!, "arena.meta"));
        first.Dispose();

        using PersistentArena arena = await second.WaitAsync(s_long, TestContext.Current.CancellationToken);
        Assert.Equal((AttachKind.Fresh, 1UL), (arena.AttachReport.Kind, arena.Epoch));
        Assert.NotEqual(first.Id, arena.Id);
        Assert.Null(arena.CheckFiles());
    }

    [Fact]
    public void A_time_below_zero_is_refused()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");

        Assert.Throws<ArgumentOutOfRangeException>(() => PersistentArena.Create(On(medium, TimeSpan.FromSeconds(-1))));
    }

    private static ArenaOptions On(TestMedium medium, TimeSpan wait = default)
    {
        ArenaOptions options = ArenaTest.On(medium);
        options.WaitForWriter = wait;
        return options;
    }
}
