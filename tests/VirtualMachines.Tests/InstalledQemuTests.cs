namespace GuestMemFs.VirtualMachines.Tests;

/// <summary>The machine's own QEMU: in Debian 12 one (7.2) that knows nothing of live updates.</summary>
public sealed class InstalledQemuTests() : MachineTests(s_qemu, "no qemu-system-x86_64 on the PATH (Debian: apt-get install qemu-system-x86)")
{
    private static readonly string? s_qemu = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':')
        .Select(folder => Path.Combine(folder, "qemu-system-x86_64")).FirstOrDefault(File.Exists);
}
