using GuestMemFs.KernelLab.Image;
using GuestMemFs.KernelLab.Machines;
using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.KernelLab.Scenarios;

/// <summary>
/// The kernel that looks for bugs finds some: <c>dotnet run -c Release --project tests/KernelLab -- debug</c> runs
/// these and the other scenarios on it.
/// </summary>
public sealed class DebugTests(Lab lab)
{
    private const string Only = "only on the kernel that looks for bugs: dotnet run -c Release --project " +
        "tests/KernelLab -- debug";

    [Theory(Explicit = true)]
    [InlineData("WARNING", "WARNING: ")]
    [InlineData("SLAB_LINEAR_OVERFLOW", "BUG: KASAN: slab-out-of-bounds")]
    [InlineData("READ_AFTER_FREE", "BUG: KASAN: slab-use-after-free")]
    [InlineData("ARRAY_BOUNDS", "UBSAN: array-index-out-of-bounds")]
    public void What_is_provoked_fails_the_scenario(string crash, string complaint)
    {
        Assert.SkipUnless(Kernel.Debugging, Only);

        Transcript run = lab.Run(new Boot { Scenario = "kernel-complains", Kernel = Kernel.Own,
            Arguments = new Dictionary<string, string> { ["provoke"] = crash } });

        Assert.Contains(run.Failures, failure => failure.Contains(complaint, StringComparison.Ordinal));
    }

    [Fact(Explicit = true)]
    public void The_modules_locks_in_another_order_fail_the_scenario()
    {
        Assert.SkipUnless(Kernel.Debugging, Only);

        const string right = "\tfilemap_invalidate_lock(inode->i_mapping);\n\tmutex_lock(&r->lock);\n", wrong =
            "\tmutex_lock(&r->lock);\n\tfilemap_invalidate_lock(inode->i_mapping);\n";
        using var disk = ModuleVariants.Build(lab.Parts, Kernel.Own,
            [new ModuleVariant("locks-in-another-order", "memerr.c", right, wrong)]);
        using var monitor = new QemuMonitor();
        Boot boot = ModuleMachine.WithTwoNodes("module-variants", Kernel.Own, monitor);
        Transcript run = lab.Run(boot with
        {
            Devices = [.. boot.Devices, .. disk.Devices],
            Arguments = new Dictionary<string, string>(
                boot.Arguments) { ["work"] = "locks-in-another-order/memerr-sysfs" },
        });

        Assert.Contains(run.Failures, failure =>
            failure.Contains("possible circular locking dependency detected", StringComparison.Ordinal));
    }
}
