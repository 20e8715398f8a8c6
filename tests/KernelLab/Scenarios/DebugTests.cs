using GuestMemFs.KernelLab.Machines;
using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.KernelLab.Scenarios;

/// <summary>The kernel that looks for bugs finds some: <c>dotnet run -c Release --project tests/KernelLab -- debug</c> runs these and the other scenarios on it.</summary>
public sealed class DebugTests(Lab lab)
{
    [Theory(Explicit = true)]
    [InlineData("WARNING", "WARNING: ")]
    [InlineData("SLAB_LINEAR_OVERFLOW", "BUG: KASAN: slab-out-of-bounds")]
    [InlineData("READ_AFTER_FREE", "BUG: KASAN: slab-use-after-free")]
    [InlineData("ARRAY_BOUNDS", "UBSAN: array-index-out-of-bounds")]
    public void What_is_provoked_fails_the_scenario(string crash, string complaint)
    {
        Assert.SkipUnless(Kernel.Debugging, "only on the kernel that looks for bugs: dotnet run -c Release --project tests/KernelLab -- debug");

        Transcript run = lab.Run(new Boot { Scenario = "kernel-complains", Kernel = Kernel.Own, Arguments = new Dictionary<string, string> { ["provoke"] = crash } });

        Assert.Contains(run.Failures, failure => failure.Contains(complaint, StringComparison.Ordinal));
    }
}
