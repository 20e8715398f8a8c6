using GuestMemFs.Tests.Infrastructure;
using static GuestMemFs.Tests.Arena.ArenaTest;

namespace GuestMemFs.Tests.Arena;

/// <summary>Writers that end early, one after the other.</summary>
public sealed class CrashLoopTests
{
    private const int Limit = 3;

    public static TheoryData<string> Media => TestMedia.Cheap;

    [Theory, MemberData(nameof(Media))]
    public void Early_ends_in_a_row_are_counted_and_told_from_the_limit_on(string kind)
    {
        using TestMedium medium = TestMedia.Create(kind);
        PersistentArena.Create(Options(medium)).Abandon();
        for (int ends = 1; ends < 6; ends++)
        {
            medium.SimulateProcessDeath();
            PersistentArena arena = PersistentArena.Open(Options(medium));
            Assert.Equal(ends, arena.AttachReport.EarlyEnds);
            Assert.Equal(ends >= Limit, arena.AttachReport.Reasons.Any(it => it.Code == ReasonCodes.EarlyEnds));
            arena.Abandon();
        }
    }

    [Fact]
    public void A_clean_close_ends_the_row()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        End(medium, Limit);

        PersistentArena.Open(Options(medium)).Dispose();

        using PersistentArena arena = PersistentArena.Open(Options(medium));
        Assert.Equal(0, arena.AttachReport.EarlyEnds);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_long_life_ends_the_row_and_a_short_one_does_not(bool byTimer)
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        End(medium, Limit);
        var time = new SteppedTime();
        ArenaOptions options = Options(medium);
        options.TimeProvider = time;

        PersistentArena first = PersistentArena.Open(options);
        time.Step(TimeSpan.FromSeconds(59), fire: false);
        first.CheckFiles();
        first.Abandon();
        options.Medium = medium.Open();
        PersistentArena second = PersistentArena.Open(options);
        Assert.Equal(Limit + 1, second.AttachReport.EarlyEnds);
        time.Step(TimeSpan.FromSeconds(61), byTimer);
        if (!byTimer)
        {
            second.CheckFiles();
        }

        second.Abandon();
        using PersistentArena third = PersistentArena.Open(Options(medium));
        Assert.Equal(0, third.AttachReport.EarlyEnds);
    }

    [Fact]
    public void Set_aside_is_moved_and_a_new_one_is_made()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Guid id = End(medium, Limit);
        ArenaOptions options = Options(medium, CrashLoopAction.SetAside);

        using (PersistentArena arena = PersistentArena.OpenOrCreate(options))
        {
            Assert.Equal((AttachKind.Fresh, 0), (arena.AttachReport.Kind, arena.ListRegions().Count));
            Assert.Contains(arena.AttachReport.Reasons, it => it.Code == ReasonCodes.CrashLoopSetAside);
            Assert.NotEqual(id, arena.Id);
        }

        string aside = Assert.Single(Directory.GetDirectories(medium.Directory!));
        Assert.StartsWith($"aside-{id:N}-", Path.GetFileName(aside), StringComparison.Ordinal);
        using PersistentArena old = PersistentArena.Open(new ArenaOptions { Directory = aside });
        Assert.Equal(id, old.Id);
        using PersistentRegion region = old.OpenRegion("data");
        AssertFilled(region, 1);
        using PersistentArena again = PersistentArena.OpenOrCreate(Options(medium, CrashLoopAction.SetAside));
        Assert.Equal(AttachKind.Warm, again.AttachReport.Kind);
    }

    [Fact]
    public void A_move_that_was_interrupted_goes_on_into_the_same_directory()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Guid id = End(medium, Limit);
        string aside = Path.Combine(medium.Directory!, $"aside-{id:N}-{Limit}");
        Directory.CreateDirectory(aside);
        File.Move(Path.Combine(medium.Directory!, "extent-1"), Path.Combine(aside, "extent-1"));

        using PersistentArena arena = PersistentArena.OpenOrCreate(Options(medium, CrashLoopAction.SetAside));

        Assert.Equal(AttachKind.Fresh, arena.AttachReport.Kind);
        Assert.Equal(aside, Assert.Single(Directory.GetDirectories(medium.Directory!)));
        using PersistentArena old = PersistentArena.Open(new ArenaOptions { Directory = aside });
        using PersistentRegion region = old.OpenRegion("data");
        AssertFilled(region, 1);
    }

    [Theory]
    [InlineData("tmpfs", false)]
    [InlineData("memfd", true)]
    [InlineData("strict", true)]
    public void Where_it_cannot_be_set_aside_it_is_refused_and_left(string kind, bool mayCreate)
    {
        using TestMedium medium = TestMedia.Create(kind);
        Guid id = End(medium, Limit);
        ArenaOptions options = Options(medium, CrashLoopAction.SetAside);

        var e = Assert.Throws<ArenaCrashLoopException>(
            () => mayCreate ? PersistentArena.OpenOrCreate(options) : PersistentArena.Open(options));

        Assert.Equal((ReasonCodes.CrashLoop, Limit), (e.ReasonCode, e.EarlyEnds));
        medium.SimulateProcessDeath();
        using PersistentArena arena = PersistentArena.Open(Options(medium));
        Assert.Equal(id, arena.Id);
        using PersistentRegion region = arena.OpenRegion("data");
        AssertFilled(region, 1);
    }

    [Theory, MemberData(nameof(Media))]
    public void Opened_read_only_it_is_readable_and_nothing_changes_it(string kind)
    {
        using TestMedium medium = TestMedia.Create(kind);
        Guid id = End(medium, Limit);

        using (PersistentArena arena = PersistentArena.OpenOrCreate(Options(medium, CrashLoopAction.OpenReadOnly)))
        {
            Assert.Equal((AttachKind.Reader, true, id), (arena.AttachReport.Kind, arena.IsReadOnly, arena.Id));
            Assert.Contains(arena.AttachReport.Reasons, it => it.Code == ReasonCodes.CrashLoopReadOnly);
            using PersistentRegion region = arena.OpenOrGrowRegion("data", 8 * MiB);
            Assert.Equal(4 * MiB, region.Length);
            AssertFilled(region, 1);
            Assert.Throws<ArenaReadOnlyException>(() => arena.CreateRegion("more", 4 * MiB));
        }

        using PersistentArena writer = PersistentArena.Open(Options(medium));
        Assert.Equal(Limit, writer.AttachReport.EarlyEnds);
    }

    [Fact]
    public void A_limit_that_cannot_be_is_refused()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        ArenaOptions options = Options(medium);
        options.CrashLoop = new CrashLoopPolicy { Limit = 1 };

        Assert.Throws<ArgumentOutOfRangeException>(() => PersistentArena.Create(options));
    }

    /// <summary>An arena with a filled region, whose last so many writers ended early.</summary>
    private static Guid End(TestMedium medium, int times)
    {
        Guid id;
        using (PersistentArena arena = PersistentArena.Create(Options(medium)))
        {
            id = arena.Id;
            using PersistentRegion region = arena.CreateRegion("data", 4 * MiB);
            Fill(region, 1);
            arena.Abandon();
        }

        medium.SimulateProcessDeath();
        for (int i = 1; i < times; i++)
        {
            PersistentArena.Open(Options(medium)).Abandon();
            medium.SimulateProcessDeath();
        }

        return id;
    }

    private static ArenaOptions Options(TestMedium medium, CrashLoopAction action = CrashLoopAction.Report)
    {
        ArenaOptions options = On(medium);
        options.CrashLoop = new CrashLoopPolicy { Limit = Limit, Action = action };
        return options;
    }

    /// <summary>Stands still, but for steps; timers fire only when they are told to.</summary>
    private sealed class SteppedTime : TimeProvider
    {
        private readonly List<Timer> _timers = [];
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new Timer(() => callback(state));
            _timers.Add(timer);
            return timer;
        }

        public void Step(TimeSpan by, bool fire)
        {
            _now += by.Ticks;
            foreach (Timer timer in fire ? _timers : [])
            {
                timer.Fire();
            }
        }

        private sealed class Timer(Action fire) : ITimer
        {
            public void Fire() => fire();

            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
