using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.VirtualMachines.Tests;

/// <summary>QEMU 10, which the kernel lab fetches.</summary>
public sealed class NewerQemuTests() : MachineTests(LabCache.NewerQemu, $"no QEMU 10 in {LabCache.Folder}: {LabCache.Command} --qemu (Debian 12)")
{
    private protected override bool KnowsModes => true;
}
