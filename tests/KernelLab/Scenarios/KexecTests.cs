using GuestMemFs.KernelLab.Machines;
using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.KernelLab.Scenarios;

/// <summary>KvStore, filled through real sockets, over one kexec.</summary>
public sealed class KexecTests(Lab lab)
{
    [Theory]
    [InlineData("dax")]
    public void A_clean_stop_and_a_kexec_keep_every_key(string medium)
    {
        Transcript run = lab.Run(new Boot { Scenario = "kvstore-stopped", Arguments = new Dictionary<string, string> { ["medium"] = medium, ["keys"] = "100000" } }).MustSucceed();

        Assert.Equal(2, run.Stages.Count);
        Assert.NotEqual(run.Stages[0].BootId, run.Stages[1].BootId);
        Assert.Equal("warm", run.Get("attach"));
        Assert.Equal(100_000, run.Number("right"));
    }
}
