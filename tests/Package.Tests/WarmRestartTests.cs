using System.Globalization;
using System.Text.RegularExpressions;
using GuestMemFs.PackageTests.Infrastructure;

namespace GuestMemFs.PackageTests;

/// <summary>
/// A user's project gets the packed file from a folder, stores, is killed, and finds its data. The programs are the
/// README's.
/// </summary>
[Trait("Category", "Package")]
public sealed partial class WarmRestartTests(PackedRepository packed) : IClassFixture<PackedRepository>
{
    private static readonly string? s_memory = Directory.Exists("/dev/shm") ? "/dev/shm" : null;

    [Fact]
    public void The_service_has_fewer_than_20_lines() =>
        Assert.InRange(Readme.Sample("service").Split('\n').Count(line => line.Trim().Length > 0), 5, 19);

    [Fact]
    public async Task The_service_of_the_readme_finds_its_data_after_SIGKILL()
    {
        using var project = new FreshProject(packed.Package, Readme.Sample("service"));
        await project.Build();
        using var arena = new TemporaryDirectory(s_memory);

        long acknowledged = 0;
        for (int life = 0; life < 3; life++)
        {
            using var service = new RunningProgram(project.Program, $"--Arena:Directory={arena["visits"]}",
                "--Arena:HeapSize=67108864");
            long first = await Visits(service);
            Assert.True(first > acknowledged,
                $"{acknowledged} visits were acknowledged, and life {life} began with {first}.");
            Assert.Contains(life == 0 ? "fresh" : "recovered", service.Output, StringComparison.OrdinalIgnoreCase);
            for (int i = 0; i < 5; i++)
            {
                acknowledged = await Visits(service);
            }

            service.Kill();
        }
    }

    [Fact]
    public async Task The_library_sample_of_the_readme_goes_on_where_it_ended()
    {
        using var project = new FreshProject(packed.Package, Readme.Sample("library"));
        await project.Build();
        using var arena = new TemporaryDirectory(s_memory);
        for (int life = 1; life <= 3; life++)
        {
            using var program = new RunningProgram(project.Program, arena["shop"]);
            Assert.Equal($"start {life}, best {life}00, cart: apples",
                await program.Line(line => line.StartsWith("start ", StringComparison.Ordinal)));
            Assert.Equal(0, await program.End());
            Assert.Contains(life == 1 ? "Fresh" : "Warm", program.Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_typed_sample_of_the_guide_goes_on_where_it_ended()
    {
        using var project = new FreshProject(packed.Package, Readme.Sample("typed", "docs/guide/typed.md"));
        await project.Build();
        using var arena = new TemporaryDirectory(s_memory);
        for (int life = 1; life <= 3; life++)
        {
            using var program = new RunningProgram(project.Program, arena["shop"]);
            string line = await program.Line(line => line.Contains("apples", StringComparison.Ordinal));
            Assert.Equal($"{life} apples in 1 cart", line);
            Assert.Equal(0, await program.End());
        }
    }

    private static async Task<long> Visits(RunningProgram service) =>
        long.Parse(SafeVisits().Match(await service.Line(SafeVisits().IsMatch)).Groups[1].Value,
            CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(\d+) visits are safe$")]
    private static partial Regex SafeVisits();
}
