using System.Diagnostics;

namespace GuestMemFs.KernelLab.Guest.Inner;

/// <summary>The tool, as a process of its own. What it prints goes through a file: QEMU, which it starts and leaves, would keep a pipe open.</summary>
internal static class Gmfs
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(4);

    /// <summary>Runs it; throws where it did not end with the code. Gives what it printed.</summary>
    public static string Run(int code, params string[] arguments)
    {
        (int ended, string text) = Try("/app/gmfs.dll", arguments);
        Stage.Check(ended == code, $"gmfs {string.Join(' ', arguments)} ended with {ended}, not {code}: {text}");
        return text;
    }

    /// <summary>Runs a program of ours and gives its exit code (137: ended by SIGKILL) and what it printed.</summary>
    public static (int Code, string Text) Try(string program, params string[] arguments)
    {
        string printed = Path.GetTempFileName();
        string command = $"dotnet {program} {string.Join(' ', arguments.Select(argument => $"'{argument}'"))} >{printed} 2>&1 </dev/null";
        using Process process = Process.Start("sh", ["-c", command]);
        if (!process.WaitForExit(s_limit))
        {
            process.Kill(entireProcessTree: true);
            throw new ScenarioException($"{command} did not end: {File.ReadAllText(printed)}");
        }

        string text = File.ReadAllText(printed).Trim();
        File.Delete(printed);
        return (process.ExitCode, text);
    }
}
