namespace GuestMemFs.LiveUpdate;

/// <summary>The running kernel, from its boot to the next kexec.</summary>
internal static class Boot
{
    /// <summary>Drawn by each kernel for itself.</summary>
    public static Guid Id { get; } = Guid.Parse(File.ReadAllText("/proc/sys/kernel/random/boot_id").AsSpan().Trim());
}
