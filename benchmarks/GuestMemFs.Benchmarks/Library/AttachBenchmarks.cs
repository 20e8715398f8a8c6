using BenchmarkDotNet.Attributes;
using KvStore.Demo;

namespace GuestMemFs.Benchmarks.Library;

/// <summary>Attaching: from nothing open to the first value read, on little data and on much.</summary>
[Config(typeof(Few))]
[IterationCount(31)]
[WarmupCount(5)]
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001",
    Justification = "The harness ends it by the method marked GlobalCleanup.")]
public class AttachBenchmarks
{
    private readonly byte[] _key = new byte[Dataset.KeyLength];
    private ArenaFixture _arena = null!;

    /// <summary>10 MB, and 10 GB or what the environment says.</summary>
    public static IEnumerable<int> Sizes => [10, Settings.LargeMegabytes];

    /// <summary>MB of keys and values.</summary>
    [ParamsSource(nameof(Sizes))]
    public int Megabytes { get; set; }

    [GlobalSetup]
    public void Fill()
    {
        _arena = new ArenaFixture(Megabytes * 1_000_000L / (Dataset.KeyLength + ArenaFixture.ValueLength));
        Dataset.Key(0, _key);
    }

    [IterationSetup]
    public void Close() => _arena.Close();

    [Benchmark]
    public byte[] Attach() => _arena.Open().Get(_key)
        ?? throw new InvalidOperationException("The first key is not there.");

    [GlobalCleanup]
    public void Delete() => _arena.Dispose();
}
