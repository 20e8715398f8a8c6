using System.Diagnostics;

namespace GuestMemFs.KernelLab.Guest;

/// <summary>Programs of the machine, run to their end.</summary>
internal static class Shell
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    /// <summary>Runs one and gives what it printed; throws with that where it failed.</summary>
    public static string Run(string program, params string[] arguments)
    {
        (int code, string text) = Try(program, arguments);
        return code == 0 ? text
            : throw new ScenarioException($"{program} {string.Join(' ', arguments)} ended with {code}: {text}");
    }

    /// <summary>Runs one and gives its exit code and what it printed.</summary>
    public static (int Code, string Text) Try(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true,
            RedirectStandardError = true })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(s_limit))
        {
            process.Kill();
            throw new ScenarioException($"{program} {string.Join(' ', arguments)} did not end");
        }

        return (process.ExitCode, (output.Result + errors.Result).Trim());
    }
}
