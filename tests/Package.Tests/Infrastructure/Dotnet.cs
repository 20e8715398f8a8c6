using System.Diagnostics;

namespace GuestMemFs.PackageTests.Infrastructure;

/// <summary>The <c>dotnet</c> command as a user runs it.</summary>
internal static class Dotnet
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    /// <summary>Runs it to its end and gives what it printed; fails the test with that where it failed.</summary>
    public static Task<string> Run(string directory, params string[] arguments) =>
        Run(directory, new Dictionary<string, string>(), arguments);

    public static async Task<string> Run(
        string directory, Dictionary<string, string> environment, params string[] arguments)
    {
        (int exitCode, string text) = await TryRun(directory, environment, arguments);
        Assert.True(exitCode == 0, $"dotnet {string.Join(' ', arguments)} ended with {exitCode}:\n{text}");
        return text;
    }

    /// <summary>Runs it to its end and gives the exit code and what it printed.</summary>
    public static async Task<(int ExitCode, string Text)> TryRun(
        string directory, Dictionary<string, string> environment, params string[] arguments)
    {
        // No compiler or build server is to outlive the tests.
        ProcessStartInfo start = Start("dotnet", directory, arguments);
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["UseSharedCompilation"] = "false";
        start.Environment["DOTNET_NOLOGO"] = "1";
        // The SDK leaves empty directories where it has its temporary files.
        DirectoryInfo scratch = Directory.CreateTempSubdirectory("gmf-package-tests-");
        start.Environment["TMPDIR"] = scratch.FullName;
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        try
        {
            return await Run(start, arguments);
        }
        finally
        {
            scratch.Delete(recursive: true);
        }
    }

    private static async Task<(int ExitCode, string Text)> Run(ProcessStartInfo start, string[] arguments)
    {
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(s_limit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"dotnet {string.Join(' ', arguments)} took more than {s_limit}");
        }

        return (process.ExitCode, await output + await errors);
    }

    public static ProcessStartInfo Start(string program, string directory, params string[] arguments) =>
        new(program, arguments)
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // One that is killed would leave a socket in the folder for temporary files.
            Environment = { ["DOTNET_EnableDiagnostics"] = "0" },
        };
}
