using GuestMemFs.Native;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Media;

/// <summary>A file behind a descriptor: what every medium but the test equipment has.</summary>
internal sealed unsafe class DescriptorFile : MediumFile
{
    private readonly SafeFileHandle _handle;
    private readonly string _path;
    private readonly MediumCapabilities _capabilities;
    private readonly FileTraits _traits;
    private bool _locked;

    /// <summary>Takes the descriptor over.</summary>
    public DescriptorFile(
        SafeFileHandle handle, string name, string path, bool writable, MediumCapabilities capabilities,
        FileTraits traits)
    {
        _handle = handle;
        _path = path;
        _capabilities = capabilities;
        _traits = traits;
        Name = name;
        IsWritable = writable;
    }

    public override string Name { get; }

    public override bool IsWritable { get; }

    /// <summary>True where it has a name in a directory, which somebody may remove.</summary>
    public bool IsNamed { get; init; }

    public override long Length => (long)Descriptors.Status(_handle, _path).Size;

    public override long Held => (long)Descriptors.Status(_handle, _path).Blocks * 512;

    /// <summary>The group that may read it; null where none may.</summary>
    public uint? Readers => ReadersGroup.Of(Descriptors.Status(_handle, _path));

    /// <summary>Lets a group read it, or nobody.</summary>
    public void ShareWith(uint? readers) => ReadersGroup.Set(_handle, _path, readers);

    /// <summary>
    /// Gives a new, empty file its length and takes what creation takes. Exactly one ftruncate takes effect: it is made
    /// again only where a signal came before anything happened.
    /// </summary>
    public void SetInitialLength(long length)
    {
        FileSizeLimit.Require(length, _path);
        while (Libc.FTruncate(_handle, length) != 0)
        {
            int errno = Errno.Last;
            if (errno != Errno.EINTR || Length != 0)
            {
                throw Errno.Exception(errno, "ftruncate", _path);
            }
        }

        if (_traits.Reserve == ReserveBy.Mapping)
        {
            ReserveByMapping(0, length);
        }
    }

    public override void MapAt(nint address, long length, bool writable)
    {
        ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        if (address % (nint)_capabilities.Alignment != 0)
        {
            throw new ArgumentException($"'{_path}' has pages of {_capabilities.Alignment} bytes; address " +
                $"0x{address:x} is not aligned to them.", nameof(address));
        }

        if (writable && !IsWritable)
        {
            throw new InvalidOperationException(
                $"'{_path}' was opened for reading; a writable mapping needs it opened for writing.");
        }

        long there = Length;
        if (length > there)
        {
            // Beyond the end a mapping would be SIGBUS (or, on guestmemfs, somebody else's memory).
            throw new MediumException(MediumErrorKind.Missing, "mmap", _path, 0,
                $"'{_path}' has {there} bytes, {length} were to be mapped: the file was cut short, or is another one.");
        }

        if (!TryMap(address, length, writable))
        {
            int errno = Errno.Last;
            AddressReservation.CloseHole(address, length);
            throw Errno.Exception(errno, "mmap", _path, errno == Errno.ENOMEM && _traits.Reserve != ReserveBy.Mapping
                ? "The process has too many mappings (vm.max_map_count) or too little address space (ulimit -v)."
                : errno == Errno.EOPNOTSUPP && _traits.Synchronous
                    ? $"The filesystem cannot map synchronously (MAP_SYNC), which {PersistentMemory.PowerLossSwitch} " +
                        "needs: use ext4 or xfs with dax on a device that does, or leave the switch off."
                    : null);
        }

        Advise(address, length, Libc.MADV_DONTDUMP);
        Advise(address, length, Libc.MADV_DONTFORK);
        if (_traits.AskForHugePages)
        {
            // Best effort: a kernel without transparent huge pages says EINVAL, and PageReport will say what was got.
            _ = Libc.MAdvise(address, (nuint)length, Libc.MADV_HUGEPAGE);
        }
    }

    internal override bool TryMapPrivatelyAt(nint address, long length)
    {
        if (_traits.Reserve is ReserveBy.Mapping or ReserveBy.Creation)
        {
            return false; // hugetlbfs has no pages kept for copies, guestmemfs none at all
        }

        if (Libc.MMap(address, (nuint)length, Libc.PROT_READ | Libc.PROT_WRITE,
            Libc.MAP_PRIVATE | Libc.MAP_NORESERVE | Libc.MAP_FIXED, _handle, 0) == Libc.MAP_FAILED)
        {
            AddressReservation.CloseHole(address, length);
            MapAt(address, length, writable: false);
            return false;
        }

        Advise(address, length, Libc.MADV_DONTDUMP);
        Advise(address, length, Libc.MADV_DONTFORK);
        return true;
    }

    // Fails with errno.
    private bool TryMap(nint address, long length, bool writable)
    {
        int protection = Libc.PROT_READ | (writable ? Libc.PROT_WRITE : 0);
        int sharing = _traits.Synchronous && writable ? Libc.MAP_SHARED_VALIDATE | Libc.MAP_SYNC : Libc.MAP_SHARED;
        nint mapped = Libc.MMap(address, (nuint)length, protection, sharing | Libc.MAP_FIXED, _handle, 0);
        if (mapped == Libc.MAP_FAILED && Errno.Last == Errno.EOPNOTSUPP && !PersistentMemory.WritesThrough)
        {
            mapped = Libc.MMap(address, (nuint)length, protection, Libc.MAP_SHARED | Libc.MAP_FIXED, _handle, 0);
        }

        return mapped != Libc.MAP_FAILED;
    }

    public override void Reserve(long offset, long length)
    {
        CheckRange(offset, length);
        if (_traits.TakesMemory)
        {
            RequireMemory(offset, length);
        }

        switch (_traits.Reserve)
        {
            case ReserveBy.Creation:
                break;
            case ReserveBy.Mapping:
                ReserveByMapping(offset, length);
                break;
            case ReserveBy.HugePages:
                TakeHugePages(offset, length);
                Allocate(offset, length);
                break;
            default:
                Allocate(offset, length);
                break;
        }
    }

    internal override (long Offset, long Length) FirstHeld(long offset, long length)
    {
        const int seekData = 3;
        CheckRange(offset, length);
        if (!_traits.TakesMemory)
        {
            return (offset, length); // on a disk what was reserved and not written yet is told as a hole
        }

        long data = Libc.LSeek(_handle, offset, seekData);
        if (data < 0)
        {
            return Errno.Last == Errno.ENXIO ? (offset, 0) : (offset, length);
        }

        long start = Math.Min(data, offset + length);
        return (start, offset + length - start - LengthFromHole(start, offset + length - start));
    }

    internal override uint Links => IsNamed ? Descriptors.Status(_handle, _path).Links : 1;

    public override int? FindLockHolder()
    {
        StatX status = Descriptors.Status(_handle, _path);
        return LockTable.Holder(status.DeviceMajor, status.DeviceMinor, status.Inode);
    }

    internal override bool IsLocked()
    {
        if (_locked)
        {
            return true;
        }

        // Shared, for a moment: a writer that comes just then finds the last one dead and asks again.
        if (Errno.Retry(() => Libc.FLock(_handle, Libc.LOCK_SH | Libc.LOCK_NB)) == -Errno.EAGAIN)
        {
            return true;
        }

        _ = Libc.FLock(_handle, Libc.LOCK_UN);
        return false;
    }

    public override bool TryLock()
    {
        int result = Errno.Retry(() => Libc.FLock(_handle, Libc.LOCK_EX | Libc.LOCK_NB));
        _locked |= result >= 0;
        return result switch
        {
            >= 0 => true,
            -Errno.EAGAIN => false,
            _ => throw Errno.Exception(-result, "flock", _path),
        };
    }

    public override bool TryDiscard(long offset, long length)
    {
        CheckRange(offset, length);
        if (!_capabilities.CanDiscard)
        {
            return false;
        }

        int result = Errno.Retry(() =>
            Libc.FAllocate(_handle, Libc.FALLOC_FL_PUNCH_HOLE | Libc.FALLOC_FL_KEEP_SIZE, offset, length));
        return result switch
        {
            >= 0 => true,
            -Errno.EOPNOTSUPP or -Errno.ENOSYS => false,
            // Marked to be kept over a kexec: as above.
            -Errno.EPERM when _capabilities.FreshMemoryIsZero && Held >= Length => false,
            _ => throw Errno.Exception(-result, "fallocate (punch hole)", _path),
        };
    }

    protected override void Dispose(bool disposing)
    {
        if (_locked && !_handle.IsClosed)
        {
            // Closing is not enough: a child that another thread forks just now has the descriptor too, until it execs,
            // and the lock with it.
            _locked = false;
            _ = Libc.FLock(_handle, Libc.LOCK_UN);
        }

        _handle.Dispose();
        base.Dispose(disposing);
    }

    private void Allocate(long offset, long length)
    {
        int result = Errno.Retry(() => Libc.FAllocate(_handle, 0, offset, length));
        if (result == -Errno.EPERM && Held >= Length)
        {
            // A memfd that is marked to be kept over a kexec: the kernel filled it then, and lets nobody ask for more.
            return;
        }

        if (result < 0)
        {
            throw Errno.Exception(-result, "fallocate", _path);
        }
    }

    private void ReserveByMapping(long offset, long length)
    {
        (long start, long size) = ToPages(offset, length);
        nint address = Libc.MMap(0, (nuint)size, Libc.PROT_NONE, Libc.MAP_SHARED, _handle, start);
        if (address == Libc.MAP_FAILED)
        {
            throw Errno.Exception(Errno.Last, "mmap (to reserve pages)", _path,
                $"There are not {size / _capabilities.PageSize} free pages of {_capabilities.PageSize} bytes: raise " +
                "nr_hugepages under /sys/kernel/mm/hugepages, or use less.");
        }

        _ = Libc.MUnmap(address, (nuint)size);
    }

    /// <summary>
    /// Best effort: what gets no huge page now (none in one piece, an old kernel, a full filesystem) is left to
    /// fallocate, whose errors count. Only for whole huge pages of the range: who asks for 4 KiB is not given 2 MiB.
    /// </summary>
    private void TakeHugePages(long offset, long length)
    {
        long start = (offset + PageSizes.Huge2M - 1) & -PageSizes.Huge2M;
        long size = ((offset + length) & -PageSizes.Huge2M) - start;
        if (size <= 0)
        {
            return;
        }

        using var view = new AddressReservation(size, PageSizes.Huge2M);
        if (Libc.MMap(view.Address, (nuint)size, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_SHARED | Libc.MAP_FIXED,
            _handle, start) == Libc.MAP_FAILED)
        {
            throw Errno.Exception(Errno.Last, "mmap (to reserve pages)", _path);
        }

        _ = Libc.MAdvise(view.Address, (nuint)size, Libc.MADV_HUGEPAGE); // Enough by itself with huge=advise.
        for (long done = 0; done < size && HugePages.Collapse(view.Address + (nint)done) == 0;)
        {
            done += PageSizes.Huge2M;
        }
    }

    /// <summary>
    /// tmpfs is often allowed all the memory there is. Where the machine does not have what is asked for, the kernel
    /// would not say so but end a process.
    /// </summary>
    private void RequireMemory(long offset, long length)
    {
        StatX status = Descriptors.Status(_handle, _path);
        long missing = Math.Min(length, (long)status.Size - ((long)status.Blocks * 512));
        if (missing > 0 && !MachineMemory.Has(missing, out long available)
            && (missing = Math.Min(missing, LengthFromHole(offset, length))) > 0
            && !MachineMemory.Has(missing, out available))
        {
            throw new MediumException(MediumErrorKind.NoSpace, "reserve", _path, Errno.ENOMEM,
                $"{missing} bytes of memory are needed for '{_path}' (offset {offset}), and machine and " +
                "control group " +
                $"leave {available} to arenas: use less, or free memory.");
        }
    }

    /// <summary>
    /// What a range may still need: from its first hole on, 0 where it has none. After an attach nothing is known of
    /// a range that was taken before, and in a full control group its memory would be refused. Asked only then.
    /// </summary>
    private long LengthFromHole(long offset, long length)
    {
        const int SeekHole = 4;
        long hole = length > 0 ? Libc.LSeek(_handle, offset, SeekHole) : -1;
        return hole < 0 ? length : Math.Clamp(offset + length - hole, 0, length);
    }

    private (long Start, long Size) ToPages(long offset, long length)
    {
        long page = _capabilities.PageSize;
        long start = offset & -page;
        return (start, ((offset + length + page - 1) & -page) - start);
    }

    private void CheckRange(long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length - offset);
    }

    private void Advise(nint address, long length, int advice)
    {
        if (Libc.MAdvise(address, (nuint)length, advice) == 0)
        {
            return;
        }

        int errno = Errno.Last;
        if (!(_traits.MadviseMayFail && errno == Errno.EINVAL))
        {
            throw Errno.Exception(errno, "madvise", _path);
        }
    }
}
