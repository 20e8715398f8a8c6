using System.Diagnostics;
using System.Globalization;

namespace GuestMemFs.Mutants;

/// <summary>Runs programs.</summary>
internal static class Programs
{
    private const string WritesTimes = "\"$@\"; status=$?; times >\"$0\"; exit $status";
    private const string InItsOwn = "mount -t proc proc /proc && mount -t tmpfs -o size=8g tmpfs /dev/shm\n"
        + WritesTimes;

    private static readonly TimeSpan s_looksEach = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_waitsForOutput = TimeSpan.FromMinutes(1);

    /// <summary>Runs a program to its end, and gives what it printed.</summary>
    public static string Run(string program, string folder, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = folder,
            RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException(
            $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{output}");
    }

    /// <summary>
    /// Runs tests in a <c>/dev/shm</c> and a <c>/proc</c> of their own where that can be had (as root), so that what a
    /// wrong library leaves behind is gone with them; gives the exit status, or null where they were ended: they had
    /// used more processor time than the limit, or nothing of them wanted to run any more.
    /// </summary>
    /// <param name="program">With its path.</param>
    /// <param name="arguments">Of the program.</param>
    /// <param name="variables">What its environment has besides.</param>
    /// <param name="log">Where its output is written.</param>
    /// <param name="limitSeconds">Of processor time.</param>
    public static (int? Status, double Used) RunTests(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> variables, string log,
        double limitSeconds)
    {
        string times = log + ".times";
        File.Delete(times);
        string[] own = Environment.IsPrivilegedProcess
            ? ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", InItsOwn, times]
            : ["sh", "-c", WritesTimes, times];
        string[] line = [.. own, program, .. arguments];
        ProcessStartInfo start = new(line[0], line[1..])
        {
            WorkingDirectory = Path.GetDirectoryName(program),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in variables)
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        Task written = WriteAsync(process.StandardOutput.BaseStream, log);
        _ = process.StandardError.BaseStream.CopyToAsync(Stream.Null);
        ProcessTree tree = new(process.Id);
        bool ended = true;
        while (ended && !process.WaitForExit(s_looksEach))
        {
            tree.Look();
            ended = tree.Used <= limitSeconds && !tree.IsStuck;
        }

        if (!ended)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }

        written.Wait(s_waitsForOutput);
        return (ended ? process.ExitCode : null, ended && File.Exists(times) ? SecondsIn(times) : tree.Used);
    }

    // The shell's children: the second line, as 0m1.234s for user and system.
    private static double SecondsIn(string times) => File.ReadAllLines(times)[1].Split(' ').Sum(time =>
    {
        string[] parts = time.TrimEnd('s').Split('m');
        return (60 * double.Parse(parts[0], CultureInfo.InvariantCulture))
            + double.Parse(parts[1], CultureInfo.InvariantCulture);
    });

    private static async Task WriteAsync(Stream output, string path)
    {
        using FileStream file = File.Create(path);
        await output.CopyToAsync(file).ConfigureAwait(false);
    }
}
