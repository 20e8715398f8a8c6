using GuestMemFs.Dumps;

namespace GuestMemFs;

/// <summary>What a dump says of itself. All sizes in bytes.</summary>
/// <param name="Region">The region's name.</param>
/// <param name="ArenaId">The arena that it was in.</param>
/// <param name="Epoch">That arena's epoch.</param>
/// <param name="Taken">The instant whose bytes it holds; of one that was taken beside a writer and is no heap's, when
/// it was begun.</param>
/// <param name="Length">The region's length.</param>
/// <param name="Copied">How many of its first bytes are in the dump: of a heap what was handed out.</param>
/// <param name="MaximumLength">Address space to keep for growth.</param>
/// <param name="Alignment">The region's alignment.</param>
/// <param name="Kind">The region's kind.</param>
/// <param name="Reserve">When the region takes the medium's space.</param>
/// <param name="HasHeap">True where a heap was made in it.</param>
/// <param name="IsTorn">
/// True where parts of it may be older than others: a region, no heap, that was copied beside its writer.
/// </param>
public sealed record DumpInfo(
    string Region,
    Guid ArenaId,
    ulong Epoch,
    DateTimeOffset Taken,
    long Length,
    long Copied,
    long MaximumLength,
    long Alignment,
    RegionKind Kind,
    RegionReserve Reserve,
    bool HasHeap,
    bool IsTorn)
{
    /// <summary>How long writers of the heap waited for it. Zero where nobody wrote.</summary>
    public TimeSpan Pause { get; init; }

    /// <summary>The dump's own length.</summary>
    public long FileLength { get; init; }

    internal static DumpInfo Of(DumpHeader header, DumpTrailer? trailer, long fileLength) => new(header.Name,
        header.ArenaId, header.Epoch, trailer?.Taken ?? header.Taken, trailer?.Length ?? header.Length,
        trailer?.Copied ?? header.Stored, header.MaximumLength, header.Alignment, header.Kind, header.Reserve,
        header.Formatted, header.BesideWriter)
    {
        Pause = trailer?.Pause ?? TimeSpan.Zero,
        FileLength = fileLength,
    };
}
