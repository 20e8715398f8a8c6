namespace GuestMemFs;

/// <summary>A region and where it lies.</summary>
/// <param name="Info">What is known of it.</param>
/// <param name="Extents">The pieces that it is made of, in the order of its bytes.</param>
public sealed record RegionSnapshot(RegionInfo Info, IReadOnlyList<ExtentSnapshot> Extents);

/// <summary>A file of an arena, as the journal knows it. <see cref="ArenaInspection.Locate"/> finds it.</summary>
/// <param name="Id">Never used twice in its arena.</param>
/// <param name="Nonce">Drawn when it was made: tells it from an older file of the same id.</param>
/// <param name="Ordinal">Its place in its region, from 0.</param>
/// <param name="FileLengthBytes">The file's length in bytes.</param>
/// <param name="UsedBytes">How many of the region's bytes it holds, from its first byte on.</param>
/// <param name="Use">What it is used for.</param>
public sealed record ExtentSnapshot(
    ulong Id, ulong Nonce, int Ordinal, long FileLengthBytes, long UsedBytes, ExtentUse Use);

/// <summary>What an extent is used for.</summary>
public enum ExtentUse
{
    /// <summary>It is part of a region.</summary>
    Region = 1,

    /// <summary>It is of no region, and scrubbed.</summary>
    Free = 2,

    /// <summary>It is of no region, and still full of what it held.</summary>
    Unscrubbed = 3,
}
