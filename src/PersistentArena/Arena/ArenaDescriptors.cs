using GuestMemFs.Format;
using GuestMemFs.Journal;
using GuestMemFs.Media;
using GuestMemFs.Native;
using GuestMemFs.Arena;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs;

/// <summary>Who a file of an arena is, by the identity in its last bytes.</summary>
/// <param name="ArenaId">The arena.</param>
/// <param name="ExtentId">The extent, never used twice in its arena; 0 is the metadata.</param>
/// <param name="Nonce">Drawn when it was made.</param>
/// <param name="Length">Bytes.</param>
public sealed record ArenaFileIdentity(Guid ArenaId, ulong ExtentId, ulong Nonce, long Length)
{
    /// <summary>True of the file with the arena's metadata.</summary>
    public bool IsMetadata => ExtentId == ExtentIdentity.MetadataId;

    /// <summary>The name that such a file is made under.</summary>
    public string Name => IsMetadata ? ExtentFiles.MetadataName : ExtentFiles.NameOf(ExtentId);
}

/// <summary>What an arena consists of, by its metadata.</summary>
/// <param name="ArenaId">The arena.</param>
/// <param name="IsFrozen">Its metadata stands still.</param>
/// <param name="IsClosed">Its last writer closed it, or there was none.</param>
/// <param name="Files">The metadata first, then the extents in the order of their ids, those of no region too.</param>
/// <param name="Regions">The regions' names, in order.</param>
public sealed record ArenaContents(
    Guid ArenaId, bool IsFrozen, bool IsClosed, IReadOnlyList<ArenaFileIdentity> Files, IReadOnlyList<string> Regions);

/// <summary>
/// Tells what a descriptor is, where nobody knows its name any more: after a kexec, or in another process. Reads only;
/// a writer beside it notices nothing.
/// </summary>
/// <remarks>Thread-safe.</remarks>
public static class ArenaDescriptors
{
    private static readonly FileTraits s_traits = new() { Reserve = ReserveBy.Creation };

    /// <summary>Who a file is, or null where it is not an arena's.</summary>
    public static ArenaFileIdentity? Identify(SafeFileHandle descriptor)
    {
        try
        {
            using DescriptorFile file = Open(descriptor);
            return ExtentFiles.Identify(file, PageSizes.Huge2M, PageSizes.Huge2M) is { } identity
                ? new ArenaFileIdentity(identity.ArenaId, identity.ExtentId, identity.Nonce, identity.FileLength)
                : null;
        }
        catch (MediumException)
        {
            return null; // A pipe, a socket, a file that may not be mapped: nothing of ours.
        }
    }

    /// <summary>What an arena consists of.</summary>
    /// <param name="metadata">The file that <see cref="Identify"/> called the metadata.</param>
    /// <exception cref="ForeignFileException">It is not.</exception>
    /// <exception cref="ArenaDamagedException">The metadata is damaged.</exception>
    /// <exception cref="NewerFormatException">It was written by a newer library.</exception>
    public static unsafe ArenaContents Read(SafeFileHandle metadata)
    {
        DescriptorFile file = Open(metadata);
        using MetadataFile mapped = Map(file);
        MetadataLayout layout = mapped.ReadSuperblock(file.Name, writable: false, []);
        Guid arena = layout.Superblock.ArenaId;
        MetadataTables tables = JournalSnapshot.Take(layout, file.Name, out _).Tables;
        bool closed = SealedWord.TryOpen(Format.Words.Read(layout.State), layout.Seed(WordKind.Clean),
            out uint closedBy)
            && (!SealedWord.TryOpen(Format.Words.Read(layout.Epoch), layout.Seed(WordKind.Epoch), out uint epoch)
                || closedBy == epoch);
        return new ArenaContents(
            arena,
            tables.State.Frozen,
            closed,
            [
                new ArenaFileIdentity(arena, ExtentIdentity.MetadataId, 0, mapped.Length),
                .. tables.Extents.OrderBy(extent => extent.Id).Select(extent =>
                    new ArenaFileIdentity(arena, extent.Id, extent.Nonce, extent.FileLength)),
            ],
            [.. tables.Regions.Select(region => region.Entry.Name).Order(StringComparer.Ordinal)]);
    }

    private static MetadataFile Map(DescriptorFile file)
    {
        try
        {
            return MetadataFile.TryMap(file, MemfdMedium.CapabilitiesWith(ShmemHuge.No))
                ?? throw new ForeignFileException(file.Name,
                    $"A file of {file.Length} bytes is not an arena's metadata");
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static DescriptorFile Open(SafeFileHandle descriptor)
    {
        ArgumentNullException.ThrowIfNull(descriptor);
        string label = "descriptor " +
            descriptor.DangerousGetHandle().ToString(System.Globalization.CultureInfo.InvariantCulture);
        return new DescriptorFile(MemfdMedium.OpenAgain(descriptor, label, writable: false), label, label,
            writable: false, MemfdMedium.CapabilitiesWith(ShmemHuge.No), s_traits);
    }
}
