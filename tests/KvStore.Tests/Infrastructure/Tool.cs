using System.Diagnostics;
using KvStore.Demo;

namespace KvStore.Tests.Infrastructure;

/// <summary>
/// Programs that tests use where they are installed; where not, the test is skipped and says what it lacked.
/// </summary>
internal static class Tool
{
    /// <summary>The program's path; skips the test where there is none.</summary>
    public static string Require(string name)
    {
        string? path = ServerProgram.Find(name);
        Assert.SkipWhen(path is null, $"{name} is not installed (not on PATH), so what it would show was not tested.");
        return path!;
    }

    /// <summary>
    /// Runs a program to its end and returns its exit code and all that it wrote; kills it after the time limit.
    /// </summary>
    public static (int ExitCode, string Output, string Error) Run(
        string path, IEnumerable<string> arguments, byte[]? input = null,
        IReadOnlyDictionary<string, string>? environment = null, int seconds = 60)
    {
        var start = new ProcessStartInfo(path, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        process.StandardInput.BaseStream.Write(input ?? []);
        process.StandardInput.Close();
        if (!process.WaitForExit(TimeSpan.FromSeconds(seconds)))
        {
            process.Kill();
            process.WaitForExit();
            Assert.Fail($"{path} did not end within {seconds} s. It wrote:\n{output.Result}\n{error.Result}");
        }

        return (process.ExitCode, output.Result, error.Result);
    }
}
