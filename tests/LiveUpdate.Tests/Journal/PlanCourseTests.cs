using GuestMemFs.LiveUpdate.Journal;

namespace GuestMemFs.LiveUpdate.Tests.Journal;

/// <summary>The course of a plan: which phase follows which (docs/live-update-plan.md has the picture).</summary>
public sealed class PlanCourseTests
{
    private static readonly string[] s_ways =
    [
        "Planned Saving", "Planned Aborting",
        "Saving Entering", "Saving Resuming", "Saving Aborting",
        "Entering Saving", "Entering Resuming", "Entering Aborting",
        "Resuming Done",
        "Aborting Aborted",
    ];

    [Fact]
    public void A_phase_follows_only_those_of_the_picture()
    {
        PlanPhase[] phases = Enum.GetValues<PlanPhase>();

        var ways = from before in phases from after in phases
                   where before != after && PlanCourse.MayFollow(before, after)
                   select $"{before} {after}";

        Assert.Equal(s_ways.Order(StringComparer.Ordinal), ways.Order(StringComparer.Ordinal));
        Assert.All(phases, phase => Assert.True(PlanCourse.MayFollow(phase, phase)));
    }

    [Theory]
    [InlineData(PlanPhase.Planned, true)]
    [InlineData(PlanPhase.Done, true)]
    [InlineData(PlanPhase.Aborted, true)]
    [InlineData(PlanPhase.Saving, false)]
    [InlineData(PlanPhase.Entering, false)]
    [InlineData(PlanPhase.Resuming, false)]
    [InlineData(PlanPhase.Aborting, false)]
    public void A_plan_begins_where_the_one_before_is_over(PlanPhase before, bool begins)
    {
        Assert.Equal(begins, PlanCourse.MayFollow(Record(before), Record(PlanPhase.Planned)));
        Assert.False(PlanCourse.MayFollow(Record(before), Record(PlanPhase.Saving)));
        Assert.True(PlanCourse.MayFollow(null, Record(PlanPhase.Planned)));
    }

    private static PlanRecord Record(PlanPhase phase) => new()
    {
        Id = Guid.NewGuid(),
        BootId = Guid.NewGuid(),
        Phase = phase,
        Plan = new LiveUpdatePlan { Arena = "/nowhere", Kernel = new KernelSettings { Image = "/nowhere" } },
        Participants = [],
    };
}
