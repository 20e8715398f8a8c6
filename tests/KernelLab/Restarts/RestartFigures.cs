using System.Globalization;
using System.Text.RegularExpressions;
using GuestMemFs.KernelLab.Machines;

namespace GuestMemFs.KernelLab.Restarts;

/// <summary>What one medium's machine told with so much data. All times in milliseconds.</summary>
internal sealed partial class RestartFigures(string medium, long size, Transcript run)
{
    private IReadOnlyList<double>? _preserved;

    public string Medium => medium;

    public long Size => size;

    /// <summary>From the start of the process to its first right answer: "killed" or "kexec".</summary>
    public IReadOnlyList<double> First(string end) => Times(end);

    /// <summary>The same on an empty arena, which is made for it.</summary>
    public IReadOnlyList<double> Empty => Times("empty start");

    /// <summary>The mount, or the restore from the kernel, under each next kernel.</summary>
    public IReadOnlyList<double> Reached => [.. Times("reached").Skip(1)];

    /// <summary>The start of <c>gmfs hold</c> under each next kernel.</summary>
    public IReadOnlyList<double> HolderStarted => [.. Times("holder started").Skip(1)];

    /// <summary>The restore from the kernel with the first answer after it.</summary>
    public IReadOnlyList<double> FirstWithRestore =>
        [.. Reached.Zip(First("kexec"), (reached, first) => reached + first)];

    /// <summary>Before each kexec: how long the kernel took to preserve the memory.</summary>
    public IReadOnlyList<double> Preserved => _preserved ??= [.. run.All("step").Select(step =>
        PreservedStep().Match(step)).Where(match => match.Success).Select(match =>
            Number(match.Groups[1].Value.Replace(",", "", StringComparison.Ordinal)))];

    /// <summary>The attach itself, as the server tells, of its restarts.</summary>
    public IReadOnlyList<double> Attached => [.. Times("attached in").Skip(1)];

    /// <summary>All of the machine.</summary>
    public TimeSpan Took => run.Duration;

    /// <summary>Filling it.</summary>
    public double Loaded => Times("loaded").FirstOrDefault();

    /// <summary>What went wrong in the machine, null where nothing did.</summary>
    public string? Failure => run.Failures.Count > 0 ? run.Describe() : null;

    private double[] Times(string name) => [.. run.All(name).Select(Number)];

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^kvstore: preserved \(([\d,]+) ms\)")]
    private static partial Regex PreservedStep();
}
