namespace GuestMemFs.CrashLab.Damage;

/// <summary>
/// Every byte of a log's memory and of what a group keeps of it, damaged in four ways, at rest and with a group in
/// flight: for a process that only reads, and for the next writer, it is harmless, refused with a reason, or found by
/// the deep check.
/// </summary>
public sealed class LogDamageTests(ITestOutputHelper output)
{
    private static readonly int s_seed = int.Parse(Environment.GetEnvironmentVariable("GMF_DAMAGE_SEED") ?? "1", null);

    public static TheoryData<string> Images => [.. LogDamageImage.Names];

    [Theory]
    [MemberData(nameof(Images))]
    public void Every_damaged_byte_of_a_log_is_harmless_refused_or_found(string image)
    {
        SweepResult result = LogDamage.Sweep(image, s_seed);

        LabCounts.Add(LabCounts.Damages, "log and its groups", result.Trials);
        output.WriteLine($"{image}: {result.Trials} byte damages, seed {s_seed}\n{DamageTests.Lines(result)}");
        Assert.True(result.Failures.Count == 0,
            $"{result.Failures.Count} failures (seed {s_seed}):\n{string.Join('\n', result.Failures)}");
        Assert.True(result.Trials > 1000, $"only {result.Trials} damages");
    }
}
