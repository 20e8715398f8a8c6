using System.Diagnostics;

namespace GuestMemFs.CrashLab.Damage;

/// <summary>
/// A child process that tries damages, since a wild pointer ends a process; watched, that each trial comes to an end
/// within five seconds of processor time.
/// </summary>
internal static class DamageChild
{
    /// <summary>
    /// Processor time of one trial above which it hangs; the wall clock of a busy machine says little.
    /// </summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(5);

    /// <summary>One that waits uses no processor: a busy machine leaves nobody alone for so long.</summary>
    private static readonly TimeSpan s_deadlock = TimeSpan.FromMinutes(1);

    /// <summary>Runs this program once more, to its end; says how that was, where it was none.</summary>
    /// <param name="arguments">Its command line.</param>
    /// <param name="progress">Another number for each trial; 0 where none is under way.</param>
    /// <param name="line">Given each line of its output.</param>
    public static string? Run(string[] arguments, Func<long> progress, Action<string> line)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!) { RedirectStandardOutput = true,
            RedirectStandardError = true, UseShellExecute = false };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(DamageChild).Assembly.Location);
        }

        Array.ForEach(arguments, start.ArgumentList.Add);
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        // one that is killed leaves nothing in the folder for temporary files
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        start.Environment["DOTNET_TieredCompilation"] = "0"; // the same code a hundred thousand times
        start.Environment["DOTNET_gcConcurrent"] = "0";
        using Process child = Process.Start(start)!;
        child.ErrorDataReceived += (_, _) => { };
        child.BeginErrorReadLine();
        bool hung = false;
        long watched = -1;
        TimeSpan since = default;
        Stopwatch still = Stopwatch.StartNew();
        using Timer watch = new(_ =>
        {
            try
            {
                long at = progress();
                TimeSpan used = child.TotalProcessorTime;
                if (at != watched)
                {
                    (watched, since) = (at, used);
                    still.Restart();
                }
                else if (at > 0 && (used - since > s_limit || still.Elapsed > s_deadlock))
                {
                    hung = true;
                    child.Kill();
                }
            }
            catch (Exception error) when (error is InvalidOperationException or System.ComponentModel.Win32Exception)
            {
                // It has ended between two looks.
            }
        }, null, 250, 250);
        while (child.StandardOutput.ReadLine() is { } text)
        {
            line(text);
        }

        child.WaitForExit();
        return hung ? "hangs" : child.ExitCode != 0 ? $"ended the process with {child.ExitCode}" : null;
    }
}
