using System.Globalization;

namespace GuestMemFs;

/// <summary>There is no arena at a place.</summary>
public sealed class ArenaNotFoundException : ArenaException
{
    internal ArenaNotFoundException(string location, string detail)
        : base(ReasonCodes.ArenaNotFound, $"There is no arena in {location}: {detail}. Create one with " +
            "PersistentArena.Create or OpenOrCreate.") => Location = location;

    /// <summary>Where it was looked for.</summary>
    public string Location { get; }
}

/// <summary>There is an arena at the place of a new one.</summary>
public sealed class ArenaExistsException : ArenaException
{
    internal ArenaExistsException(string location)
        : base(ReasonCodes.ArenaExists, $"There is an arena in {location} already. Open it, or create the new one in " +
            "another directory.") => Location = location;

    /// <summary>Where it is.</summary>
    public string Location { get; }
}

/// <summary>The arena has a writer.</summary>
public sealed class ArenaInUseException : ArenaException
{
    internal ArenaInUseException(string location, int? processId, DateTimeOffset? since, TimeSpan waited = default)
        : base(ReasonCodes.ArenaInUse, Text(location, processId, since, waited))
    {
        Location = location;
        ProcessId = processId;
        Since = since;
        Waited = waited;
    }

    /// <summary>The arena.</summary>
    public string Location { get; }

    /// <summary>The writer's process id (of its own pid namespace), where it could be read.</summary>
    public int? ProcessId { get; }

    /// <summary>When it opened the arena, by its wall clock.</summary>
    public DateTimeOffset? Since { get; }

    /// <summary>For how long it was waited for (<see cref="ArenaOptions.WaitForWriter"/>).</summary>
    public TimeSpan Waited { get; }

    private static string Text(string location, int? processId, DateTimeOffset? since, TimeSpan waited)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        string who = processId is null
            ? "its record is being written this moment"
            : string.Create(culture, $"process {processId} since {since:u}");
        string patience = waited > TimeSpan.Zero
            ? string.Create(culture, $" It did not end in the {waited.TotalSeconds:0.###} s that were waited for it.")
            : "";
        string wayOut = "Stop it, or open the arena read-only beside it.";
        return $"The arena in {location} has a writer: {who}.{patience} {wayOut}";
    }
}

/// <summary>The arena's writers end early, one after the other, and it cannot be set aside as it was to be.</summary>
public sealed class ArenaCrashLoopException : ArenaException
{
    internal ArenaCrashLoopException(string location, int earlyEnds, string why)
        : base(ReasonCodes.CrashLoop, string.Create(
            CultureInfo.InvariantCulture,
            $"The last {earlyEnds} writers of the arena in {location} ended soon after their attach. It {why}. " +
            $"Nothing was changed. Look at it (gmfs check --deep), and open it read-only, or with " +
            $"CrashLoopAction.Report."))
    {
        Location = location;
        EarlyEnds = earlyEnds;
    }

    /// <summary>Where it is.</summary>
    public string Location { get; }

    /// <summary>How many ended early, in a row.</summary>
    public int EarlyEnds { get; }
}

/// <summary>A newer writer has taken the arena over.</summary>
public sealed class ArenaFencedException : ArenaException
{
    internal ArenaFencedException(string location, ulong epoch, ulong newestEpoch)
        : base(ReasonCodes.ArenaFenced, $"This writer of the arena in {location} has epoch {epoch}, and the arena " +
            $"says {newestEpoch}: another writer has taken over. Dispose of this one and open the arena anew.")
    {
        Epoch = epoch;
        NewestEpoch = newestEpoch;
    }

    /// <summary>This writer's epoch.</summary>
    public ulong Epoch { get; }

    /// <summary>The epoch that the arena has now.</summary>
    public ulong NewestEpoch { get; }
}

/// <summary>The arena's metadata stands still.</summary>
public sealed class ArenaFrozenException : ArenaException
{
    internal ArenaFrozenException(string location, string operation)
        : base(ReasonCodes.ArenaFrozen, $"The arena in {location} is frozen; {operation} would change its metadata. " +
            "Data can still be written. Call Thaw first, where no kexec is under way.") =>
        Operation = operation;

    /// <summary>What was refused.</summary>
    public string Operation { get; }
}

/// <summary>The arena was opened read-only.</summary>
public sealed class ArenaReadOnlyException : ArenaException
{
    internal ArenaReadOnlyException(string location, string operation)
        : base(ReasonCodes.ArenaReadOnly,
            $"The arena in {location} was opened read-only; {operation} needs a writer. " +
            "Open it with ArenaAccess.ReadWrite.") =>
        Operation = operation;

    private ArenaReadOnlyException(string message)
        : base(ReasonCodes.ArenaReadOnly, message) => Operation = "";

    /// <summary>What was refused.</summary>
    public string Operation { get; private init; }

    internal static ArenaReadOnlyException OfRegion(string region, string operation) =>
        new($"Region '{region}' is of an arena that was opened read-only; {operation} needs a writer. Nothing was " +
            "changed. Open the arena with ArenaAccess.ReadWrite.")
        {
            Operation = operation,
        };
}

/// <summary>A file is not this arena's, or no arena's at all.</summary>
public sealed class ForeignFileException : ArenaException
{
    internal ForeignFileException(string location, string detail, Guid? expected = null, Guid? found = null)
        : base(ReasonCodes.ForeignFile, $"{detail} in {location}. Nothing was touched. Move the file away, or name " +
            "the directory of the arena that is meant.")
    {
        Location = location;
        Expected = expected;
        Found = found;
    }

    /// <summary>Where it is.</summary>
    public string Location { get; }

    /// <summary>The arena id that was asked for.</summary>
    public Guid? Expected { get; }

    /// <summary>The arena id that was found.</summary>
    public Guid? Found { get; }
}

/// <summary>Several arenas are in one place.</summary>
public sealed class ArenaAmbiguousException : ArenaException
{
    internal ArenaAmbiguousException(string location, IReadOnlyList<Guid> found)
        : base(ReasonCodes.ArenaAmbiguous, $"{location} holds {found.Count} arenas ({string.Join(", ", found)}), and " +
            "which is meant cannot be told from their names. Say it with ArenaOptions.ArenaId, or separate them.") =>
        Found = found;

    /// <summary>Their ids.</summary>
    public IReadOnlyList<Guid> Found { get; }
}

/// <summary>
/// Files of an arena's regions are in a place, and its metadata is not: a new arena beside them would hide that.
/// </summary>
public sealed class ArenaMetadataMissingException : ArenaException
{
    private const int Named = 5;

    internal ArenaMetadataMissingException(string location, IReadOnlyList<string> files, IReadOnlyList<Guid> arenas)
        : base(ReasonCodes.MetadataMissing, string.Create(
            CultureInfo.InvariantCulture,
            $"{location} holds {files.Count} files of regions " +
            $"({string.Join(", ", files.Take(Named))}{(files.Count > Named ? ", ..." : "")})" +
            $"{(arenas.Count > 0 ? $" of arena {string.Join(", ", arenas)}" : "")}, and no arena.meta that names " +
            $"them. Nothing was touched, and no arena was made beside them. Bring arena.meta back from the same " +
            $"time; or have all files moved away with 'gmfs repair --start-over'; or name another directory."))
    {
        Location = location;
        Files = files;
        ArenaIds = arenas;
    }

    /// <summary>Where they are.</summary>
    public string Location { get; }

    /// <summary>The files' names.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <summary>The arenas that their identities name.</summary>
    public IReadOnlyList<Guid> ArenaIds { get; }
}

/// <summary>The arena was written by a newer library.</summary>
public sealed class NewerFormatException : ArenaException
{
    internal NewerFormatException(string location, uint version, ulong unknownBits, bool readable)
        : base(
            readable ? ReasonCodes.ReadOnlyFormat : ReasonCodes.NewerFormat,
            $"The arena in {location} is of format version {version} with features 0x{unknownBits:x} that this " +
            "library does not know. " +
            (readable ? "It can be opened read-only (ArenaAccess.ReadOnly)" : "Nothing was touched") +
            "; update the library to write it.")
    {
        Version = version;
        UnknownFeatures = unknownBits;
        IsReadable = readable;
    }

    /// <summary>The format's version.</summary>
    public uint Version { get; }

    /// <summary>The feature bits that are not known.</summary>
    public ulong UnknownFeatures { get; }

    /// <summary>True where it may be opened read-only.</summary>
    public bool IsReadable { get; }
}

/// <summary>The metadata is damaged in a way that cannot be mended without guessing.</summary>
public sealed class ArenaDamagedException : ArenaException
{
    private ArenaDamagedException(string code, string message, string location, uint generation, long offset)
        : base(code, message)
    {
        Location = location;
        Generation = generation;
        Offset = offset;
    }

    /// <summary>Where it is.</summary>
    public string Location { get; }

    /// <summary>The journal's generation, 0 where it is not about the journal.</summary>
    public uint Generation { get; }

    /// <summary>The byte from which on it does not check: within the log, or within the file.</summary>
    public long Offset { get; }

    internal static ArenaDamagedException Journal(string location, uint generation, long offset, string detail) => new(
        ReasonCodes.JournalDamaged,
        $"The metadata journal (generation {generation}) of the arena in {location} is damaged at byte {offset} of " +
        $"its log: {detail}. Nothing was touched. Copy the directory's files away before anything else; the regions' " +
        "bytes are not affected.",
        location,
        generation,
        offset);

    internal static ArenaDamagedException Epoch(string location, ulong epoch) => new(
        ReasonCodes.JournalDamaged,
        $"The newest writer of the arena in {location} has epoch {epoch}, the last there is, which no arena reaches: " +
        "no writer can follow. Nothing was touched. Open it read-only, and copy its regions into another arena (gmfs " +
        "dump, gmfs restore).",
        location,
        0,
        0);

    internal static ArenaDamagedException Superblock(string location, string detail) => new(
        ReasonCodes.SuperblockDamaged,
        $"The superblock of the arena in {location} is damaged: {detail}. Nothing was touched. Copy the directory's " +
        "files away before anything else; where nothing was ever stored there, move its files away ('gmfs repair " +
        "--start-over') and create the arena anew.",
        location,
        0,
        0);
}

/// <summary>A reader could not get a copy of the metadata that stood still.</summary>
public sealed class ArenaBusyException : ArenaException
{
    internal ArenaBusyException(string location, int attempts)
        : base(ReasonCodes.ArenaBusy, $"The writer of the arena in {location} replaced its metadata during each " +
            $"of {attempts} attempts to read it. Try again.") =>
        Attempts = attempts;

    /// <summary>How often it was tried.</summary>
    public int Attempts { get; }
}
