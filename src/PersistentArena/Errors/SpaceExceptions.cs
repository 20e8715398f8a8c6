using System.Globalization;

namespace GuestMemFs;

/// <summary>The medium has no room.</summary>
public sealed class ArenaOutOfSpaceException : ArenaException
{
    internal ArenaOutOfSpaceException(string message, long asked, long? free, Exception? inner = null)
        : base(ReasonCodes.OutOfSpace, message, inner)
    {
        Requested = asked;
        Free = free;
    }

    /// <summary>Bytes that were asked for.</summary>
    public long Requested { get; }

    /// <summary>Bytes that were free, where that is known.</summary>
    public long? Free { get; }

    internal static ArenaOutOfSpaceException OnMedium(string location, long asked, long? free, long total,
        Exception? inner = null) => new(
        string.Create(CultureInfo.InvariantCulture,
            $"{location} has no room: {asked} bytes were asked " +
            $"for, {(free is null ? "fewer" : free.Value.ToString(CultureInfo.InvariantCulture))} of {total} are " +
            $"free. Nothing was changed. Delete regions, ask for less, or give the medium more memory."),
        asked,
        free,
        inner);
}

/// <summary>The metadata file has no room for more.</summary>
public sealed class ArenaMetadataFullException : ArenaException
{
    internal ArenaMetadataFullException(string location, long asked, long used, long capacity, int regions)
        : base(
            ReasonCodes.MetadataFull,
            string.Create(CultureInfo.InvariantCulture, $"The metadata of the arena in {location} is full: {regions} " +
                $"regions take {used} of {capacity} bytes, {asked} more were asked for. Nothing was changed. Delete " +
                $"regions, or create the arena with a larger MetadataSize."))
    {
        Requested = asked;
        Used = used;
        Capacity = capacity;
        RegionCount = regions;
    }

    /// <summary>Bytes that were asked for.</summary>
    public long Requested { get; }

    /// <summary>Bytes in use, compacted.</summary>
    public long Used { get; }

    /// <summary>Bytes in all.</summary>
    public long Capacity { get; }

    /// <summary>How many regions there are.</summary>
    public int RegionCount { get; }
}

/// <summary>The medium keeps no more files.</summary>
public sealed class ArenaOutOfFilesException : ArenaException
{
    internal ArenaOutOfFilesException(string location, int asked, int present, int maximum)
        : base(
            ReasonCodes.OutOfFiles,
            string.Create(CultureInfo.InvariantCulture,
                $"{location} keeps at most {maximum} files and has {present}; {asked} more were asked for. Nothing " +
                $"was changed. Delete regions (their files are used again), or use fewer, larger ones."))
    {
        Requested = asked;
        Present = present;
        Maximum = maximum;
    }

    /// <summary>Files that were asked for.</summary>
    public int Requested { get; }

    /// <summary>Files there are.</summary>
    public int Present { get; }

    /// <summary>Files that survive what the medium survives.</summary>
    public int Maximum { get; }
}
