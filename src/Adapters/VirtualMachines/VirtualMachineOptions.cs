namespace GuestMemFs.VirtualMachines;

/// <summary>
/// How a machine is started. The same each time: QEMU restores a machine only into one that is built alike.
/// </summary>
public sealed record VirtualMachineOptions
{
    /// <summary>Its name, for messages.</summary>
    public required string Name { get; init; }

    /// <summary>Its RAM.</summary>
    public required GuestMemory Memory { get; init; }

    /// <summary>
    /// Where QEMU makes its monitor's socket. A path of at most 107 bytes; what is left there from an earlier run is
    /// replaced.
    /// </summary>
    public required string MonitorSocket { get; init; }

    /// <summary>The hypervisor.</summary>
    public string Executable { get; init; } = "qemu-system-x86_64";

    /// <summary>The machine: everything but its RAM and its monitor.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>
    /// Starts QEMU so that <see cref="VirtualMachine.ReplaceAsync"/> hands the machine over by <c>cpr-transfer</c>,
    /// where the next one has this too: descriptors of its devices go along. It takes QEMU 10.0 or later, and adds
    /// <c>-machine aux-ram-share=on</c>.
    /// </summary>
    public bool CprTransfer { get; init; }

    /// <summary>For the monitor.</summary>
    public QmpOptions Monitor { get; init; } = new();

    /// <summary>For saving or restoring a machine's state.</summary>
    public TimeSpan StateTimeout { get; init; } = TimeSpan.FromMinutes(2);
}
