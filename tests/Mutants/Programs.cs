using System.Diagnostics;

namespace GuestMemFs.Mutants;

/// <summary>Runs programs.</summary>
internal static class Programs
{
    private const string InItsOwn =
        "mount -t proc proc /proc && mount -t tmpfs -o size=8g tmpfs /dev/shm && exec \"$@\"";

    private static readonly TimeSpan s_looksEach = TimeSpan.FromMilliseconds(500);
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
    public static (int? Status, double Used) RunTests(
        string folder, string program, IEnumerable<string> arguments, double limit)
    {
        string[] own = Environment.IsPrivilegedProcess
            ? ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", InItsOwn, "sh"]
            : [];
        string[] line = [.. own, Path.Combine(folder, program), .. arguments];
        ProcessStartInfo start = new(line[0], line[1..])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task written = WriteAsync(process.StandardOutput.BaseStream, LogIn(folder));
        _ = process.StandardError.BaseStream.CopyToAsync(Stream.Null);
        ProcessTree tree = new(process.Id);
        while (!process.WaitForExit(s_looksEach))
        {
            tree.Look();
            if (tree.Used > limit || tree.IsStuck)
            {
                process.Kill(entireProcessTree: true);
                process.WaitForExit();
                written.Wait(s_waitsForOutput);
                return (null, tree.Used);
            }
        }

        written.Wait(s_waitsForOutput);
        return (process.ExitCode, tree.Used);
    }

    /// <summary>Where a run of tests says what it did.</summary>
    public static string LogIn(string folder) => Path.Combine(folder, "output.log");

    private static async Task WriteAsync(Stream output, string path)
    {
        using FileStream file = File.Create(path);
        await output.CopyToAsync(file).ConfigureAwait(false);
    }
}
