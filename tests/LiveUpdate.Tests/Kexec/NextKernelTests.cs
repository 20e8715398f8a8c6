namespace GuestMemFs.LiveUpdate.Tests.Kexec;

/// <summary>
/// What can be asked of the machine's own kernel without entering another. The kernel lab enters them.
/// </summary>
public sealed class NextKernelTests
{
    [Fact]
    public void Files_that_are_not_there_are_named()
    {
        LiveUpdateFinding[] findings = [.. new NextKernel().Check(
            new KernelSettings { Image = "/no/such/kernel", Initrd = "/no/such/disk" })];
        Assert.Equal(2, findings.Length);
        Assert.All(findings, finding => Assert.True(finding.IsFatal));
        Assert.Contains("/no/such/kernel", findings[0].Text, StringComparison.Ordinal);
        Assert.Contains("/no/such/disk", findings[1].Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_no_kernel_is_refused_by_the_kernel_and_the_plan_learns_why()
    {
        // Whatever this machine says (no permission, no kexec, no kernel): it is said, and nothing is loaded.
        string file = typeof(NextKernelTests).Assembly.Location;
        LiveUpdateFinding finding = Assert.Single(new NextKernel().Check(new KernelSettings { Image = file }));
        Assert.True(finding.IsFatal);
        Assert.Contains("cannot be loaded", finding.Text, StringComparison.Ordinal);
        Assert.Contains("could not be loaded", Assert.Throws<LiveUpdateException>(() =>
            new NextKernel().Load(new KernelSettings { Image = file })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_boot_id_is_the_running_kernels() =>
        Assert.Equal(Guid.Parse(File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim()), new NextKernel().BootId);
}
