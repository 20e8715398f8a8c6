using System.Diagnostics;
using GuestMemFs.PackageTests.Infrastructure;

namespace GuestMemFs.PackageTests;

/// <summary><c>gmfs</c> as a user gets it: packed, installed as a tool, run.</summary>
[Trait("Category", "Package")]
public sealed class ToolTests
{
    [Fact]
    public async Task The_tool_installs_from_its_package_and_runs()
    {
        using var folder = new TemporaryDirectory();
        await Dotnet.Run(Repository.Root, "pack", Path.Combine("src", "Cli"), "-c", "Release", "-o", folder["packages"],
            "-v", "quiet", "-nologo");
        await Dotnet.Run(folder.Path, "tool", "install", "GuestMemFs.Cli", "--tool-path", folder["tools"], "--source",
            folder["packages"]);

        Assert.Contains("Made arena", await Gmfs(folder, "create", "-a", folder["arena"]), StringComparison.Ordinal);
        Assert.Contains("Made region carts", await Gmfs(folder, "create", "carts", "4M", "-a", folder["arena"]),
            StringComparison.Ordinal);
        Assert.Contains("nothing is wrong", await Gmfs(folder, "check", "--deep", "-a", folder["arena"]),
            StringComparison.Ordinal);
    }

    private static async Task<string> Gmfs(TemporaryDirectory folder, params string[] arguments)
    {
        using Process process = Process.Start(Dotnet.Start(Path.Combine(folder["tools"], "gmfs"), folder.Path,
            arguments))!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        string text = await output + await errors;
        Assert.True(process.ExitCode == 0, text);
        return text;
    }
}
