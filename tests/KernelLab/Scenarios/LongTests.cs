using GuestMemFs.KernelLab.Machines;

namespace GuestMemFs.KernelLab.Scenarios;

/// <summary>
/// What takes too long for every run: <c>dotnet run -c Release --project tests/KernelLab -- long</c>.
/// </summary>
public sealed class LongTests(Lab lab)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(20);

    [Theory(Explicit = true)]
    [InlineData("dax", "kvstore-stopped", "kexec", "6.12")]
    [InlineData("dax", "kvstore-killed", "kexec", "7.2")]
    [InlineData("dax", "kvstore-killed", "panic", "6.12")]
    [InlineData("guestmemfs", "kvstore-stopped", "kexec", "7.2")]
    [InlineData("guestmemfs", "kvstore-killed", "kexec", "6.12")]
    [InlineData("guestmemfs", "kvstore-killed", "panic", "6.12")]
    public void A_million_keys_survive(string medium, string scenario, string end, string next)
    {
        Transcript run = lab.Run(new Boot
        {
            Scenario = scenario,
            CommandLine = Boot.MemoryOf(medium) + (end == "panic" ? " crashkernel=448M" : ""),
            Arguments = new Dictionary<string, string> { ["medium"] = medium, ["keys"] = "1000000", ["size"] = "384M",
                ["end"] = end, ["next"] = next },
            Limit = s_limit,
        }).MustSucceed();

        Assert.Equal(1_000_000, run.Number("right"));
        Assert.Equal(lab.Parts.Release(next), run.Stages[1].Release);
    }
}
