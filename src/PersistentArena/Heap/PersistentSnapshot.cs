using GuestMemFs.Heap;

namespace GuestMemFs;

/// <summary>
/// A heap as it was at one instant, all collections of it, to read beside its writers: for scans, for analytics, for
/// copies. Writers do not wait for it, and it does not see them.
/// </summary>
/// <remarks>
/// <para>Taken in constant time. It costs what changes while it lives: the first change of a page copies that page (4
/// KiB; the medium's page of 2 MiB or more on hugetlbfs and guestmemfs) into memory of this process. Any number may
/// live at once, each with its own copies.</para>
/// <para>It is of this process: it ends with it, with the close of the arena and of the region. Nothing of it is in the
/// arena, so nothing is to be given back after a kill. A process that only reads takes none; it sees the writer's
/// changes as they are made.</para>
/// <para>Thread-safe. Records expire by a clock that stands still at <see cref="TakenAt"/>, unless a collection is
/// opened with a clock of its own.</para>
/// </remarks>
public sealed class PersistentSnapshot : IDisposable
{
    private readonly SnapshotPages _pages;

    private PersistentSnapshot(SnapshotSpace space)
    {
        _pages = space.Pages;
        TakenAt = space.TakenAt;
        Heap = PersistentHeap.Open(space);
        _pages.TellWhenGone(Heap.State);
    }

    /// <summary>
    /// The heap at that instant. Collections are opened in it as in a heap that was opened to read, and a change is
    /// refused (<see cref="ArenaReadOnlyException"/>).
    /// </summary>
    public PersistentHeap Heap { get; }

    /// <summary>The instant.</summary>
    public DateTimeOffset TakenAt { get; }

    /// <summary>Bytes of this process's memory that it holds now.</summary>
    public long CopiedBytes => _pages.CopiedBytes;

    /// <summary>True where it was given up because it would have held too much: its readers get
    /// <see cref="SnapshotLostException"/>.</summary>
    public bool IsLost => _pages.IsLost;

    internal static PersistentSnapshot Take(PersistentHeap heap, long maximumBytes)
    {
        SnapshotSpace space = heap.Snapshots.Begin(maximumBytes);
        try
        {
            return new PersistentSnapshot(space);
        }
        catch (HeapDamagedException) when (space.Pages.HasEnded)
        {
            throw ((IHeapSpace)space).Gone(); // what does not check are zeros in its place
        }
        catch
        {
            space.Pages.End();
            throw;
        }
    }

    /// <summary>Ends it. A reader that is still at it gets <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose() => _pages.End();
}

/// <summary>Takes snapshots.</summary>
public static class PersistentHeapSnapshots
{
    /// <summary>
    /// Takes a snapshot: waits for the changes in flight and for an open group of another thread, as a group does, and
    /// keeps writers waiting for one step that costs the same whatever the heap's size.
    /// </summary>
    /// <param name="heap">A heap of an arena that this process writes.</param>
    /// <param name="maximumBytes">
    /// Bytes that it may hold: when a change would make it hold more, the snapshot ends, and the change is made.
    /// </param>
    /// <exception cref="ArenaReadOnlyException">The arena was opened to read.</exception>
    /// <exception cref="AtomicGroupException">This thread has a group open.</exception>
    /// <exception cref="ObjectDisposedException">The arena was closed.</exception>
    /// <exception cref="SnapshotLostException">It was lost before it was there.</exception>
    public static PersistentSnapshot TakeSnapshot(this PersistentHeap heap, long maximumBytes = long.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(heap);
        ArgumentOutOfRangeException.ThrowIfNegative(maximumBytes);
        return PersistentSnapshot.Take(heap, maximumBytes);
    }
}
