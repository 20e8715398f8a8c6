using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using GuestMemFs.Format;

namespace GuestMemFs.Benchmarks.Library;

/// <summary>
/// What the persist seam costs a process that leaves the power-loss switch off: a commit of four words and a publishing
/// one through the seam, and the same with bare stores. The machine code can be compared too:
/// <c>DOTNET_JitDisasm="CommitThroughSeam CommitBare"</c>.
/// </summary>
public unsafe class SeamBenchmarks
{
    private const int Commits = 1024;
    private ulong* _memory;

    [GlobalSetup]
    public void SetUp() => _memory = (ulong*)NativeMemory.AlignedAlloc(8 * Commits * sizeof(ulong), 64);

    [GlobalCleanup]
    public void CleanUp() => NativeMemory.AlignedFree(_memory);

    [Benchmark(Baseline = true, OperationsPerInvoke = Commits)]
    public void Bare()
    {
        for (int i = 0; i < Commits; i++)
        {
            CommitBare(_memory + (i * 8), (ulong)i);
        }
    }

    [Benchmark(OperationsPerInvoke = Commits)]
    public void Seam()
    {
        for (int i = 0; i < Commits; i++)
        {
            CommitThroughSeam(_memory + (i * 8), (ulong)i);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CommitBare(ulong* at, ulong value)
    {
        at[1] = value;
        at[2] = value + 1;
        at[3] = value + 2;
        at[4] = value + 3;
        Volatile.WriteBarrier();
        at[0] = value;
        Volatile.WriteBarrier();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CommitThroughSeam(ulong* at, ulong value)
    {
        Persist.Store(at + 1, value);
        Persist.Store(at + 2, value + 1);
        Persist.Store(at + 3, value + 2);
        Persist.Store(at + 4, value + 3);
        Persist.Publish(at, value);
    }
}
