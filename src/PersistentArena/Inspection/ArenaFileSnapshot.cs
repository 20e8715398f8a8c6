namespace GuestMemFs;

/// <summary>A file that lies where an arena lies, and what its bytes say it is.</summary>
public sealed record ArenaFileSnapshot
{
    /// <summary>Its name within the medium.</summary>
    public required string Name { get; init; }

    /// <summary>Its length in bytes.</summary>
    public required long LengthBytes { get; init; }

    /// <summary>What it is to the arena.</summary>
    public required ArenaFileRole Role { get; init; }

    /// <summary>Who it is by the identity in its last bytes; null where that does not check.</summary>
    public ArenaFileIdentity? Identity { get; init; }

    /// <summary>Of a copy: the file that is the same extent.</summary>
    public string? CopyOf { get; init; }

    /// <summary>Why it should not lie here, in a sentence; null where it may.</summary>
    public string? Objection { get; init; }

    /// <summary>The objection's code, one of <see cref="ReasonCodes"/>; null where there is none.</summary>
    public string? ReasonCode { get; init; }
}

/// <summary>What a file is to an arena.</summary>
public enum ArenaFileRole
{
    /// <summary>The arena's metadata.</summary>
    Metadata = 0,

    /// <summary>An extent that the journal names, of a region or to be used again.</summary>
    Extent = 1,

    /// <summary>A second file that says that it is the same extent.</summary>
    ExtentCopy = 2,

    /// <summary>A copy of the arena's metadata, which after a kexec could be taken for it.</summary>
    MetadataCopy = 3,

    /// <summary>It has the name of an extent, and its identity does not check: its region is damaged.</summary>
    DamagedExtent = 4,

    /// <summary>Made for a region whose creation was not committed, or is not yet.</summary>
    Uncommitted = 5,

    /// <summary>A file of another arena whose metadata lies here too.</summary>
    Neighbour = 6,

    /// <summary>A file of another arena whose metadata is not here.</summary>
    Foreign = 7,

    /// <summary>No file of any arena.</summary>
    Unknown = 8,

    /// <summary>
    /// Of a region that the metadata does not know, and perhaps full of its data: the metadata may be an older copy.
    /// </summary>
    Unclaimed = 9,
}
