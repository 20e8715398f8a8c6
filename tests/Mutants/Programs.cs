using System.Diagnostics;

namespace GuestMemFs.Mutants;

/// <summary>Runs programs.</summary>
internal static class Programs
{
    /// <summary>Runs a program to its end, and gives what it printed.</summary>
    public static string Run(string program, string folder, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{output}");
    }

    /// <summary>
    /// Runs tests in a <c>/dev/shm</c> and a <c>/proc</c> of their own where that can be had (as root), so that what a wrong library leaves behind is gone with them; gives the exit
    /// status, or null where they were ended after the time.
    /// </summary>
    public static int? RunTests(string folder, string program, IEnumerable<string> arguments, TimeSpan patience)
    {
        string[] own = Environment.IsPrivilegedProcess
            ? ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", "mount -t proc proc /proc && mount -t tmpfs -o size=8g tmpfs /dev/shm && exec \"$@\"", "sh"]
            : [];
        string[] line = [.. own, Path.Combine(folder, program), .. arguments];
        var start = new ProcessStartInfo(line[0], line[1..]) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        _ = WriteAsync(process.StandardOutput.BaseStream, LogIn(folder));
        _ = process.StandardError.BaseStream.CopyToAsync(Stream.Null);
        if (process.WaitForExit(patience))
        {
            return process.ExitCode;
        }

        process.Kill(entireProcessTree: true);
        process.WaitForExit();
        return null;
    }

    /// <summary>Where a run of tests says what it did.</summary>
    public static string LogIn(string folder) => Path.Combine(folder, "output.log");

    private static async Task WriteAsync(Stream output, string path)
    {
        using FileStream file = File.Create(path);
        await output.CopyToAsync(file).ConfigureAwait(false);
    }
}
