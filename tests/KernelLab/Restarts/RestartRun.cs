using System.Diagnostics;
using System.Globalization;
using GuestMemFs.KernelLab.Machines;

namespace GuestMemFs.KernelLab.Restarts;

/// <summary>
/// All of the comparison's machines, one after the other: the least data, the most, and then what is between, which can
/// be done without best.
/// </summary>
internal sealed class RestartRun(RestartOptions options)
{
    private const double Quiet = 3.5; // A load of two is the machine under measurement.
    private readonly DateTime _date = DateTime.UtcNow;
    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly List<RestartFigures> _figures = [];
    private readonly List<double> _loads = [];
    private readonly List<long> _leftOut = [];

    /// <summary>What went wrong, machine by machine.</summary>
    public IReadOnlyList<string> Failures => [.. _figures.Select(one => one.Failure).OfType<string>()];

    /// <summary>
    /// Runs it; the report is written after each machine, and at the end into the documentation, where that was asked
    /// for and nothing went wrong.
    /// </summary>
    public RestartReport Run(Lab lab)
    {
        foreach (long size in options.Sizes.Take(1).Concat(options.Sizes.Skip(1).Reverse()))
        {
            if (Stopwatch.GetElapsedTime(_started) + Expected(size) > options.Time)
            {
                _leftOut.Add(size);
                continue;
            }

            foreach (RestartMachine machine in RestartMachine.All)
            {
                Transcript run = lab.Run(machine.Boot(size, options), "restarts");
                _loads.Add(Load());
                _figures.Add(new RestartFigures(machine.Medium, size, run));
                TestContext.Current.SendDiagnosticMessage(string.Create(CultureInfo.InvariantCulture,
                    $"{machine.Medium}, {RestartOptions.Name(size)}: {run.Duration.TotalSeconds:0} s, of which " +
                    $"loading {_figures[^1].Loaded / 1000:0.0}, load {_loads[^1]:0.0}"));
                Report().Write(docs: false); // A run that is ended early leaves what it has.
            }
        }

        RestartReport report = Report();
        report.Write(options.Docs && Failures.Count == 0);
        return report;
    }

    /// <summary>
    /// How long a size will take: as the one before, and loading as much longer as there is more to load, or shorter.
    /// </summary>
    private TimeSpan Expected(long size)
    {
        if (_figures.Count == 0)
        {
            return TimeSpan.Zero;
        }

        long last = _figures[^1].Size;
        IEnumerable<RestartFigures> before = _figures.Where(one => one.Size == last);
        return TimeSpan.FromMilliseconds(before.Sum(one => one.Took.TotalMilliseconds)
            + (before.Sum(one => one.Loaded) * ((double)size / Math.Max(last, 1 << 20) - 1)));
    }

    private RestartReport Report() => new([.. options.Sizes.Except(_leftOut)], _figures, Circumstances());

    private string Circumstances()
    {
        double[] loads = [.. _loads.Order()];
        double median = loads[loads.Length / 2];
        string left = _leftOut.Count == 0 ? ""
            : " Left out, because there was no " +
                $"time: {string.Join(", ", _leftOut.Order().Select(RestartOptions.Name))}.";
        string busy = median > Quiet ? " **The machine was busy with other work: a trial.**" : "";
        return string.Create(CultureInfo.InvariantCulture,
            $"Measured on {_date:yyyy-MM-dd} from {_date:HH:mm} UTC " +
            $"in {Stopwatch.GetElapsedTime(_started).TotalMinutes:0} minutes, at a load of {median:0.0} " +
            $"({loads[0]:0.0}–{loads[^1]:0.0}) on two cores, the measured machine's own included.{left}{busy}\n");
    }

    private static double Load() => double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0],
        CultureInfo.InvariantCulture);
}
