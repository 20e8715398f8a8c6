using System.Diagnostics;
using System.Globalization;
using GuestMemFs.KernelLab.Machines;
using GuestMemFs.KernelLab.Restarts;

namespace GuestMemFs.KernelLab.Scenarios;

/// <summary>The media side by side: <c>dotnet run -c Release --project tests/KernelLab -- restarts</c>.</summary>
public sealed class RestartTests(Lab lab)
{
    private const double Quiet = 3.5; // A load of two is the machine under measurement.

    /// <summary>What the table prints beside it is the ratio of medians; the least of the runs are compared here, which a busy machine disturbs less.</summary>
    private const double MostGrowth = 1.3;

    [Fact(Explicit = true)]
    public void The_first_answer_does_not_come_later_with_more_data()
    {
        RestartOptions options = RestartOptions.Current;
        long started = Stopwatch.GetTimestamp();
        DateTime date = DateTime.UtcNow;
        var loads = new List<double>();
        var figures = new List<RestartFigures>();
        foreach (long size in options.Sizes)
        {
            foreach (RestartMachine machine in RestartMachine.All)
            {
                Transcript run = lab.Run(machine.Boot(size, options), "restarts");
                loads.Add(Load());
                figures.Add(new RestartFigures(machine.Medium, size, run));
                TestContext.Current.SendDiagnosticMessage(FormattableString.Invariant($"{machine.Medium}, {RestartOptions.Name(size)}: {run.Duration.TotalSeconds:0} s, of which loading {figures[^1].Loaded / 1000:0.0}, load {loads[^1]:0.0}"));
                Report().Write(docs: false); // A run that is ended early leaves what it has.
            }
        }

        RestartReport report = Report();
        bool whole = figures.All(one => one.Failure is null);
        report.Write(options.Docs && whole);

        Assert.True(whole, string.Join('\n', figures.Select(one => one.Failure).OfType<string>()));
        Assert.All(RestartWay.All, way => Assert.InRange(report.Growth(way), 0, MostGrowth));

        RestartReport Report() => new(options.Sizes, figures, Circumstances(date, Stopwatch.GetElapsedTime(started), loads));
    }

    private static string Circumstances(DateTime date, TimeSpan took, List<double> all)
    {
        double[] loads = [.. all.Order()];
        double median = loads[loads.Length / 2];
        string busy = median > Quiet ? " **The machine was busy with other work: a trial.**" : "";
        return string.Create(CultureInfo.InvariantCulture, $"Measured on {date:yyyy-MM-dd} from {date:HH:mm} UTC in {took.TotalMinutes:0} minutes, at a load of {median:0.0} ({loads[0]:0.0}–{loads[^1]:0.0}) on two cores, the measured machine's own included.{busy}\n");
    }

    private static double Load() => double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture);
}
