using GuestMemFs.KernelLab.Machines;
using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.KernelLab.Scenarios;

/// <summary>The machines in which our filesystem for kernels is looked at by itself.</summary>
internal static class ModuleMachine
{
    /// <summary>512 MiB for it.</summary>
    public static Boot With(string scenario) =>
        new() { Scenario = scenario, CommandLine = Boot.ReservedMemory,
            Arguments = new Dictionary<string, string> { ["medium"] = "guestmemfs" } };

    /// <summary>
    /// Two NUMA nodes with memory for it in each, 1 GiB of it in one page, and machine checks where the guest asks for
    /// one.
    /// </summary>
    public static Boot WithTwoNodes(string scenario, Kernel kernel, QemuMonitor monitor) => With(scenario) with
    {
        Kernel = kernel,
        // The GiB from 5 GiB on is reserved as a whole, and a block for the metadata before it. It lies in the second
        // node.
        Memory = "5G",
        CommandLine = "memmap=1544M$0x13fe00000 memmap=128M$0x40000000",
        Devices =
        [
            "-object", "memory-backend-ram,id=low,size=2G", "-object", "memory-backend-ram,id=high,size=3G", "-numa",
            "node,memdev=low,cpus=0", "-numa", "node,memdev=high,cpus=1",
            "-cpu", Machine.Processor + ",vendor=GenuineIntel", .. monitor.Arguments,
        ],
        Answer = question => question.Split(' ') is ["machine-check", string address] ? Inject(monitor, address) : null,
    };

    // An Intel processor's: an uncorrected error that software may recover from, found by the memory controller's
    // scrubbing, with its address; told to all processors.
    private static string Inject(QemuMonitor monitor, string address)
    {
        monitor.Do($"mce -b 0 1 0xbd000000000000c0 0x5 {address} 0x8c");
        return "made";
    }
}
