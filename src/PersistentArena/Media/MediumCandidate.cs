using GuestMemFs.Media;

namespace GuestMemFs;

/// <summary>A medium that this machine offers, for an arena of a certain name.</summary>
public sealed record MediumCandidate
{
    /// <summary>The kind: <see cref="Medium.Name"/>.</summary>
    public required string Kind { get; init; }

    /// <summary>Where it is mounted.</summary>
    public required string MountPoint { get; init; }

    /// <summary>The directory that an arena of the name would have. Not made yet, perhaps.</summary>
    public required string Directory { get; init; }

    /// <summary>What the medium can do; null where it could not be opened.</summary>
    public MediumCapabilities? Capabilities { get; init; }

    /// <summary>Room, in bytes; null where it could not be opened.</summary>
    public MediumSpace? Space { get; init; }

    /// <summary>True where the directory holds files already.</summary>
    public bool HasFiles { get; init; }

    /// <summary>The mount is named for us: <see cref="MountRules.IsInvited"/>.</summary>
    internal bool IsInvited { get; init; }

    /// <summary>True where another user made the directory first, or can change it.</summary>
    internal bool IsTaken { get; init; }

    /// <summary>Why it is not to be taken; null where it can be.</summary>
    public string? Objection { get; init; }

    /// <summary>True where it can be taken.</summary>
    public bool IsUsable => Objection is null;

    /// <summary>What it is and what it survives, in a line.</summary>
    public override string ToString()
    {
        string what = $"{Kind} at {MountPoint}";
        return Objection is not null ? $"{what}: not used, {Objection}"
            : Capabilities is null ? what
            : $"{what}: {Capabilities}; {Room()}";
    }

    private string Room() => Space switch
    {
        { Free: { } free } => Words.OfBytes(free) + " free",
        { } space => Words.OfBytes(space.Total) + " in all, how much of it is free the filesystem does not tell",
        null => "room unknown",
    };
}
