namespace GuestMemFs.LiveUpdate.Kexec;

/// <summary>The kernel that comes next. What a plan does with it, so that tests can stand in for the machine.</summary>
internal interface INextKernel
{
    /// <summary>The running kernel's boot id.</summary>
    Guid BootId { get; }

    /// <summary>True where what lies on a medium is still there under it.</summary>
    bool Keeps(Medium medium);

    /// <summary>What would fail.</summary>
    IEnumerable<LiveUpdateFinding> Check(KernelSettings settings);

    /// <summary>Loads it: some seconds of reading and checking that are not part of anybody's pause.</summary>
    void Load(KernelSettings settings);

    /// <summary>Takes that back.</summary>
    void Unload();

    /// <summary>Enters it. Returns only where something else ends this process a moment later.</summary>
    void Enter(KernelSettings settings);
}
