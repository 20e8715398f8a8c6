using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace GuestMemFs.LiveUpdate.Tests;

/// <summary>The systemd units in src/Cli/systemd take away what their programs do not need.</summary>
public sealed partial class UnitTests
{
    [Theory]
    [InlineData("gmfs-hold.service", 2.0)] // of 10, as systemd-analyze counts
    [InlineData("kvstore-held.service", 2.0)]
    [InlineData("kvstore-systemd.service", 2.0)]
    [InlineData("kvstore.service", 2.0)]
    [InlineData("gmfs-machine@.service", 4.2)]
    [InlineData("gmfs-live-update.service", 4.4)]
    public void Its_exposure_is_low(string unit, double most)
    {
        string said = Analyzed(unit);

        Match exposure = Exposure().Match(said);
        Assert.True(exposure.Success, said);
        Assert.True(double.Parse(exposure.Groups[1].Value, CultureInfo.InvariantCulture) <= most, said);
    }

    /// <summary>What starts hypervisors cannot be closed as others are; each thing left open has its reason.</summary>
    [Theory]
    [InlineData("gmfs-machine@.service")]
    [InlineData("gmfs-live-update.service")]
    public void It_says_why_each_thing_that_is_left_open_is(string unit)
    {
        string[] reasons = [.. File.ReadLines(Path.Combine(Folder(), unit)).Where(line => line.StartsWith("# - "))];
        string[] open = [.. LeftOpen().Matches(Analyzed(unit)).Select(match => match.Groups[1].Value).Distinct()];

        Assert.InRange(open.Length, 5, 25);
        Assert.All(open, setting => Assert.Contains(reasons, reason => reason.Contains($"{setting}=")));
    }

    private static string Analyzed(string unit)
    {
        const string Analyze = "/usr/bin/systemd-analyze";
        Assert.SkipUnless(File.Exists(Analyze), "systemd-analyze is not there (package systemd)");
        string file = Path.Combine(Folder(), unit);
        var start = new ProcessStartInfo(Analyze, ["security", "--offline=true", "--no-pager", file])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        string said = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return said + process.StandardError.ReadToEnd();
    }

    [Fact]
    public void Every_unit_gains_no_privileges_and_what_runs_as_root_says_why()
    {
        string[] units = Directory.GetFiles(Folder(), "*.service");
        Assert.Equal(6, units.Length);
        foreach (string unit in units)
        {
            string[] lines = File.ReadAllLines(unit);
            Assert.Contains("NoNewPrivileges=yes", lines);
            bool dynamic = lines.Contains("DynamicUser=yes");
            bool reason = lines.Any(line => line.StartsWith("# Root, ", StringComparison.Ordinal));
            bool root = lines.Contains("User=root") && reason;
            Assert.True(dynamic ^ root, $"{unit}: neither a dynamic user nor root with a reason");
        }
    }

    [Fact]
    public void No_two_units_share_a_runtime_directory()
    {
        string[] directories = [.. Directory.GetFiles(Folder(), "*.service").SelectMany(File.ReadLines)
            .Where(line => line.StartsWith("RuntimeDirectory=", StringComparison.Ordinal))];
        Assert.NotEmpty(directories);
        Assert.Equal(directories.Distinct().Count(), directories.Length);
    }

    // systemd.exec(5): it lies in /run/private then, which is root's alone.
    [Fact]
    public void A_dynamic_users_runtime_directory_is_reached_by_the_other_units()
    {
        foreach (string unit in Directory.GetFiles(Folder(), "*.service"))
        {
            string[] lines = File.ReadAllLines(unit);
            bool preserved = lines.Any(line => line.StartsWith("RuntimeDirectoryPreserve=", StringComparison.Ordinal));
            Assert.False(preserved && lines.Contains("DynamicUser=yes"), unit);
        }
    }

    [GeneratedRegex("Overall exposure level for .*: ([0-9.]+) ")]
    private static partial Regex Exposure();

    [GeneratedRegex(@"^\s*✗ (\w+)=", RegexOptions.Multiline)]
    private static partial Regex LeftOpen();

    private static string Folder([CallerFilePath] string here = "") =>
        Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "src", "Cli", "systemd");
}
