namespace GuestMemFs;

/// <summary>What an arena's metadata says at one moment.</summary>
/// <remarks>
/// Immutable. Where <see cref="Refusal"/> is set the metadata cannot be used: <see cref="Metadata"/> has the parts
/// that still check, and there are no regions to tell of.
/// </remarks>
public sealed record ArenaSnapshot
{
    /// <summary>The arena's place, for people: usually a directory.</summary>
    public required string Location { get; init; }

    /// <summary>When the look was taken (UTC).</summary>
    public required DateTimeOffset Taken { get; init; }

    /// <summary>The metadata file part by part, each with whether it checks.</summary>
    public required MetadataSnapshot Metadata { get; init; }

    /// <summary>Why the arena does not open; null where it does.</summary>
    public ArenaException? Refusal { get; init; }

    /// <summary>Whether it is closed, in use, or was left open by a writer that is gone.</summary>
    public required ArenaCondition Condition { get; init; }

    /// <summary>The newest writer, alive or not; null where there was none or its record does not check.</summary>
    public WriterSnapshot? Writer { get; init; }

    /// <summary>True where a writer that is known to live has the arena.</summary>
    public bool HasWriter => Writer is { IsAlive: true };

    /// <summary>True while the metadata stands still.</summary>
    public bool IsFrozen { get; init; }

    /// <summary>The newest writer's epoch; 0 where the journal does not read.</summary>
    public ulong Epoch { get; init; }

    /// <summary>The regions, by name.</summary>
    public IReadOnlyList<RegionSnapshot> Regions { get; init; } = [];

    /// <summary>Extents of no region: what deleted regions left on a medium that does not take space back.</summary>
    public IReadOnlyList<ExtentSnapshot> UnusedExtents { get; init; } = [];

    /// <summary>The region of that name, or null.</summary>
    public RegionSnapshot? Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Regions.FirstOrDefault(region => region.Info.Name == name);
    }
}

/// <summary>What state an arena is in.</summary>
public enum ArenaCondition
{
    /// <summary>Its newest writer closed it.</summary>
    Closed = 0,

    /// <summary>A writer that is known to live has it.</summary>
    InUse = 1,

    /// <summary>Its newest writer is gone and did not close it. The next one recovers it.</summary>
    NotClosed = 2,

    /// <summary>It does not open; <see cref="ArenaSnapshot.Refusal"/> says why.</summary>
    Refused = 3,
}

/// <summary>The newest writer of an arena, as its record names it.</summary>
/// <param name="ProcessId">Its process, in its own pid namespace.</param>
/// <param name="ProgramName">The program's name; null where it does not live, or the kernel does not tell.</param>
/// <param name="Since">When it opened the arena (UTC).</param>
/// <param name="IsAlive">
/// True where it is known to live and has not closed the arena. In another pid namespace only the lock knows.
/// </param>
/// <param name="IsOfThisKernel">False where it ran before a kexec or a boot.</param>
public sealed record WriterSnapshot(
    int ProcessId, string? ProgramName, DateTimeOffset Since, bool IsAlive, bool IsOfThisKernel)
{
    /// <inheritdoc/>
    public override string ToString() =>
        $"process {ProcessId}" +
        (ProgramName is not null ? $" ({ProgramName})" : IsAlive ? " (not to be seen from here)" : string.Empty) +
        $" since {Since:u}";
}
