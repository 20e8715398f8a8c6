using GuestMemFs.Dumps;
using GuestMemFs.Heap;

namespace GuestMemFs;

/// <summary>
/// Regions as ordinary files: before a power-off, for another host, as a backup. A dump carries its format's version,
/// every block has its checksum, and docs/gmfs.md has it byte by byte.
/// </summary>
/// <remarks>Thread-safe. A file has its name when every byte is on the disk; a region that is restored, when it is
/// whole.</remarks>
public static class RegionDump
{
    /// <summary>
    /// Dumps a heap that this process writes, while it is written: what the file holds is the heap at one instant, with
    /// every change that had returned and no other.
    /// </summary>
    /// <remarks>
    /// Another heap of the arena is dumped at another instant: what has to agree belongs into one heap.
    /// Writers wait for <see cref="DumpInfo.Pause"/> at the end, once. It takes memory for what changes within that
    /// time. Objects whose words the application stores to through references are part of it only as far as nobody
    /// stores to them meanwhile.
    /// </remarks>
    /// <param name="heap">The heap, opened for writing.</param>
    /// <param name="path">The file.</param>
    /// <param name="options">How long writers may wait, and more.</param>
    /// <param name="cancellationToken">Ends it; nothing is left of the file.</param>
    /// <exception cref="DumpExistsException">The file is there.</exception>
    /// <exception cref="DumpInUseException">Another process or thread writes it.</exception>
    /// <exception cref="DumpPauseException">Writers would wait for longer than they may.</exception>
    /// <exception cref="DumpUnderWayException">The heap is being dumped already.</exception>
    /// <exception cref="AtomicGroupException">This thread has a group open.</exception>
    /// <exception cref="ArenaReadOnlyException">The heap was opened to read.</exception>
    /// <exception cref="UntrustedOwnerException">Another user could change the file's directory.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static DumpInfo Write(
        PersistentHeap heap, string path, DumpOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new DumpOptions();
        return DumpFile.Write(path, options.Overwrite, file => Write(heap, file, options, cancellationToken));
    }

    /// <summary>
    /// The same into a stream, which is written to its end and neither flushed nor closed. A dump is whole where this
    /// has returned; one that is cut off is refused by <see cref="Restore"/>.
    /// </summary>
    /// <inheritdoc cref="Write(PersistentHeap, string, DumpOptions, CancellationToken)"/>
    public static DumpInfo Write(
        PersistentHeap heap, Stream to, DumpOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(to);
        return Write(heap, to, options, tracked: true, cancellationToken);
    }

    /// <summary>Dumps a region that nobody writes, or that its writer does not change meanwhile.</summary>
    /// <param name="arena">The arena. <see cref="ArenaInspection.ExcludeWriters"/> keeps writers out.</param>
    /// <param name="region">The region's name.</param>
    /// <param name="path">The file.</param>
    /// <param name="options">Whether a file is replaced, and more.</param>
    /// <param name="mayBeTorn">
    /// True to note in the dump, for good, that parts of it may be older than others.
    /// </param>
    /// <param name="cancellationToken">Ends it; nothing is left of the file.</param>
    /// <exception cref="DumpExistsException">The file is there.</exception>
    /// <exception cref="DumpInUseException">Another process or thread writes it.</exception>
    /// <exception cref="RegionNotFoundException">There is no such region.</exception>
    /// <exception cref="ExtentException">A file of it is missing, truncated, or there twice.</exception>
    /// <exception cref="UntrustedOwnerException">Another user could change the file's directory.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static DumpInfo Write(ArenaInspection arena, string region, string path, DumpOptions? options = null,
        bool mayBeTorn = false, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(arena);
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new DumpOptions();
        return DumpFile.Write(path, options.Overwrite, file => RegionCopy.Run(
            arena, region, file, mayBeTorn, options.Progress, cancellationToken));
    }

    /// <summary>What a dump says of itself. Its blocks are not looked at.</summary>
    /// <param name="path">The file.</param>
    /// <param name="trust">Who may have written it; root and this process's user where nothing is said.</param>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="DumpDamagedException">It is none, or cut off.</exception>
    /// <exception cref="DumpFormatException">It is a newer library's.</exception>
    /// <exception cref="UntrustedOwnerException">Another user could have written it.</exception>
    public static DumpInfo Read(string path, PathTrust? trust = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using DumpReader dump = new(path, trust ?? PathTrust.Own);
        return dump.Info;
    }

    /// <summary>Reads a dump to its end and checks every block.</summary>
    /// <inheritdoc cref="Read"/>
    /// <param name="path">The file.</param>
    /// <param name="trust">Who may have written it; root and this process's user where nothing is said.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static DumpInfo Verify(string path, PathTrust? trust = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using DumpReader dump = new(path, trust ?? PathTrust.Own);
        dump.ReadAll(static (_, _) => { }, cancellationToken);
        return dump.Info;
    }

    /// <summary>Makes a region from a dump, in this or another arena.</summary>
    /// <remarks>
    /// One commit: killed before it, there is no region of that name, but one for which <see cref="IsRestoring"/> is
    /// true, and which the next restore removes. A heap's first open recovers what was in flight in it.
    /// </remarks>
    /// <param name="path">The file.</param>
    /// <param name="arena">The arena, opened for writing.</param>
    /// <param name="options">Another name, more room to grow, and more.</param>
    /// <param name="cancellationToken">Ends it; nothing is left of the region.</param>
    /// <exception cref="RegionExistsException">The name is taken.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="DumpDamagedException">It is no dump, cut off, or a block of it does not check.</exception>
    /// <exception cref="DumpFormatException">It is a newer library's.</exception>
    /// <exception cref="UntrustedOwnerException">Another user could have written it.</exception>
    /// <exception cref="ArenaOutOfSpaceException">The medium has no room.</exception>
    /// <exception cref="ArenaReadOnlyException">The arena was opened to read.</exception>
    public static DumpInfo Restore(
        string path, PersistentArena arena, RestoreOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(arena);
        options ??= new RestoreOptions();
        using DumpReader dump = new(path, options.Trust);
        RegionRestore.Run(dump, arena, options, cancellationToken);
        return dump.Info;
    }

    /// <summary>True for the name of a region that is being restored, or whose restore was killed.</summary>
    public static bool IsRestoring(string region)
    {
        ArgumentNullException.ThrowIfNull(region);
        return RestoringRegion.Is(region);
    }

    /// <summary>Removes the regions that killed restores left.</summary>
    /// <returns>How many there were.</returns>
    /// <exception cref="ArenaReadOnlyException">The arena was opened to read.</exception>
    public static int RemoveInterrupted(PersistentArena arena)
    {
        ArgumentNullException.ThrowIfNull(arena);
        return RestoringRegion.RemoveAll(arena);
    }

    internal static DumpInfo Write(
        PersistentHeap heap, Stream to, DumpOptions? options, bool tracked, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(heap);
        var space = (RegionHeapSpace)heap.Space;
        if (!space.IsWritable)
        {
            throw ArenaReadOnlyException.OfRegion(space.Name, "dumping its heap beside a writer in another process");
        }

        RegionInfo region = space.Describe();
        DumpHeader? header = null;
        (DumpTrailer trailer, long written) = HeapCapture.Run(
            heap,
            used => header = new DumpHeader(space.ArenaId, space.Epoch, DateTimeOffset.UtcNow, space.Length, used,
                region.MaximumLength, region.Alignment, region.Kind, region.Reserve, Formatted: true,
                BesideWriter: false, region.Name) { Version = DumpHeader.Newest },
            to, options ?? new DumpOptions(), tracked, cancellationToken);
        return DumpInfo.Of(header!, trailer, written);
    }
}
