using System.Diagnostics;

namespace GuestMemFs.KernelLab.Guest;

/// <summary>The tool, as a process of its own.</summary>
internal static class Gmfs
{
    private const string Program = "/app/gmfs";
    private static readonly TimeSpan s_holdLimit = TimeSpan.FromMinutes(1);

    /// <summary>Runs it to its end; throws where that is not with the code. Gives what it printed.</summary>
    public static string Run(int code, params string[] arguments)
    {
        (int ended, string text) = Try(arguments);
        Stage.Check(ended == code, $"gmfs {string.Join(' ', arguments)} ended with {ended}, not {code}: {text}");
        return text;
    }

    /// <summary>Runs it to its end and gives its exit code and what it printed.</summary>
    public static (int Code, string Text) Try(params string[] arguments) =>
        Shell.Try(Program, arguments);

    /// <summary>Starts it; what it prints is told to the host as it comes, under a name.</summary>
    public static Process Start(Host host, string name, params string[] arguments)
    {
        Process process = Process.Start(new ProcessStartInfo(Program, arguments) { RedirectStandardError = true,
            RedirectStandardOutput = true })!;
        process.OutputDataReceived += (_, line) => host.Tell(name, line.Data ?? "");
        process.ErrorDataReceived += (_, line) => host.Tell(name, line.Data ?? "");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    /// <summary>Starts <c>gmfs hold</c>, and waits until it is there.</summary>
    public static Process Hold(string socket)
    {
        Process process = Process.Start(Program, ["hold", "--socket", socket]);
        long since = Stopwatch.GetTimestamp();
        while (!File.Exists(socket))
        {
            Stage.Check(!process.HasExited && Stopwatch.GetElapsedTime(since) < s_holdLimit,
                $"gmfs hold did not start at {socket}");
            Thread.Sleep(20);
        }

        return process;
    }
}
