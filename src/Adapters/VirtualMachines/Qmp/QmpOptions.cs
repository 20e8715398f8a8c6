namespace GuestMemFs.VirtualMachines;

/// <summary>How a <see cref="QmpClient"/> waits, and how much it takes.</summary>
public sealed record QmpOptions
{
    /// <summary>
    /// For the socket to be there, for the greeting and for the capabilities, together. QEMU talks to one client at a
    /// time: a second one waits for its greeting.
    /// </summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>For a command's answer, where the call names no other.</summary>
    public TimeSpan CommandTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Whose QEMU may listen at the socket: root's and our own, and who is named here.</summary>
    public PathTrust Trust { get; init; } = PathTrust.Own;

    /// <summary>The longest message taken from the peer, in bytes.</summary>
    public int MaximumMessageLength { get; init; } = 16 << 20;

    /// <summary>
    /// Events kept for a reader that is behind. The oldest go first, and the reader is told how many.
    /// </summary>
    public int EventBacklog { get; init; } = 1024;
}
