using GuestMemFs.Heap;
using GuestMemFs.Inspection;

namespace GuestMemFs;

/// <summary>
/// An arena, looked at and not changed: beside a living writer, and damaged too. Each call looks anew and gives an
/// immutable snapshot; what costs more than a look at the metadata is a call of its own.
/// </summary>
/// <remarks>
/// <para>Thread-safe, but for <see cref="Dispose"/>. No call stores a byte to the arena or waits for its writer.
/// Only <see cref="ExcludeWriters"/> and a deep <see cref="Verify"/> take the writer's lock.</para>
/// <para>Beside a living writer a snapshot of the metadata is whole, and figures of heaps are each of another
/// instant.</para>
/// <example><code>
/// using ArenaInspection inspection = ArenaInspection.Open("/dev/shm/shop");
/// foreach (RegionSnapshot region in inspection.Read().Regions)
/// {
///     Console.WriteLine($"{region.Info.Name}: {inspection.ReadHeap(region.Info.Name)?.FrontierBytes} bytes");
/// }
/// </code></example>
/// </remarks>
public sealed class ArenaInspection : IDisposable
{
    /// <summary>Parts of a region that a survey tells apart, unless told otherwise.</summary>
    public const int DefaultSurveyParts = 128;

    /// <summary>How many slabs of each part a survey looks into, unless told otherwise: quick at any size.</summary>
    public const int DefaultSlabsPerPart = 32;

    /// <summary>How many pages of a region are looked at for its NUMA nodes, unless told otherwise.</summary>
    public const int DefaultNumaPages = 4096;

    private readonly InspectedArena _arena;

    private ArenaInspection(Medium medium, bool ownsMedium) => _arena = new InspectedArena(medium, ownsMedium);

    /// <summary>The medium that the arena lies on.</summary>
    public Medium Medium => _arena.Medium;

    /// <summary>Opens a directory for looking. Whether there is an arena in it, <see cref="Read"/> tells.</summary>
    /// <param name="directory">The arena's.</param>
    /// <param name="trust">Whose it may be; root's and our own where nothing is said.</param>
    /// <exception cref="ArenaNotFoundException">There is no such directory.</exception>
    /// <exception cref="ArenaMediumException">It cannot be read.</exception>
    /// <exception cref="UntrustedOwnerException">It is another user's, or another user can change it.</exception>
    public static ArenaInspection Open(string directory, PathTrust? trust = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        try
        {
            return new ArenaInspection(Medium.ForDirectory(directory, writable: false, trust), ownsMedium: true);
        }
        catch (MediumException e)
        {
            throw e.Kind == MediumErrorKind.Missing && !Directory.Exists(directory)
                ? new ArenaNotFoundException(directory, "there is no such directory")
                : new ArenaMediumException(directory, e);
        }
    }

    /// <summary>
    /// Opens a medium for looking: also memory behind descriptors (<c>Medium.FromDescriptors</c>) or a holder's
    /// (<c>Medium.FromHolder</c>).
    /// </summary>
    /// <param name="medium">Where the arena lies.</param>
    /// <param name="ownsMedium">Dispose of it with this object.</param>
    public static ArenaInspection Open(Medium medium, bool ownsMedium = false)
    {
        ArgumentNullException.ThrowIfNull(medium);
        return new ArenaInspection(medium, ownsMedium);
    }

    /// <summary>
    /// Keeps writers out until this object is disposed of, without being one: for what must read bytes that stand
    /// still. Where no file is recognised as an arena's metadata, the one with that name is locked.
    /// </summary>
    /// <exception cref="ArenaInUseException">There is a writer.</exception>
    public void ExcludeWriters() => _arena.ExcludeWriters();

    /// <summary>Reads the metadata: cheap, whatever the regions hold.</summary>
    /// <returns>What it says; where it is damaged, with <see cref="ArenaSnapshot.Refusal"/>.</returns>
    /// <exception cref="ArenaNotFoundException">There is no arena.</exception>
    /// <exception cref="ForeignFileException">What is there is no arena's, or its superblock is lost twice.</exception>
    /// <exception cref="ArenaAmbiguousException">There are several.</exception>
    /// <exception cref="MediumException">The medium failed.</exception>
    public ArenaSnapshot Read() => _arena.Read();

    /// <summary>The medium's room and what the arena takes of it.</summary>
    /// <exception cref="ArenaException">The arena does not open.</exception>
    public ArenaSpace ReadSpace() => _arena.Reader().GetSpace();

    /// <summary>Finds the file that holds an extent: under its own name, or, after a kexec, under any.</summary>
    /// <returns>Its name within the medium; null where it is missing, cut or there twice.</returns>
    /// <exception cref="ArenaException">The arena does not open.</exception>
    public string? Locate(ExtentSnapshot extent)
    {
        ArgumentNullException.ThrowIfNull(extent);
        return _arena.Locate(extent);
    }

    /// <summary>Looks at every file that lies where the arena lies, and maps each for a moment.</summary>
    /// <exception cref="ArenaException">The arena does not open.</exception>
    public IReadOnlyList<ArenaFileSnapshot> ReadFiles() => _arena.ReadFiles();

    /// <summary>Reads a heap's header, its roots, and what its dictionaries count. Walks nothing.</summary>
    /// <param name="region">The region's name.</param>
    /// <returns>Null where the region is no heap's, or never held one.</returns>
    /// <exception cref="RegionNotFoundException">There is none of that name.</exception>
    /// <exception cref="ExtentException">A file of it is missing, truncated, or there twice.</exception>
    /// <exception cref="ArenaException">The arena does not open.</exception>
    public HeapSnapshot? ReadHeap(string region) =>
        _arena.WithRegion(region, open => InspectedArena.HeapOf(open) is { } heap ? HeapReader.Read(heap) : null);

    /// <summary>
    /// Looks at which pages of a heap are full, free or in pieces. Reads every page's descriptor and a sample of the
    /// blocks; touches nothing that the heap has not handed out.
    /// </summary>
    /// <param name="region">The region's name.</param>
    /// <param name="parts">In how many equal parts of the region to add up; at least 1.</param>
    /// <param name="slabsPerPart">How many slabs of each part to look into: at least 1.</param>
    /// <returns>Null where the region is no heap's, or never held one.</returns>
    /// <exception cref="RegionNotFoundException">There is none of that name.</exception>
    /// <exception cref="HeapDamagedException">Its header does not check.</exception>
    /// <exception cref="ExtentException">A file of it is missing, truncated, or there twice.</exception>
    public HeapSurvey? SurveyHeap(string region, int parts = DefaultSurveyParts, int slabsPerPart = DefaultSlabsPerPart)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(parts, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(slabsPerPart, 1);
        return _arena.WithRegion(region, open =>
        {
            if (InspectedArena.HeapOf(open) is not { } heap)
            {
                return null;
            }

            _ = PersistentHeap.Open(heap); // Its header and its roots check, or it is refused.
            return HeapSurveyor.Take(heap, parts, slabsPerPart);
        });
    }

    /// <summary>
    /// Asks the kernel from which NUMA nodes a region's memory is taken, and on which it lies. Gives no page memory.
    /// </summary>
    /// <param name="region">The region's name.</param>
    /// <param name="pages">How many of its pages to look at, at even distances; at least 1.</param>
    /// <exception cref="RegionNotFoundException">There is none of that name.</exception>
    /// <exception cref="ExtentException">A file of it is missing, truncated, or there twice.</exception>
    public RegionNuma ReadNuma(string region, int pages = DefaultNumaPages)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pages, 1);
        return _arena.WithRegion(region, open => NumaReader.Read(open, Medium.KeepsNumaPolicy, pages));
    }

    /// <summary>Opens a region's bytes, to be copied.</summary>
    /// <param name="region">The region's name.</param>
    /// <exception cref="RegionNotFoundException">There is none of that name.</exception>
    /// <exception cref="ExtentException">A file of it is missing, truncated, or there twice.</exception>
    public RegionReader OpenRegion(string region)
    {
        ArgumentNullException.ThrowIfNull(region);
        return RegionReader.Open(_arena, region);
    }

    /// <summary>
    /// Checks superblock, journal, words, identities, every region's files, every heap's header and roots, and the
    /// files that nobody owns. Keeps going where something is wrong.
    /// </summary>
    /// <param name="deep">
    /// Check every block of every heap too: reachable once or free, records in the bucket of their hash, counters
    /// right. Keeps writers out meanwhile, and takes as long as reading all of it.
    /// </param>
    /// <param name="cancellationToken">Looked at before each region, and while a heap's index is walked.</param>
    /// <exception cref="ArenaInUseException">It is to be deep, and there is a writer.</exception>
    /// <exception cref="ArenaNotFoundException">There is no arena.</exception>
    /// <exception cref="ForeignFileException">What is there is no arena's, or its superblock is lost twice.</exception>
    /// <exception cref="ArenaAmbiguousException">There are several.</exception>
    public ArenaVerification Verify(bool deep = false, CancellationToken cancellationToken = default)
    {
        using IDisposable? quiet = deep ? _arena.KeepWritersOut() : null;
        return new ArenaVerifier(_arena, deep, cancellationToken).Run();
    }

    /// <inheritdoc/>
    public void Dispose() => _arena.Dispose();
}
