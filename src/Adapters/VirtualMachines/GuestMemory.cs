using System.Globalization;

namespace GuestMemFs.VirtualMachines;

/// <summary>One file that is a piece of a machine's RAM.</summary>
/// <param name="Id">QEMU's name for it: "ram0", "ram1" …</param>
/// <param name="Region">The region it is of.</param>
/// <param name="Path">The file. The piece begins at its first byte; behind the piece lies the arena's own block, out of the machine's reach.</param>
/// <param name="Length">Bytes: a multiple of <paramref name="PageSize"/>.</param>
/// <param name="PageSize">What addresses are aligned to, in bytes: at least 2 MiB.</param>
public sealed record GuestMemoryBackend(string Id, string Region, string Path, long Length, long PageSize);

/// <summary>
/// A machine's RAM, as regions of kind <see cref="RegionKind.GuestRam"/>: what a hypervisor must be told, so that the RAM is the regions' memory itself and is still there for the
/// next hypervisor process, and, on a medium that keeps it, under the next kernel.
/// </summary>
/// <remarks>
/// A region of several files, and several regions, are a backend each, and a NUMA node of the machine each: QEMU takes no other way to put RAM together. The order of
/// regions and their lengths are the machine's memory map: the same each time it is started.
/// </remarks>
public sealed class GuestMemory
{
    private GuestMemory(IReadOnlyList<GuestMemoryBackend> backends)
    {
        Backends = backends;
        Length = backends.Sum(backend => backend.Length);
    }

    /// <summary>The pieces, in the order of the machine's addresses.</summary>
    public IReadOnlyList<GuestMemoryBackend> Backends { get; }

    /// <summary>Bytes of RAM.</summary>
    public long Length { get; }

    /// <summary>The files whose lock is the loan: the first of each region. Who starts the machine by hand puts <c>flock --nonblock --no-fork FILE</c> before it, once for each.</summary>
    public IReadOnlyList<string> LockFiles => [.. Backends.DistinctBy(backend => backend.Region).Select(backend => backend.Path)];

    /// <summary>RAM made of these regions.</summary>
    /// <param name="arena">The arena, open. It may be closed, or opened by another process, while the machine runs.</param>
    /// <param name="regions">Names; each a NUMA node.</param>
    /// <exception cref="RegionNotFoundException">There is none of a name.</exception>
    /// <exception cref="RegionKindException">One is not of kind GuestRam: other kinds hold bytes of ours, or of an application.</exception>
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
                long page = Math.Max(2L << 20, arena.Medium.Capabilities.PageSize);
                foreach (RegionFile file in arena.GetRegionFiles(name))
                {
                    if (file.Path is not { } path)
                    {
                        throw new GuestMemoryException(name, $"its medium ({arena.Medium.Name}) has no files that another program can open. Put the arena on guestmemfs, DAX, hugetlbfs or tmpfs");
                    }

                    if (file.Length % page != 0)
                    {
                        throw new GuestMemoryException(name, $"{file.Length} bytes in {path} are not a multiple of its page, {page} bytes: a hypervisor would round up, into what is not the machine's. Make a region of a multiple");
                    }

                    backends.Add(new GuestMemoryBackend(string.Create(CultureInfo.InvariantCulture, $"ram{backends.Count}"), name, path, file.Length, page));
                }
            }
        }

        return backends.DistinctBy(backend => backend.Path).Count() == backends.Count
            ? new GuestMemory(backends)
            : throw new GuestMemoryException(regions.GroupBy(name => name).First(group => group.Count() > 1).Key, "it is named twice");
    }

    /// <summary>QEMU's arguments: <c>-m</c>, a <c>memory-backend-file</c> for each piece, and how they are the machine's RAM. They add to a <c>-machine</c> of the caller's.</summary>
    /// <remarks><c>share=on</c>, or the machine would have a copy; <c>prealloc=off</c>, since the arena has taken the space; <c>dump=off</c>: RAM stays out of core dumps.</remarks>
    public IReadOnlyList<string> ToQemuArguments()
    {
        List<string> arguments = ["-m", string.Create(CultureInfo.InvariantCulture, $"{Length}B")];
        foreach (GuestMemoryBackend b in Backends)
        {
            arguments.Add("-object");
            arguments.Add(string.Create(CultureInfo.InvariantCulture,
                $"memory-backend-file,id={b.Id},size={b.Length},mem-path={b.Path.Replace(",", ",,", StringComparison.Ordinal)},share=on,prealloc=off,align={b.PageSize},dump=off,merge=off"));
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

    /// <summary>Cloud Hypervisor's arguments. Its restore cannot take up RAM that is there yet: for machines whose RAM other programs share, not for their live update.</summary>
    /// <exception cref="GuestMemoryException">A path has a comma, which it has no way to be told of.</exception>
    public IReadOnlyList<string> ToCloudHypervisorArguments()
    {
        List<string> arguments = ["--memory", "size=0", "--memory-zone"];
        foreach (GuestMemoryBackend b in Backends)
        {
            if (b.Path.Contains(',', StringComparison.Ordinal))
            {
                throw new GuestMemoryException(b.Region, $"Cloud Hypervisor takes no path with a comma, and it lies in {b.Path}");
            }

            arguments.Add(string.Create(CultureInfo.InvariantCulture, $"id={b.Id},size={b.Length},file={b.Path},shared=on"));
        }

        return arguments;
    }
}
