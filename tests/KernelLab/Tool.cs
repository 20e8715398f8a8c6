using System.Diagnostics;

namespace GuestMemFs.KernelLab;

/// <summary>Programs of this machine that are run to their end.</summary>
internal static class Tool
{
    private static readonly string[] s_systemFolders = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

    /// <summary>
    /// Runs one and gives what it printed. Throws <see cref="InvalidOperationException"/> with that where it failed or
    /// did not end in time.
    /// </summary>
    public static string Run(TimeSpan limit, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true,
            RedirectStandardError = true, RedirectStandardInput = true };
        // No compiler or build server is to outlive the tests.
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_NOLOGO"] = "1";
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(limit))
        {
            process.Kill(entireProcessTree: true);
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} took more than {limit}");
        }

        string text = output.Result + errors.Result;
        return process.ExitCode == 0 ? text : throw new InvalidOperationException(
            $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{text}");
    }

    /// <summary>A program's path, or null. The folders of administrators' programs are looked through too.</summary>
    public static string? Find(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Concat(s_systemFolders)
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);
}
