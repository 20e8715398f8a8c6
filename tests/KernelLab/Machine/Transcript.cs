using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace GuestMemFs.KernelLab.Machines;

/// <summary>
/// What the guest program told over the serial line: <c>NAME=VALUE</c> between STX and ETX. A kexec cuts a line off
/// anywhere, so only what both ends enclose counts. Names with a meaning here: <c>stage</c> (a boot: number, kernel,
/// boot id), <c>failed</c>, <c>done</c>, and <c>?</c>, which asks for what was told last under a name.
/// </summary>
internal sealed class Transcript(Func<string, string?> answer)
{
    private const char Begin = '\u0002', Close = '\u0003';
    private const int ConsoleLines = 60;
    private readonly List<(TimeSpan Time, string Name, string Value)> _told = [];
    private readonly List<string> _failures = [];
    private string _console = "";
    private string _errors = "";

    /// <summary>The start of the machine: what all times are counted from.</summary>
    public long Started { get; } = Stopwatch.GetTimestamp();

    /// <summary>What a machine inside counted, with the time when it was heard.</summary>
    public IReadOnlyList<(TimeSpan Time, uint Number)> Counted { get; set; } = [];

    /// <summary>From the start of the machine to its end.</summary>
    public TimeSpan Duration { get; private set; }

    /// <summary>The boots: number of the stage, kernel release, boot id.</summary>
    public IReadOnlyList<(string Number, string Release, string BootId)> Stages =>
        [.. All("stage").Select(stage => stage.Split(' ')).Select(parts => (parts[0], parts[1], parts[2]))];

    /// <summary>What the kernels wrote, all of it.</summary>
    public string Console => _console;

    /// <summary>What went wrong, in words; empty where nothing did.</summary>
    public IReadOnlyList<string> Failures => _failures;

    /// <summary>
    /// True where a kernel ended at a breakpoint of its own. A kernel that boots patches its code while its other
    /// processor runs it, by way of such breakpoints, and QEMU's translation (7.2, more than one thread) now and then
    /// runs one that is gone again. It says nothing of us, so the scenario is run again, and the list of times shows
    /// each run.
    /// </summary>
    public bool EmulatorTripped => _failures.Count > 0 && _console.Contains("Oops: int3", StringComparison.Ordinal);

    /// <summary>The last value told under a name, or null.</summary>
    public string? Find(string name)
    {
        lock (_told)
        {
            return _told.LastOrDefault(told => told.Name == name).Value;
        }
    }

    /// <summary>The last value told under a name; fails the test where there is none.</summary>
    public string Get(string name) => Find(name)
        ?? throw new InvalidOperationException($"The guest told no '{name}'. {Describe()}");

    public long Number(string name) => long.Parse(Get(name), CultureInfo.InvariantCulture);

    /// <summary>All values told under a name, in their order.</summary>
    public IReadOnlyList<string> All(string name)
    {
        lock (_told)
        {
            return [.. _told.Where(told => told.Name == name).Select(told => told.Value)];
        }
    }

    /// <summary>When something was told, each time.</summary>
    public IReadOnlyList<TimeSpan> TimesOf(string name)
    {
        lock (_told)
        {
            return [.. _told.Where(told => told.Name == name).Select(told => told.Time)];
        }
    }

    /// <summary>
    /// Fails the test, with all that is known, unless the scenario came to its end and found nothing wrong.
    /// </summary>
    public Transcript MustSucceed()
    {
        Assert.True(_failures.Count == 0, Describe());
        return this;
    }

    /// <summary>Takes a line in; gives the answer, where it was a question.</summary>
    public string? Add(string line)
    {
        int from = line.LastIndexOf(Begin), to = line.LastIndexOf(Close);
        if (from < 0 || to < from)
        {
            return null;
        }

        string[] parts = line[(from + 1)..to].Split('=', 2);
        (string name, string value) = (parts[0], parts.Length > 1 ? parts[1] : "");
        if (name == "?")
        {
            return answer(value) ?? Find(value) ?? "";
        }

        lock (_told)
        {
            _told.Add((Stopwatch.GetElapsedTime(Started), name, value));
        }

        if (name == "failed")
        {
            Fail(value);
        }

        return null;
    }

    public void Fail(string why) => _failures.Add(why);

    public void End(string errors, string console)
    {
        Duration = Stopwatch.GetElapsedTime(Started);
        _errors = errors;
        _console = console;
        foreach (string complaint in KernelComplaints.In(console))
        {
            Fail($"the kernel complained: {complaint}");
        }

        if (_failures.Count == 0 && Find("done") is null)
        {
            Fail("the machine ended before the scenario did");
        }
    }

    /// <summary>All that is known of a run.</summary>
    public string Describe()
    {
        var text = new StringBuilder();
        _failures.ForEach(failure => text.Append(CultureInfo.InvariantCulture, $"\nFAILED {failure}"));
        text.Append("\n--- told");
        lock (_told)
        {
            _told.ForEach(told => text.Append(CultureInfo.InvariantCulture,
                $"\n{told.Time.TotalSeconds,7:0.0}  {told.Name}={told.Value}"));
        }

        text.Append(CultureInfo.InvariantCulture, $"\n--- QEMU\n{_errors}");
        text.Append("\n--- the console's end\n").AppendJoin('\n', _console.Split('\n').TakeLast(ConsoleLines));
        return text.ToString();
    }

    /// <summary>The times of the stages, for people.</summary>
    public string Times()
    {
        lock (_told)
        {
            var stages = _told.Where(told => told.Name is "stage" or "done" or "time");
            return string.Join(", ", stages.Select(told => string.Create(CultureInfo.InvariantCulture,
                $"{Stage(told.Name, told.Value)} {told.Time.TotalSeconds:0.0}")));
        }
    }

    private static string Stage(string name, string value) => name switch
    {
        "stage" => "boot " + value.Split(' ')[1].Split('-', '+')[0],
        "time" => value,
        _ => "end",
    };
}
