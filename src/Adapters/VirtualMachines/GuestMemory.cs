using System.Globalization;

namespace GuestMemFs.VirtualMachines;

/// <summary>One file, or a part of a device, that is a piece of a machine's RAM.</summary>
/// <param name="Id">QEMU's name for it: "ram0", "ram1" …</param>
/// <param name="Region">The region it is of; the device's path where it is of none.</param>
/// <param name="Path">The file. A region's piece begins at its first byte; behind the piece lies the arena's own block,
/// out of the machine's reach.</param>
/// <param name="Length">Bytes: a multiple of <paramref name="PageSize"/>.</param>
/// <param name="PageSize">What addresses are aligned to, in bytes: at least 2 MiB.</param>
public sealed record GuestMemoryBackend(string Id, string Region, string Path, long Length, long PageSize)
{
    /// <summary>
    /// Where in the file it begins, in bytes: 0 but on a device. A multiple of <see cref="PageSize"/>.
    /// </summary>
    public long Offset { get; init; }
}

/// <summary>
/// A machine's RAM, as regions of kind <see cref="RegionKind.GuestRam"/>, or a part of a device-dax: what a hypervisor
/// must be told, so that the RAM is the regions' memory itself and is still there for the next hypervisor process, and,
/// on a medium that keeps it, under the next kernel.
/// </summary>
/// <remarks>
/// A region of several files, and several regions, are a backend each, and a NUMA node of the machine each: QEMU takes
/// no other way to put RAM together. The order of regions and their lengths are the machine's memory map: the same each
/// time it is started.
/// </remarks>
public sealed class GuestMemory
{
    private const long SmallestPage = 2L << 20;

    private GuestMemory(IReadOnlyList<GuestMemoryBackend> backends)
    {
        Backends = backends;
        Length = backends.Sum(backend => backend.Length);
    }

    /// <summary>The pieces, in the order of the machine's addresses.</summary>
    public IReadOnlyList<GuestMemoryBackend> Backends { get; }

    /// <summary>Bytes of RAM.</summary>
    public long Length { get; }

    /// <summary>
    /// The files whose lock is the loan: the first of each region. Who starts the machine by hand puts <c>flock
    /// --nonblock --no-fork FILE</c> before it, once for each.
    /// </summary>
    public IReadOnlyList<string> LockFiles =>
        [.. Backends.DistinctBy(backend => backend.Region).Select(backend => backend.Path)];

    /// <summary>RAM made of these regions.</summary>
    /// <param name="arena">The arena, open. It may be closed, or opened by another process, while the machine
    /// runs.</param>
    /// <param name="regions">Names; each a NUMA node.</param>
    /// <exception cref="RegionNotFoundException">There is none of a name.</exception>
    /// <exception cref="RegionKindException">One is not of kind GuestRam: other kinds hold bytes of ours, or of an
    /// application.</exception>
    /// <exception cref="GuestMemoryException">One cannot be a machine's RAM.</exception>
    public static GuestMemory Of(PersistentArena arena, params IReadOnlyList<string> regions)
    {
        ArgumentNullException.ThrowIfNull(arena);
        ArgumentNullException.ThrowIfNull(regions);
        ArgumentOutOfRangeException.ThrowIfZero(regions.Count, nameof(regions));
        List<GuestMemoryBackend> backends = [];
        foreach (string name in regions)
        {
            using (arena.OpenRegion(name, RegionKind.GuestRam))
            {
                long page = Math.Max(SmallestPage, arena.Medium.Capabilities.PageSize);
                foreach (RegionFile file in arena.GetRegionFiles(name))
                {
                    if (file.Path is not { } path)
                    {
                        throw new GuestMemoryException(name, $"its medium ({arena.Medium.Name}) has no files that " +
                            "another program can open. Put the arena on guestmemfs, DAX, hugetlbfs or tmpfs");
                    }

                    if (file.Length % page != 0)
                    {
                        throw new GuestMemoryException(name,
                            $"{file.Length} bytes in {path} are not a multiple of its page, {page} bytes: a " +
                            "hypervisor would round up, into what is not the machine's. Make a region of a multiple");
                    }

                    backends.Add(new GuestMemoryBackend(string.Create(CultureInfo.InvariantCulture,
                        $"ram{backends.Count}"), name, path, file.Length, page));
                }
            }
        }

        return backends.DistinctBy(backend => backend.Path).Count() == backends.Count
            ? new GuestMemory(backends)
            : throw new GuestMemoryException(regions.GroupBy(name => name).First(group => group.Count() > 1).Key,
                "it is named twice");
    }

    /// <summary>
    /// RAM that is a part of a device-dax (<c>/dev/dax0.0</c>): memory set aside without a filesystem, which no arena
    /// lies on. It survives a kexec by itself. What the machine's memory is beside that, a plan's fingerprint and a
    /// region's name, is for regions only.
    /// </summary>
    /// <param name="device">The device. It is lent to one machine as a whole, whatever part of it is used: several
    /// machines take several devices (<c>daxctl create-device</c>).</param>
    /// <param name="offset">Where the part begins, in bytes: a multiple of the device's alignment and of 2 MiB.</param>
    /// <param name="length">Bytes, likewise.</param>
    /// <exception cref="GuestMemoryException">It is no such device, or the part is not aligned or not in
    /// it.</exception>
    public static GuestMemory OfDevice(string device, long offset, long length)
    {
        ArgumentException.ThrowIfNullOrEmpty(device);
        return Of(DeviceDax.Find(device), offset, length);
    }

    internal static GuestMemory Of(DeviceDax device, long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        long page = Math.Max(SmallestPage, device.Alignment);
        return (offset % page, length % page) is not (0, 0)
            ? throw GuestMemoryException.OfDevice(device.Path, string.Create(CultureInfo.InvariantCulture,
                $"{length} bytes from byte {offset} on are not multiples of {page}, which is what it can be mapped by"))
            : length > device.Length - offset
            ? throw GuestMemoryException.OfDevice(device.Path, string.Create(CultureInfo.InvariantCulture,
                $"{length} bytes from byte {offset} on end behind its {device.Length} bytes"))
            : new GuestMemory([new GuestMemoryBackend("ram0", device.Path, device.Path, length,
                page) { Offset = offset }]);
    }

    /// <summary>
    /// QEMU's arguments: <c>-m</c>, a <c>memory-backend-file</c> for each piece, and how they are the machine's RAM.
    /// They add to a <c>-machine</c> of the caller's.
    /// </summary>
    /// <remarks>
    /// <c>share=on</c>, or the machine would have a copy; <c>prealloc=off</c>, since the arena has taken the space;
    /// <c>dump=off</c>: RAM stays out of core dumps.
    /// </remarks>
    public IReadOnlyList<string> ToQemuArguments()
    {
        List<string> arguments = ["-m", string.Create(CultureInfo.InvariantCulture, $"{Length}B")];
        foreach (GuestMemoryBackend b in Backends)
        {
            arguments.Add("-object");
            string path = b.Path.Replace(",", ",,", StringComparison.Ordinal);
            arguments.Add(string.Create(CultureInfo.InvariantCulture,
                $"memory-backend-file,id={b.Id},size={b.Length},mem-path={path},share=on,prealloc=off," +
                $"align={b.PageSize},dump=off,merge=off")
                + (b.Offset == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $",offset={b.Offset}")));
        }

        if (Backends.Count == 1)
        {
            arguments.AddRange(["-machine", $"memory-backend={Backends[0].Id}"]);
        }
        else
        {
            foreach (GuestMemoryBackend b in Backends)
            {
                arguments.AddRange(["-numa", $"node,memdev={b.Id}"]);
            }
        }

        return arguments;
    }

    /// <summary>
    /// Cloud Hypervisor's arguments. Its restore cannot take up RAM that is there yet: for machines whose RAM other
    /// programs share, not for their live update.
    /// </summary>
    /// <exception cref="GuestMemoryException">A path has a comma, or a part of a device does not begin at 0: it has no
    /// way to be told of that.</exception>
    public IReadOnlyList<string> ToCloudHypervisorArguments()
    {
        List<string> arguments = ["--memory", "size=0", "--memory-zone"];
        foreach (GuestMemoryBackend b in Backends)
        {
            if (b.Offset != 0)
            {
                throw new GuestMemoryException(b.Region,
                    "Cloud Hypervisor takes a file only from its first byte on. Begin at 0");
            }

            if (b.Path.Contains(',', StringComparison.Ordinal))
            {
                throw new GuestMemoryException(b.Region,
                    $"Cloud Hypervisor takes no path with a comma, and it lies in {b.Path}");
            }

            arguments.Add(string.Create(CultureInfo.InvariantCulture,
                $"id={b.Id},size={b.Length},file={b.Path},shared=on"));
        }

        return arguments;
    }
}
