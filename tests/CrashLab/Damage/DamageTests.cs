namespace GuestMemFs.CrashLab.Damage;

/// <summary>Every byte of a small heap's metadata, damaged in four ways, at rest and with an operation in flight.</summary>
public sealed class DamageTests(ITestOutputHelper output)
{
    private const int Seed = 1;

    public static TheoryData<string> Images => [.. DamageImage.Names];

    [Theory]
    [MemberData(nameof(Images))]
    public void Every_damaged_byte_is_harmless_refused_or_found(string image)
    {
        SweepResult result = DamageSweep.Run(image, Seed, stride: 16);
        output.WriteLine($"{image}: {result.Trials} byte damages, seed {Seed}\n{string.Join('\n', result.Outcomes.Select(outcome => $"{outcome.Value,7} {outcome.Key}"))}");
        Assert.True(result.Failures.Count == 0, $"{result.Failures.Count} failures (seed {Seed}):\n{string.Join('\n', result.Failures)}");
        Assert.True(result.Trials > 1000, $"only {result.Trials} damages");
    }
}
