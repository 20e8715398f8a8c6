using GuestMemFs.Arena;
using GuestMemFs.Native;

namespace GuestMemFs.Heap;

/// <summary>What a heap needs of the memory under it: a region, or plain memory in a test.</summary>
internal unsafe interface IHeapSpace
{
    /// <summary>First byte; aligned to 2 MiB at least, and never moves.</summary>
    byte* Base { get; }

    /// <summary>Bytes that are there now; may grow.</summary>
    long Length { get; }

    /// <summary>
    /// The length after a look at what another process, the writer, has added since. For where something leads behind
    /// <see cref="Length"/>.
    /// </summary>
    long Follow() => Length;

    /// <summary>For messages.</summary>
    string Name { get; }

    bool IsWritable { get; }

    /// <summary>The attach epoch: rises with every writer of the arena, and is at least 1.</summary>
    ulong Epoch { get; }

    /// <summary>Tells this region's life from earlier ones of the same memory.</summary>
    ulong Nonce { get; }

    Guid ArenaId { get; }

    /// <summary>The arena's random seed.</summary>
    UInt128 Seed { get; }

    /// <summary>True where the journal says that a heap was made here; its header must then be in order.</summary>
    bool IsFormatted { get; }

    void MarkFormatted();

    /// <summary>Of a snapshot, when it was taken: the time by which its records expire.</summary>
    DateTimeOffset? Instant => null;

    /// <summary>What a user is told when the memory is gone.</summary>
    Exception Gone() => new ObjectDisposedException(nameof(PersistentRegion), $"Region '{Name}' was disposed of.");

    /// <summary>Bytes of the medium's page.</summary>
    long PageSize => PageSizes.Small;

    /// <summary>Maps the memory a second time.</summary>
    RegionView MapAgain() => throw new NotSupportedException($"'{Name}' cannot be mapped twice.");

    /// <summary>Takes the medium's space for the range; an exception where it has none.</summary>
    void EnsureBacked(long offset, long length);

    /// <summary>
    /// The first stretch of a range that has the medium's memory already, asked where the medium has no more. Its
    /// length is 0 where there is none; the whole range where nobody says.
    /// </summary>
    (long Offset, long Length) FirstHeld(long offset, long length) => (offset, length);

    /// <summary>
    /// All before the offset was backed once: it is so again, though the files be a copy that left pages of zeros out.
    /// </summary>
    void FillHoles(long end);
}
