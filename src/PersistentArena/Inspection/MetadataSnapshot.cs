namespace GuestMemFs;

/// <summary>An arena's metadata file, part by part. The bytes are in docs/format.md.</summary>
public sealed record MetadataSnapshot
{
    /// <summary>The name that the file is made under: <c>arena.meta</c>.</summary>
    public const string UsualFileName = "arena.meta";

    /// <summary>The name that it was found under. After a kexec that may be any.</summary>
    public required string FileName { get; init; }

    /// <summary>The file's length in bytes.</summary>
    public required long FileLengthBytes { get; init; }

    /// <summary>The superblock, from a copy that checks; null where neither does.</summary>
    public SuperblockSnapshot? Superblock { get; init; }

    /// <summary>True where the superblock's first copy checks.</summary>
    public required bool IsFirstCopyIntact { get; init; }

    /// <summary>True where the superblock's second copy checks.</summary>
    public required bool IsSecondCopyIntact { get; init; }

    /// <summary>True where the identity block checks, by which the file is found under another name.</summary>
    public bool IsIdentityIntact { get; init; }

    /// <summary>True where the word checks that names the journal half in force.</summary>
    public bool IsActiveWordIntact { get; init; }

    /// <summary>True where the newest writer's epoch checks.</summary>
    public bool IsEpochWordIntact { get; init; }

    /// <summary>True where the word checks that says open or closed.</summary>
    public bool IsStateWordIntact { get; init; }

    /// <summary>The two halves of the journal, first and second; none where there is no superblock.</summary>
    public IReadOnlyList<JournalHalfSnapshot> JournalHalves { get; init; } = [];

    /// <summary>Bytes of log in the half in force; 0 where it does not read.</summary>
    public long JournalUsedBytes { get; init; }

    /// <summary>Bytes of log that a half has room for.</summary>
    public long JournalCapacityBytes { get; init; }

    /// <summary>
    /// Bytes that the log has at most after the next compaction. The metadata is full when this reaches
    /// <see cref="JournalCapacityBytes"/>, whatever <see cref="JournalUsedBytes"/> says.
    /// </summary>
    public long JournalCompactedBytes { get; init; }

    /// <summary>The number of the newest record.</summary>
    public ulong JournalSequence { get; init; }
}

/// <summary>The constants of an arena. Its random seed is not told: it is the key of hashes.</summary>
public sealed record SuperblockSnapshot
{
    /// <summary>The format's version.</summary>
    public required uint FormatVersion { get; init; }

    /// <summary>Feature bits.</summary>
    public required FeatureSet Features { get; init; }

    /// <summary>The arena's id.</summary>
    public required Guid ArenaId { get; init; }

    /// <summary>When the arena was made, by its creator's wall clock (UTC).</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>Length of the metadata, in bytes.</summary>
    public required long MetadataLengthBytes { get; init; }

    /// <summary>Where the first journal half begins, in bytes from the file's start; the second follows it.</summary>
    public required long HalfOffsetBytes { get; init; }

    /// <summary>Length of a journal half, in bytes.</summary>
    public required long HalfLengthBytes { get; init; }

    /// <summary>Files have lengths that are multiples of this many bytes.</summary>
    public required long GranularityBytes { get; init; }
}

/// <summary>Feature bits of a format, and those of them that this library does not know.</summary>
/// <param name="Compatible">Bits that a library may ignore.</param>
/// <param name="ReadOnlyCompatible">Bits that a library must know to write.</param>
/// <param name="Incompatible">Bits that a library must know to read.</param>
/// <param name="UnknownReadOnlyCompatible">Of these, what this library does not know: it can only read.</param>
/// <param name="UnknownIncompatible">Of these, what this library does not know: it refuses.</param>
public readonly record struct FeatureSet(
    ulong Compatible,
    ulong ReadOnlyCompatible,
    ulong Incompatible,
    ulong UnknownReadOnlyCompatible,
    ulong UnknownIncompatible);

/// <summary>One half of the metadata journal.</summary>
/// <remarks>The half that is not in force is garbage, an older state, or what a writer compacts into.</remarks>
public sealed record JournalHalfSnapshot
{
    /// <summary>0 or 1.</summary>
    public required int Index { get; init; }

    /// <summary>True of the half that counts.</summary>
    public required bool IsInForce { get; init; }

    /// <summary>True where the header checks.</summary>
    public required bool IsHeaderIntact { get; init; }

    /// <summary>True where the tail word checks.</summary>
    public required bool IsTailIntact { get; init; }

    /// <summary>The half's generation, which rises with each compaction; 0 where the header does not check.</summary>
    public required uint Generation { get; init; }

    /// <summary>Bytes of log, by the tail word; 0 where that does not check.</summary>
    public required long UsedBytes { get; init; }
}
