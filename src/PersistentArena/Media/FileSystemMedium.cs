using GuestMemFs.Native;

namespace GuestMemFs.Media;

/// <summary>
/// What all media have in common that are a directory of a filesystem. Everything goes through the directory's
/// descriptor, so a medium stays the one it was when somebody mounts something over its path.
/// </summary>
internal abstract class FileSystemMedium : Medium
{
    private readonly MediumDirectory _directory;
    // At first because of names that earlier processes changed: what they did not flush is this one's to flush.
    private volatile bool _namesChanged = true;
    private uint? _readers;

    /// <summary>Takes the directory over.</summary>
    protected FileSystemMedium(MediumDirectory directory) => _directory = directory;

    public sealed override string Location => _directory.Path;

    /// <summary>The directory and its mount.</summary>
    protected MediumDirectory Directory => _directory;

    /// <summary>How files are handled.</summary>
    protected abstract FileTraits Traits { get; }

    public override string PathOf(string name) => Path.Combine(Location, name);

    public override MediumSpace GetSpace()
    {
        StatFs status = _directory.FileSystem();
        return new MediumSpace(checked((long)status.Blocks * status.BlockSize),
            checked((long)status.BlocksAvailable * status.BlockSize));
    }

    public override IReadOnlyList<string> ListFiles() => Descriptors.RegularFiles(_directory.Handle, Location);

    public override MediumFile? TryOpenFile(string name, bool writable)
    {
        FileRules.CheckName(name);

        // O_NONBLOCK, because a FIFO of that name would otherwise hold us up; it means nothing to a regular file.
        int flags = (writable ? Libc.O_RDWR : Libc.O_RDONLY) | Libc.O_NOFOLLOW | Libc.O_CLOEXEC | Libc.O_NONBLOCK;
        int result = Errno.Retry(() => Libc.OpenAt(_directory.Handle, name, flags, 0));
        if (result == -Errno.ENOENT)
        {
            return null;
        }

        DescriptorFile file = Wrap(result, "open", name, writable, out StatX status);
        if (!status.IsRegularFile)
        {
            file.Dispose();
            throw new MediumException(MediumErrorKind.NotSupported, "open", PathOf(name), 0,
                $"'{PathOf(name)}' is not a regular file: move it away.");
        }

        try
        {
            _directory.Trust?.RequireFile(status, PathOf(name));
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public override MediumFile CreateFile(string name, long length)
    {
        FileRules.CheckName(name);
        FileRules.CheckLength(Capabilities, length);
        BeforeCreate(length);
        int flags = Libc.O_RDWR | Libc.O_CREAT | Libc.O_EXCL | Libc.O_NOFOLLOW | Libc.O_CLOEXEC;
        int result = Errno.Retry(() => Libc.OpenAt(_directory.Handle, name, flags, 0x180 /* 0600 */));
        DescriptorFile file = Wrap(result, "create", name, writable: true, out _);
        _namesChanged = true;
        try
        {
            if (_readers is not null)
            {
                file.ShareWith(_readers);
            }

            file.SetInitialLength(length);
            return file;
        }
        catch (MediumException)
        {
            file.Dispose();
            // Nothing is left behind; that this fails too adds nothing to the first failure.
            _ = Libc.UnlinkAt(_directory.Handle, name, 0);
            throw;
        }
    }

    internal override bool TryMoveInto(string directory, IReadOnlyList<string> names)
    {
        if (!_directory.TryMoveInto(directory, names))
        {
            return false;
        }

        _namesChanged = true;
        return true;
    }

    internal override void ShareWith(uint? readers, string mark, Func<string, bool> isOurs)
    {
        _readers = readers;
        using var marked = (DescriptorFile)(TryOpenFile(mark, writable: false)
            ?? throw Errno.Exception(Errno.ENOENT, "open", PathOf(mark)));
        if (marked.Readers == readers)
        {
            return;
        }

        ReadersGroup.Set(_directory.Handle, Location, readers);
        foreach (string name in ListFiles().Where(isOurs))
        {
            using var file = (DescriptorFile?)TryOpenFile(name, writable: false);
            file?.ShareWith(readers);
        }

        marked.ShareWith(readers);
    }

    // Shared, so that it hinders no other opening; where the filesystem has no locks, nobody is kept out.
    internal override void HoldDirectory() =>
        _ = Errno.Retry(() => Libc.FLock(_directory.Handle, Libc.LOCK_SH | Libc.LOCK_NB));

    internal override DirectoryState? LookAtDirectory()
    {
        StatX held = Descriptors.Status(_directory.Handle, Location);
        bool gone = held.Links == 0 || !_directory.IsAtPath(held);
        return new DirectoryState(gone, unchecked((held.ModifiedSeconds * 1_000_000_000) + held.ModifiedNanoseconds));
    }

    internal override bool HasFile(string name) => _directory.Has(name);

    internal override bool TryRename(string name, string newName)
    {
        FileRules.CheckName(name);
        FileRules.CheckName(newName);
        bool done = Errno.Retry(() => Libc.RenameAt(_directory.Handle, name, _directory.Handle, newName)) >= 0;
        _namesChanged |= done;
        return done;
    }

    public override void DeleteFile(string name)
    {
        FileRules.CheckName(name);
        int result = Errno.Retry(() => Libc.UnlinkAt(_directory.Handle, name, 0));
        if (result < 0)
        {
            throw Errno.Exception(-result, "unlink", PathOf(name));
        }

        _namesChanged = true;
    }

    public override void Flush(nint address, long length)
    {
        if (!Capabilities.CanFlush)
        {
            base.Flush(address, length);
            return;
        }

        int result = Errno.Retry(() => Libc.MSync(address, (nuint)length, Libc.MS_SYNC));
        if (result < 0)
        {
            throw Errno.Exception(-result, "msync", Location);
        }

        if (_namesChanged)
        {
            // A file is only there after a loss of power if its name is. Cleared first: a name that changes meanwhile
            // is for the next flush.
            _namesChanged = false;
            result = Errno.Retry(() => Libc.FSync(_directory.Handle));
            if (result < 0)
            {
                _namesChanged = true;
                throw Errno.Exception(-result, "fsync", Location);
            }
        }
    }

    /// <summary>
    /// The last word before a file is created: throws where the medium would give memory it does not have.
    /// </summary>
    protected virtual void BeforeCreate(long length)
    {
    }

    protected override void Dispose(bool disposing)
    {
        _directory.Dispose();
        base.Dispose(disposing);
    }

    private DescriptorFile Wrap(int result, string operation, string name, bool writable, out StatX status)
    {
        var handle = Descriptors.Own(result, operation, PathOf(name));
        status = Descriptors.Status(handle, PathOf(name));
        return new DescriptorFile(handle, name, PathOf(name), writable, Capabilities, Traits) { IsNamed = true };
    }
}
