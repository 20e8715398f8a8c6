namespace GuestMemFs.VirtualMachines.Tests;

/// <summary>The machine's own QEMU: in Debian 12 one (7.2) that knows nothing of live updates.</summary>
public sealed class InstalledQemuTests() : MachineTests(InstalledQemu.Executable, InstalledQemu.Missing);
