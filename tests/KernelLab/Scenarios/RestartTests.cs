using GuestMemFs.KernelLab.Restarts;

namespace GuestMemFs.KernelLab.Scenarios;

/// <summary>The media side by side: <c>dotnet run -c Release --project tests/KernelLab -- restarts</c>.</summary>
public sealed class RestartTests(Lab lab)
{
    /// <summary>
    /// What the table prints beside it is the ratio of medians; the least of the runs are compared here, which a busy
    /// machine disturbs less.
    /// </summary>
    private const double MostGrowth = 1.3;

    [Fact(Explicit = true)]
    public void The_first_answer_does_not_come_later_with_more_data()
    {
        var measured = new RestartRun(RestartOptions.Current);
        RestartReport report = measured.Run(lab);

        Assert.True(measured.Failures.Count == 0, string.Join('\n', measured.Failures));
        Assert.All(RestartWay.All, way => Assert.InRange(report.Growth(way), 0, MostGrowth));
    }
}
