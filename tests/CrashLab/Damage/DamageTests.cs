namespace GuestMemFs.CrashLab.Damage;

/// <summary>
/// Every byte of a small heap's metadata, damaged in four ways, at rest and with an operation in flight: harmless, refused with a reason, or found by the deep check; never a crash, a
/// hang, a wrong value or silence. And the sweep can fail: without one of the library's checks that stand alone it does.
/// </summary>
public sealed class DamageTests(ITestOutputHelper output)
{
    private static readonly int s_seed = int.Parse(Environment.GetEnvironmentVariable("GMF_DAMAGE_SEED") ?? "1", null);

    public static TheoryData<string> Images => [.. DamageImage.Names];

    [Theory]
    [MemberData(nameof(Images))]
    public void Every_damaged_byte_is_harmless_refused_or_found(string image)
    {
        SweepResult result = DamageSweep.Run(image, s_seed, stride: 16);
        LabCounts.Add(LabCounts.Damages, "heap and dictionary", result.Trials);
        output.WriteLine($"{image}: {result.Trials} byte damages, seed {s_seed}\n{string.Join('\n', result.Outcomes.Select(outcome => $"{outcome.Value,7} {outcome.Key}"))}");
        Assert.True(result.Failures.Count == 0, $"{result.Failures.Count} failures (seed {s_seed}):\n{string.Join('\n', result.Failures)}");
        Assert.True(result.Trials > 1000, $"only {result.Trials} damages");
    }

    /// <summary>A round of the long profile: an image, other values, and every empty bucket too now and then.</summary>
    internal static void Round(int seed)
    {
        string[] images = [.. DamageImage.Names];
        string image = images[(seed & int.MaxValue) % images.Length];
        SweepResult result = DamageSweep.Run(image, seed, stride: 1 + ((seed & int.MaxValue) % 16));
        LabCounts.Add(LabCounts.Damages, "heap and dictionary", result.Trials);
        Assert.True(result.Failures.Count == 0, $"{image}: {result.Failures.Count} failures:\n{string.Join('\n', result.Failures)}");
    }

    [Fact]
    public void Without_a_check_the_sweep_fails()
    {
        List<(string Place, string Image, string Trials)> found = [];
        foreach (string image in DamageImage.Names)
        {
            found.AddRange(DamageSweep.Run(image, s_seed, stride: 0, most: 10_000).Places.Select(place => (place.Key[..place.Key.IndexOf(' ', StringComparison.Ordinal)], image, place.Value)));
        }

        List<string> missed = [];
        int caught = 0;
        Parallel.ForEach(found.GroupBy(place => place.Place), new ParallelOptions { MaxDegreeOfParallelism = 2 }, place =>
        {
            bool fails = place.Any(at => DamageSweep.FailsWithout(at.Image, s_seed, 0, place.Key, at.Trials));
            lock (missed)
            {
                caught += fails ? 1 : 0;
                missed.AddRange(fails ? [] : [$"{place.Key}: {SeededFaultTests.SourceLine(place.Key.Split(':')[0], int.Parse(place.Key.Split(':')[1], null))}"]);
            }
        });
        LabCounts.Add(LabCounts.SeededBugs, "checks of damage", caught);
        // Many checks stand before others: with one off, the next refuses all the same. Those are named, and not counted.
        output.WriteLine($"checks switched off: {caught} of {caught + missed.Count} noticed; another check stands behind, or the sample is too thin, for\n{string.Join('\n', missed)}");
        Assert.True(caught >= 8, $"only {caught} checks");
    }
}
