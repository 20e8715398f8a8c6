using System.Globalization;
using GuestMemFs.KernelLab.Machines;
using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.KernelLab.Scenarios;

/// <summary>Kexecs in a row, between kernels of different series.</summary>
public sealed class SeveralKexecTests(Lab lab)
{
    private const int Kexecs = 5;

    [Theory]
    [InlineData("dax")]
    [InlineData("guestmemfs")]
    public void An_arena_grows_renames_and_deletes_between_five_kexecs_by_turns_of_two_kernels(string medium)
    {
        Transcript run = lab.Run(new Boot
        {
            Scenario = "arena-life",
            CommandLine = Boot.MemoryOf(medium),
            Arguments = new Dictionary<string, string> { ["medium"] = medium,
                ["kexecs"] = Kexecs.ToString(CultureInfo.InvariantCulture) },
        }).MustSucceed();

        string[] expected = [.. Enumerable.Range(0, Kexecs + 1).Select(i =>
            (i % 2 == 0 ? Kernel.Stock : Kernel.Own).Release(lab.Parts))];
        Assert.Equal(expected, run.Stages.Select(stage => stage.Release));
        Assert.Equal(Kexecs + 1, run.Stages.Select(stage => stage.BootId).Distinct().Count());
        Assert.Equal(["0", "1", "2", "3", "3", "3"], run.All("right"));
    }
}
