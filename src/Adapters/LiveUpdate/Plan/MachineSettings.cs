namespace GuestMemFs.LiveUpdate;

/// <summary>A machine of QEMU's.</summary>
public sealed record MachineSettings
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>The regions that are its memory.</summary>
    public required IReadOnlyList<string> Regions { get; init; }

    /// <summary>Its monitor's socket.</summary>
    public required string Monitor { get; init; }

    /// <summary>The hypervisor.</summary>
    public string Executable { get; set; } = "qemu-system-x86_64";

    /// <summary>The machine: everything but its memory and its monitor.</summary>
    public IReadOnlyList<string> Arguments { get; set; } = [];

    /// <summary>Room for its devices' state in the arena, in bytes.</summary>
    public long StateSize { get; set; } = 16L << 20;

    /// <inheritdoc cref="ILiveUpdateParticipant.Order"/>
    public int Order { get; set; }

    /// <summary>For each step, in seconds.</summary>
    public double Deadline { get; set; } = 60;
}
