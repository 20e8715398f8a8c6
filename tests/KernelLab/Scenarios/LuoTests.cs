using GuestMemFs.KernelLab.Machines;
using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.KernelLab.Scenarios;

/// <summary>
/// Memory that the kernel itself hands over: the Live Update Orchestrator, on the kernel of the lab that has it.
/// </summary>
public sealed class LuoTests(Lab lab)
{
    internal const string CommandLine = "kho=on liveupdate=on transparent_hugepage_shmem=always kho_scratch=64M,0,64M";

    [Fact]
    public void A_memfd_goes_over_two_kexecs_byte_for_byte()
    {
        Transcript run = lab.Run(new Boot { Scenario = "luo-bytes", Kernel = Kernel.Own, CommandLine = CommandLine })
            .MustSucceed();

        Assert.Equal(3, run.Stages.Count);
        Assert.Equal(["1", "2"], run.All("kept"));
        Assert.StartsWith("GMF1015", run.Get("arena refused"), StringComparison.Ordinal);
    }

    [Fact]
    public void KvStore_goes_over_three_kexecs_in_a_chain_with_writes_between() =>
        Chain(100_000, "128M", "2G", TimeSpan.FromMinutes(10));

    [Fact(Explicit = true)]
    public void A_million_keys_in_a_gigabyte_go_over_three_kexecs() =>
        Chain(1_000_000, "1G", "4G", TimeSpan.FromMinutes(40));

    [Theory]
    [InlineData("liveupdate", "3 ", "The next kernel's command line lacks liveupdate=on",
        "The command line lacks liveupdate=on")]
    [InlineData("session", "3 ", "Nobody holds session 'gmfs-kvstore' any more",
        "No session of that name came over the kexec")]
    [InlineData("kexec_load", "0 ", "A kernel is loaded already, and whether by kexec_file_load cannot be told",
        "this kernel was entered by kexec_load")]
    public void What_would_lose_the_memory_is_said_before_and_where_it_is_forced_the_loss_is_told(
        string loss, string code, string refusal, string reason)
    {
        Transcript run = lab.Run(KvStore(10_000, "64M", loss)).MustSucceed();

        Assert.Equal(2, run.Stages.Count);
        Assert.StartsWith(code, run.Get("refused"), StringComparison.Ordinal);
        Assert.Contains(refusal, run.Get("refused"), StringComparison.Ordinal);
        string restored = run.Get("restore");
        Assert.StartsWith("4 ", restored, StringComparison.Ordinal);
        Assert.Contains("kvstore is lost", restored, StringComparison.Ordinal);
        Assert.Contains(reason, restored, StringComparison.Ordinal);
        Assert.Equal("fresh", run.Get("attach"));
        Assert.Equal(0, run.Number("keys"));
        string fresh = run.All("reason").Last(text => text.StartsWith("GMF5017", StringComparison.Ordinal));
        Assert.Contains($"Arena {run.All("arena")[0]}, ", fresh, StringComparison.Ordinal);
        Assert.Contains($"was preserved under boot {run.Stages[0].BootId} and did not come over the kexec: it is lost",
            fresh, StringComparison.Ordinal);
        Assert.Contains(reason, fresh, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_whose_holder_was_killed_is_refused_and_the_next_attach_says_that_the_holder_is_new()
    {
        Transcript run = lab.Run(KvStore(10_000, "64M", "holder")).MustSucceed();

        Assert.Equal(2, run.Stages.Count);
        Assert.StartsWith("3 ", run.Get("refused"), StringComparison.Ordinal);
        Assert.Equal(["fresh", "fresh"], run.All("attach"));
        Assert.Contains("has nothing of 'kvstore'",
            run.All("reason").Last(text => text.StartsWith("GMF5017", StringComparison.Ordinal)),
            StringComparison.Ordinal);
        Assert.Equal(0, run.Number("keys"));
    }

    private void Chain(int keys, string size, string memory, TimeSpan limit)
    {
        const int kexecs = 3;
        Transcript run = lab.Run(KvStore(keys, size) with { Memory = memory, Limit = limit }).MustSucceed();

        Assert.Equal(kexecs + 1, run.Stages.Count);
        Assert.Equal(["fresh", "warm", "warm", "warm"], run.All("attach"));
        Assert.Single(run.All("arena").Distinct());
        Assert.Equal(Enumerable.Repeat($"{keys}", kexecs), run.All("right"));
        Assert.Equal(["1", "2", "3"], run.All("lives"));
        Assert.Equal(kexecs, run.All("step").Count(step =>
            step.StartsWith("kvstore: preserved", StringComparison.Ordinal)));
        for (int stage = 1; stage <= kexecs; stage++)
        {
            (string before, string after) = (run.Stages[stage - 1].BootId, run.Stages[stage].BootId);
            Assert.Contains(run.All("restore"),
                text => text.StartsWith("0 ", StringComparison.Ordinal)
                    && text.Contains(run.Get("arena"), StringComparison.Ordinal));
            Assert.Contains(run.All("reason"), text =>
                text.Contains(before, StringComparison.Ordinal) || text.Contains(after, StringComparison.Ordinal));
        }
    }

    private static Boot KvStore(int keys, string size, string? loss = null)
    {
        var arguments = new Dictionary<string, string> { ["keys"] = $"{keys}", ["size"] = size, ["kexecs"] = "3" };
        if (loss is not null)
        {
            arguments.Add("lose", loss);
        }

        return new Boot { Scenario = "luo-kvstore", Kernel = Kernel.Own, CommandLine = CommandLine,
            Arguments = arguments };
    }
}
