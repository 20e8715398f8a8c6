namespace GuestMemFs.Holding;

/// <summary>The running kernel, from its boot to the next kexec.</summary>
public static class RunningKernel
{
    /// <summary>Drawn by each kernel for itself.</summary>
    public static Guid BootId { get; } =
        Guid.Parse(File.ReadAllText("/proc/sys/kernel/random/boot_id").AsSpan().Trim());

    /// <summary>What it was started with.</summary>
    public static KernelCommandLine CommandLine => new(File.ReadAllText("/proc/cmdline"));
}
