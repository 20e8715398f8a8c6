namespace GuestMemFs.Heap;

/// <summary>A snapshot's pages as the memory under a heap that is read.</summary>
/// <param name="live">The heap that it was taken of.</param>
/// <param name="pages">Its pages.</param>
/// <param name="takenAt">When it was taken.</param>
internal sealed unsafe class SnapshotSpace(IHeapSpace live, SnapshotPages pages, DateTimeOffset takenAt) : IHeapSpace
{
    /// <summary>Its pages.</summary>
    public SnapshotPages Pages => pages;

    public byte* Base => pages.Base;

    public long Length => pages.Length;

    public string Name { get; } = live.Name;

    public bool IsWritable => false;

    public ulong Epoch { get; } = live.Epoch;

    public ulong Nonce { get; } = live.Nonce;

    public Guid ArenaId { get; } = live.ArenaId;

    public UInt128 Seed { get; } = live.Seed;

    public bool IsFormatted => true;

    /// <summary>The instant.</summary>
    public DateTimeOffset TakenAt => takenAt;

    public DateTimeOffset? Instant => takenAt;

    public Exception Gone() => pages.IsLost
        ? new SnapshotLostException(Name, pages.CopiedBytes)
        : new ObjectDisposedException(nameof(SnapshotSpace),
            $"The snapshot of the heap in region '{Name}' has ended: it was disposed of, or the arena was closed.");

    public void MarkFormatted()
    {
        // It is.
    }

    public void EnsureBacked(long offset, long length)
    {
        // Nobody stores here.
    }

    public void FillHoles(long end)
    {
        // Nobody stores here.
    }

    /// <summary>No collection of it is in use any more, and nobody said so.</summary>
    ~SnapshotSpace() => pages.End();
}
