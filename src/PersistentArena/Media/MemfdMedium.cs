using GuestMemFs.Native;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Media;

/// <summary>
/// Memory behind descriptors, without a filesystem to find it in: the object knows the files by name. It lives as long as somebody holds a
/// descriptor of it, this process or one it was handed to.
/// </summary>
internal sealed class MemfdMedium : Medium
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, SafeFileHandle> _files = new(StringComparer.Ordinal);
    private readonly FileTraits _traits;
    private readonly uint _flags;
    private bool _disposed;

    /// <summary>An empty one.</summary>
    /// <param name="name">For people, and in /proc/PID/maps.</param>
    /// <param name="reservedHugePages">Take pages of the 2 MiB pool that hugetlbfs uses, instead of ordinary memory.</param>
    public MemfdMedium(string name, bool reservedHugePages = false)
    {
        Location = "memfd:" + name;
        const uint pagesOf2M = 21u << 26; // MFD_HUGE_2MB
        _flags = Libc.MFD_CLOEXEC | (reservedHugePages ? Libc.MFD_HUGETLB | pagesOf2M : 0);
        Capabilities = reservedHugePages
            ? HugetlbfsMedium.CapabilitiesWith(PageSizes.Huge2M) with { Survives = Survives.Nothing }
            : CapabilitiesWith(ShmemHugePages.OfMemfd());
        _traits = reservedHugePages ? new FileTraits { Reserve = ReserveBy.Mapping } : TmpfsMedium.TraitsWith(ShmemHugePages.OfMemfd());
    }

    public override string Name => "memfd";

    public override string Location { get; }

    public override MediumCapabilities Capabilities { get; }

    public override MediumSpace GetSpace() => _traits.Reserve == ReserveBy.Mapping
        ? HugetlbfsMedium.PoolOf(PageSizes.Huge2M)
        : new MediumSpace(MachineMemory.Total(), MachineMemory.Available());

    public override IReadOnlyList<string> ListFiles()
    {
        lock (_lock)
        {
            return [.. _files.Keys];
        }
    }

    public override MediumFile? TryOpenFile(string name, bool writable)
    {
        FileRules.CheckName(name);
        lock (_lock)
        {
            return _files.TryGetValue(name, out SafeFileHandle? file) ? Reopen(file, name, writable) : null;
        }
    }

    public override MediumFile CreateFile(string name, long length)
    {
        FileRules.CheckName(name);
        FileRules.CheckLength(Capabilities, length);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_files.ContainsKey(name))
            {
                throw Errno.Exception(Errno.EEXIST, "create", LabelOf(name));
            }

            SafeFileHandle handle = Descriptors.Own(Errno.Retry(() => Libc.MemfdCreate(name[..Math.Min(name.Length, 60)], _flags)), "memfd_create", LabelOf(name));
            try
            {
                DescriptorFile file = Reopen(handle, name, writable: true);
                file.SetInitialLength(length);
                _files.Add(name, handle);
                return file;
            }
            catch (MediumException)
            {
                handle.Dispose();
                throw;
            }
        }
    }

    public override void DeleteFile(string name)
    {
        FileRules.CheckName(name);
        lock (_lock)
        {
            if (!_files.Remove(name, out SafeFileHandle? file))
            {
                throw Errno.Exception(Errno.ENOENT, "unlink", LabelOf(name));
            }

            file.Dispose();
        }
    }

    internal static MediumCapabilities CapabilitiesWith(ShmemHuge huge) => TmpfsMedium.CapabilitiesWith(huge) with { Survives = Survives.Nothing };

    protected override void Dispose(bool disposing)
    {
        lock (_lock)
        {
            _disposed = true;
            foreach (SafeFileHandle file in _files.Values)
            {
                file.Dispose();
            }

            _files.Clear();
        }

        base.Dispose(disposing);
    }

    /// <summary>A new open file description of the same memory: its lock and its mode are its own, as with a path (a dup would share both).</summary>
    private DescriptorFile Reopen(SafeFileHandle file, string name, bool writable)
    {
        string path = "/proc/self/fd/" + file.DangerousGetHandle().ToString(System.Globalization.CultureInfo.InvariantCulture);
        int flags = (writable ? Libc.O_RDWR : Libc.O_RDONLY) | Libc.O_CLOEXEC;
        SafeFileHandle own = Descriptors.Own(Errno.Retry(() => Libc.OpenAt(Libc.AT_FDCWD, path, flags, 0)), "open", LabelOf(name));
        return new DescriptorFile(own, name, LabelOf(name), writable, Capabilities, _traits);
    }

    private string LabelOf(string name) => Location + "/" + name;
}
