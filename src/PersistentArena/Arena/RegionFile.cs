namespace GuestMemFs;

/// <summary>A file that holds a part of a region's bytes, from its first byte on.</summary>
/// <param name="Name">The name within the medium.</param>
/// <param name="Path">
/// The path under which another program opens it, or null where the medium's files have none.
/// </param>
/// <param name="Length">How many of its bytes are the region's.</param>
/// <param name="FileLength">
/// Its length, in bytes. What lies behind the region's bytes is the arena's, the file's identity among it.
/// </param>
public sealed record RegionFile(string Name, string? Path, long Length, long FileLength);
