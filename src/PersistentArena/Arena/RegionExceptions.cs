using System.Globalization;

namespace GuestMemFs;

/// <summary>There is no region of that name.</summary>
public sealed class RegionNotFoundException : ArenaException
{
    internal RegionNotFoundException(string location, string name, int regions)
        : base(ReasonCodes.RegionNotFound, $"The arena in {location} has no region '{name}' (it has {regions}). " +
            "ListRegions names them; CreateRegion makes one.") => Name = name;

    /// <summary>The name.</summary>
    public string Name { get; }
}

/// <summary>The name is taken.</summary>
public sealed class RegionExistsException : ArenaException
{
    internal RegionExistsException(string location, string name, long length)
        : base(ReasonCodes.RegionExists, $"The arena in {location} has a region '{name}' of {length} bytes already. " +
            "Open it, or choose another name.")
    {
        Name = name;
        Length = length;
    }

    /// <summary>The name.</summary>
    public string Name { get; }

    /// <summary>The length of the region that has it, in bytes.</summary>
    public long Length { get; }
}

/// <summary>The name cannot be a region's.</summary>
public sealed class InvalidRegionNameException : ArenaException
{
    internal InvalidRegionNameException(string name, string detail)
        : base(ReasonCodes.InvalidRegionName, $"'{name}' cannot be the name of a region: {detail}. Names have 1 " +
            $"to {RegionOptions.MaximumNameBytes} bytes of UTF-8 and no control characters.") => Name = name;

    /// <summary>The name.</summary>
    public string Name { get; }
}

/// <summary>The region is of another kind than was asked for.</summary>
public sealed class RegionKindException : ArenaException
{
    internal RegionKindException(string name, RegionKind asked, RegionKind found)
        : base(ReasonCodes.RegionWrongKind,
            $"Region '{name}' is of kind {found}, and {asked} was asked for. Open it as {found}, or use another name.")
    {
        Name = name;
        Requested = asked;
        Found = found;
    }

    /// <summary>The region.</summary>
    public string Name { get; }

    /// <summary>The kind that was asked for.</summary>
    public RegionKind Requested { get; }

    /// <summary>The kind that it is.</summary>
    public RegionKind Found { get; }
}

/// <summary>The size cannot be, or is not the region's.</summary>
public sealed class RegionSizeException : ArenaException
{
    internal RegionSizeException(string name, long asked, long limit, string detail)
        : base(ReasonCodes.RegionWrongSize,
            string.Create(CultureInfo.InvariantCulture, $"Region '{name}', {asked} bytes: {detail} {limit}."))
    {
        Name = name;
        Requested = asked;
        Limit = limit;
    }

    internal static RegionSizeException Shorter(string name, long asked, long length) =>
        new(name, asked, length, "The region is there and shorter. Open it and call Grow. Its length is");

    internal static RegionSizeException OutgrewAddressSpace(string name, long length, long addressSpace) => new(
        name,
        length,
        addressSpace,
        "The region has grown beyond the address space it was opened with. Dispose of all openings of it and open it "
        + "again. The space is");

    /// <summary>The region.</summary>
    public string Name { get; }

    /// <summary>The size that was asked for, in bytes.</summary>
    public long Requested { get; }

    /// <summary>The size that limits it or that it is, in bytes; what it is of the two, the message says.</summary>
    public long Limit { get; }
}

/// <summary>The region is open in this process.</summary>
public sealed class RegionInUseException : ArenaException
{
    internal RegionInUseException(string name, int openings)
        : base(ReasonCodes.RegionInUse,
            $"Region '{name}' is open {openings} times in this process. Dispose of these, then delete it.")
    {
        Name = name;
        OpenCount = openings;
    }

    /// <summary>The region.</summary>
    public string Name { get; }

    /// <summary>How many <see cref="PersistentRegion"/>s are open.</summary>
    public int OpenCount { get; }
}

/// <summary>
/// The region is lent, to a machine that runs or to a program that borrowed it: another process holds the lock on its
/// first file.
/// </summary>
public sealed class RegionLentException : ArenaException
{
    internal RegionLentException(string name, string file, int? holder)
        : base(
            ReasonCodes.RegionLent,
            $"Region '{name}' is lent, to a machine that runs or to a program that borrowed it: " +
            (holder is { } process ? $"process {process}" : "a process that cannot be seen from here") +
            $" holds the lock on its file {file}. End that first.")
    {
        Name = name;
        HolderProcessId = holder;
    }

    /// <summary>The region.</summary>
    public string Name { get; }

    /// <summary>Who holds it; null where that cannot be seen (another user's process, another PID namespace).</summary>
    public int? HolderProcessId { get; }
}

/// <summary>A region's extent is missing, truncated, duplicated, or does not add up.</summary>
public sealed class ExtentException : ArenaException
{
    private ExtentException(string code, string message, string region, ulong extentId, long expected, long found)
        : base(code, message)
    {
        Region = region;
        ExtentId = extentId;
        ExpectedLength = expected;
        FoundLength = found;
    }

    /// <summary>The region.</summary>
    public string Region { get; }

    /// <summary>The extent.</summary>
    public ulong ExtentId { get; }

    /// <summary>The length its file was made with, in bytes.</summary>
    public long ExpectedLength { get; }

    /// <summary>The length of the file under its name, -1 where there is none.</summary>
    public long FoundLength { get; }

    internal static ExtentException Missing(string region, ulong id, string file, long expected, string location,
        string why) => new(
        ReasonCodes.ExtentMissing,
        string.Create(CultureInfo.InvariantCulture, $"Extent {id} of region '{region}' ({expected} bytes, made " +
            $"as {file}) is not in {location}: {why}. The region was not opened; nothing was changed. Bring the file " +
            $"back, or delete the region."),
        region,
        id,
        expected,
        -1);

    internal static ExtentException Truncated(string region, ulong id, string file, long expected, long found) => new(
        ReasonCodes.ExtentTruncated,
        string.Create(CultureInfo.InvariantCulture, $"Extent {id} of region '{region}' was made with {expected} " +
            $"bytes, and {file} has {found}. The region was not opened; nothing was changed. Bring the whole file " +
            $"back, or delete the region."),
        region,
        id,
        expected,
        found);

    internal static ExtentException Duplicated(string region, ulong id, string first, string second) => new(
        ReasonCodes.ExtentDuplicated,
        string.Create(CultureInfo.InvariantCulture,
            $"Extent {id} of region '{region}' is there twice, as {first} and " +
            $"as {second}. Which of them is newer cannot be told; the region was not opened. Move one of them away."),
        region,
        id,
        0,
        0);

    internal static ExtentException OfOtherGeneration(string region, ulong id, string file, uint stamped,
        ulong newest) => new(
        ReasonCodes.ExtentOfOtherGeneration,
        string.Create(
            CultureInfo.InvariantCulture,
            $"Extent {id} of region '{region}' ({file}) and arena.meta are not of one time: " +
            $"{WriterOf(stamped, newest)}. One of them is an older or another copy. The region was not opened; its " +
            $"data was not changed. Bring all files back from one copy, or move the region out of the way with " +
            $"'gmfs repair'."),
        region,
        id,
        0,
        0);

    private static string WriterOf(uint stamped, ulong newest) => stamped == 0
        ? "the file was never opened by a writer that the metadata knows"
        : $"the file was last opened by the writer of epoch {stamped}, and the metadata has come to epoch {newest}";

    internal static ExtentException Inconsistent(string region, long expected, long found) => new(
        ReasonCodes.ExtentsInconsistent,
        string.Create(CultureInfo.InvariantCulture,
            $"Region '{region}' has {expected} bytes, and its extents hold {found}. The metadata is damaged; the " +
            $"region was not opened."),
        region,
        0,
        expected,
        found);
}
