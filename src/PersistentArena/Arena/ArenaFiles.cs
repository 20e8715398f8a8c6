using GuestMemFs.Format;
using GuestMemFs.Native;

namespace GuestMemFs.Arena;

/// <summary>What an arena lies on: its medium, its metadata, the files of its extents.</summary>
internal sealed class ArenaFiles : IDisposable
{
    private readonly bool _ownsMedium;

    public ArenaFiles(Medium medium, bool ownsMedium, MetadataFile metadata, MetadataLayout layout, bool writable)
    {
        Medium = medium;
        _ownsMedium = ownsMedium;
        Metadata = metadata;
        Layout = layout;
        Extents = new ExtentFiles(medium, Id, Granularity, writable);
    }

    public Medium Medium { get; }

    public MetadataFile Metadata { get; }

    public MetadataLayout Layout { get; }

    /// <summary>The extents' files; writable where the arena is.</summary>
    public ExtentFiles Extents { get; }

    public Guid Id => Layout.Superblock.ArenaId;

    public string Location => Medium.Location;

    /// <summary>Files and joints between extents are multiples of this, in bytes.</summary>
    public long Granularity => (long)Layout.Superblock.Granularity;

    /// <summary>The extents' files for writing, whatever the arena was opened for: for a borrowed region.</summary>
    public ExtentFiles WritableExtents() => new(Medium, Id, Granularity, writable: true);

    /// <summary>
    /// Writes a part of a file down. A disk writes what it likes first: the journal must not fall behind the files, nor
    /// they behind it.
    /// </summary>
    public void FlushStamp(nint address, long length)
    {
        if (Medium.Capabilities.CanFlush)
        {
            Medium.Flush(address, length);
        }
    }

    /// <summary>Lets go of the lock, the metadata, and of the medium where it is the arena's own.</summary>
    public void Dispose()
    {
        Metadata.Dispose();
        if (_ownsMedium)
        {
            Medium.Dispose();
        }
    }
}
