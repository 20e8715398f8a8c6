namespace GuestMemFs.LiveUpdate.Tests.Infrastructure;

/// <summary>
/// A kernel that is replaced by saying so. Everything else of the machine stays, which is what a medium that is kept
/// looks like.
/// </summary>
internal sealed class StandInKernel : INextKernel
{
    public Guid BootId { get; set; } = Guid.NewGuid();

    public bool IsLoaded { get; private set; }

    public int Entered { get; private set; }

    /// <summary>Of the kernel that was loaded last.</summary>
    public string CommandLine { get; private set; } = "";

    public bool KeepsMemory { get; init; } = true;

    public string? LoadFails { get; set; }

    public string? EnterFails { get; set; }

    public bool Keeps(Medium medium) => KeepsMemory;

    public IEnumerable<LiveUpdateFinding> Check(KernelSettings settings) => [];

    public void Load(KernelSettings settings)
    {
        ThrowIf(LoadFails);
        CommandLine = settings.CommandLine ?? "";
        IsLoaded = true;
    }

    public void Unload() => IsLoaded = false;

    public void Enter(KernelSettings settings)
    {
        ThrowIf(EnterFails);
        Assert.True(IsLoaded);
        Entered++;
    }

    /// <summary>Another kernel runs.</summary>
    public void Replace()
    {
        BootId = Guid.NewGuid();
        IsLoaded = false;
    }

    private static void ThrowIf(string? problem)
    {
        if (problem is not null)
        {
            throw new LiveUpdateException(problem);
        }
    }
}
