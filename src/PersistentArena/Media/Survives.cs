namespace GuestMemFs;

/// <summary>What a medium's content survives. Flags.</summary>
[Flags]
public enum Survives
{
    /// <summary>Nothing: gone with the last descriptor.</summary>
    Nothing = 0,

    /// <summary>The process's end, SIGKILL included.</summary>
    ProcessExit = 1,

    /// <summary>A kexec into another kernel.</summary>
    Kexec = 2,

    /// <summary>Loss of power, for what was flushed.</summary>
    PowerLoss = 4,
}
