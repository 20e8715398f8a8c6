using System.Diagnostics.CodeAnalysis;
using GuestMemFs.Native;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Media;

/// <summary>
/// Memory behind descriptors, without a filesystem to find it in: the object knows the files by name. It lives as long
/// as somebody holds a descriptor of it, this process or the holder it was handed to.
/// </summary>
internal sealed class MemfdMedium : Medium
{
    /// <summary>
    /// The longest file where others hold the descriptors: the kernel that hands a memfd over needs memory for its list
    /// of pages in one piece, 8 bytes each.
    /// </summary>
    private const long LongestHeld = 16L << 30;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, SafeFileHandle> _files = new(StringComparer.Ordinal);
    private readonly DescriptorHolder? _holder;
    private readonly FileTraits _traits;
    private readonly uint _flags;
    private readonly bool _hasPaths;
    private bool _disposed;

    /// <summary>An empty one.</summary>
    /// <param name="name">For people, and in /proc/PID/maps.</param>
    /// <param name="reservedHugePages">Take pages of the 2 MiB pool that hugetlbfs uses, instead of ordinary
    /// memory.</param>
    public MemfdMedium(string name, bool reservedHugePages = false)
    {
        Location = "memfd:" + name;
        const uint pagesOf2M = 21u << 26; // MFD_HUGE_2MB
        _flags = Libc.MFD_CLOEXEC | (reservedHugePages ? Libc.MFD_HUGETLB | pagesOf2M : Libc.MFD_ALLOW_SEALING);
        Capabilities = reservedHugePages
            ? HugetlbfsMedium.CapabilitiesWith(PageSizes.Huge2M) with { Survives = Survives.Nothing }
            : CapabilitiesWith(ShmemHugePages.OfMemfd());
        _traits = reservedHugePages ? new FileTraits { Reserve = ReserveBy.Mapping }
            : TmpfsMedium.TraitsWith(ShmemHugePages.OfMemfd());
    }

    private MemfdMedium(string location, Survives survives, DescriptorHolder? holder)
        : this(location)
    {
        Location = location;
        _holder = holder;
        _hasPaths = true;
        Capabilities = CapabilitiesHeld(ShmemHugePages.OfMemfd(),
            survives) with { MaximumFiles = holder?.MaximumFiles ?? int.MaxValue };
    }

    public override string Name => "memfd";

    public override string Location { get; }

    public override MediumCapabilities Capabilities { get; }

    // Of ordinary memory; the pool's pages have none.
    internal override bool KeepsNumaPolicy => Capabilities.CanBeSwapped;

    internal override string EmptyReason => _holder is null ? base.EmptyReason : _holder.EmptyReason;

    /// <summary>What a holder has, and a place for more.</summary>
    public static MemfdMedium Held(DescriptorHolder holder)
    {
        ArgumentNullException.ThrowIfNull(holder);
        var medium = new MemfdMedium(holder.Location, holder.Survives,
            holder) { Reason = $"held by {holder.Location}" };
        medium.TakeIn(holder.Take());
        return medium;
    }

    /// <summary>Given descriptors.</summary>
    public static MemfdMedium Of(string name, IEnumerable<HeldDescriptor> files, Survives survives)
    {
        ArgumentNullException.ThrowIfNull(files);
        var medium = new MemfdMedium("memfd:" + name, survives, holder: null);
        medium.TakeIn(files);
        return medium;
    }

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
            return _files.TryGetValue(name, out SafeFileHandle? file) || LookAgain(name, out file)
                ? Reopen(file, name, writable) : null;
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

            RefusePreserved(name);
            SafeFileHandle handle = Descriptors.Own(Errno.Retry(() =>
                Libc.MemfdCreate(name[..Math.Min(name.Length, 60)], _flags)), "memfd_create", LabelOf(name));
            try
            {
                DescriptorFile file = Reopen(handle, name, writable: true);
                file.SetInitialLength(length);
                Seal(handle, name);
                _holder?.Put(name, handle);
                _files.Add(name, handle);
                return file;
            }
            catch
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
            _holder?.Drop(name);
        }
    }

    public override string? PathOf(string name)
    {
        lock (_lock)
        {
            return _hasPaths && _files.TryGetValue(name, out SafeFileHandle? file)
                ? string.Create(System.Globalization.CultureInfo.InvariantCulture,
                    $"/proc/{Environment.ProcessId}/fd/{file.DangerousGetHandle()}")
                : null;
        }
    }

    internal static MediumCapabilities CapabilitiesHeld(ShmemHuge huge, Survives survives) =>
        TmpfsMedium.CapabilitiesWith(huge) with { Survives = survives, MaximumFileLength = LongestHeld };

    internal static MediumCapabilities CapabilitiesWith(ShmemHuge huge) =>
        TmpfsMedium.CapabilitiesWith(huge) with { Survives = Survives.Nothing };

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

        _holder?.Dispose();

        base.Dispose(disposing);
    }

    private void TakeIn(IEnumerable<HeldDescriptor> files)
    {
        foreach ((string name, SafeFileHandle descriptor) in files)
        {
            if (!_files.TryAdd(name, descriptor))
            {
                throw new MediumException(MediumErrorKind.Exists, "take", LabelOf(name), 0,
                    $"Two descriptors were given as '{LabelOf(name)}': give them different names.");
            }
        }
    }

    /// <summary>
    /// What another process has handed to the holder since: who looks at an arena beside its writer follows it.
    /// </summary>
    private bool LookAgain(string name, [NotNullWhen(true)] out SafeFileHandle? file)
    {
        foreach ((string other, SafeFileHandle descriptor) in _disposed ? [] : _holder?.Take() ?? [])
        {
            if (!_files.TryAdd(other, descriptor))
            {
                descriptor.Dispose();
            }
        }

        return _files.TryGetValue(name, out file);
    }

    /// <summary>
    /// Nobody who has a descriptor may make it shorter, which would be SIGBUS for the others, or longer. Pages of the
    /// pool have no seals.
    /// </summary>
    private void Seal(SafeFileHandle handle, string name)
    {
        if ((_flags & Libc.MFD_ALLOW_SEALING) != 0
            && Libc.FCntl(handle, Libc.F_ADD_SEALS, Libc.F_SEAL_SEAL | Libc.F_SEAL_SHRINK | Libc.F_SEAL_GROW) != 0)
        {
            throw Errno.Exception(Errno.Last, "fcntl (seal)", LabelOf(name));
        }
    }

    /// <summary>
    /// A file that is made after the others were marked to be kept over a kexec would be missing under the next kernel.
    /// Whether they were is seen by asking for memory that is there already, which the kernel then refuses.
    /// </summary>
    private void RefusePreserved(string name)
    {
        if (_files.Values.FirstOrDefault() is { } first
            && Errno.Retry(() => Libc.FAllocate(first, Libc.FALLOC_FL_KEEP_SIZE, 0, PageSizes.Small)) == -Errno.EPERM)
        {
            throw new MediumException(MediumErrorKind.Preserved, "create", LabelOf(name), Errno.EPERM,
                $"The memory of {Location} is marked to be kept over a kexec (Live Update Orchestrator), and what is " +
                "made now would be missing under the next kernel. Let the kexec happen, or have the session closed.");
        }
    }

    /// <summary>
    /// A new open file description of the same memory: its lock and its mode are its own, as with a path (a dup would
    /// share both).
    /// </summary>
    internal static SafeFileHandle OpenAgain(SafeFileHandle file, string label, bool writable)
    {
        string path = "/proc/self/fd/" +
            file.DangerousGetHandle().ToString(System.Globalization.CultureInfo.InvariantCulture);
        // Not to wait at a pipe, where it is one.
        int flags = (writable ? Libc.O_RDWR : Libc.O_RDONLY) | Libc.O_NONBLOCK | Libc.O_CLOEXEC;
        return Descriptors.Own(Errno.Retry(() => Libc.OpenAt(Libc.AT_FDCWD, path, flags, 0)), "open", label);
    }

    private DescriptorFile Reopen(SafeFileHandle file, string name, bool writable) =>
        new(OpenAgain(file, LabelOf(name), writable), name, LabelOf(name), writable, Capabilities, _traits);

    private string LabelOf(string name) => Location + "/" + name;
}
