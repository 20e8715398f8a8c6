using System.Globalization;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace GuestMemFs.Benchmarks.Library;

/// <summary>
/// In this process (the data is made once for all) and few iterations of many operations each: medians on a machine
/// that others use too.
/// </summary>
internal sealed class Few : ManualConfig
{
    public Few()
    {
        AddJob(Job.Default
            .WithToolchain(InProcessEmitToolchain.Instance)
            .WithInvocationCount(1)
            .WithUnrollFactor(1)
            .WithWarmupCount(3)
            .WithIterationCount(7));
        AddColumn(BenchmarkDotNet.Columns.StatisticColumn.Median);
        WithOptions(ConfigOptions.DisableOptimizationsValidator);
    }
}

/// <summary>Sizes, which the environment can make smaller for a trial.</summary>
internal static class Settings
{
    /// <summary>Entries: <c>GMF_BENCH_KEYS</c>, or ten million.</summary>
    public static int Keys { get; } = Number("GMF_BENCH_KEYS", 10_000_000);

    /// <summary>The large arena's data in MB: <c>GMF_BENCH_LARGE_MB</c>, or ten thousand.</summary>
    public static int LargeMegabytes { get; } = Number("GMF_BENCH_LARGE_MB", 10_000);

    /// <summary>Where arenas are made: <c>GMF_BENCH_ARENA</c>, or shared memory.</summary>
    public static string Parent { get; } = Environment.GetEnvironmentVariable("GMF_BENCH_ARENA") is { Length: > 0 } path
        ? path
        : Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out int number)
            ? number : otherwise;
}
