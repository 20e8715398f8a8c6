using GuestMemFs.KernelLab.Machines;
using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.KernelLab.Scenarios;

/// <summary>Memory that the kernel itself hands over: the Live Update Orchestrator, on the kernel of the lab that has it.</summary>
public sealed class LuoTests(Lab lab)
{
    private const string CommandLine = "kho=on liveupdate=on transparent_hugepage_shmem=always kho_scratch=64M,0,64M";

    [Fact]
    public void A_memfd_goes_over_two_kexecs_byte_for_byte()
    {
        Transcript run = lab.Run(new Boot { Scenario = "luo-bytes", Kernel = Kernel.Own, CommandLine = CommandLine }).MustSucceed();

        Assert.Equal(3, run.Stages.Count);
        Assert.Equal(["1", "2"], run.All("kept"));
    }
}
