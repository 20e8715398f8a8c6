namespace GuestMemFs.Media;

/// <summary>How space for a range of a file is taken before it is touched.</summary>
internal enum ReserveBy
{
    /// <summary>Creation took it.</summary>
    Creation,

    /// <summary>fallocate.</summary>
    Fallocate,

    /// <summary>
    /// Mapping takes it (hugetlbfs keeps a reservation with the inode); nothing is zeroed ahead of its use.
    /// </summary>
    Mapping,

    /// <summary>2 MiB at a time through a mapping that asks for huge pages, and fallocate for what gets none: memory of
    /// the page cache (tmpfs, memfd), where fallocate alone takes small pages unless the mount says
    /// <c>huge=always</c>.</summary>
    HugePages,
}

/// <summary>What the code that handles descriptors has to know about a medium's files.</summary>
internal sealed record FileTraits
{
    /// <summary>How space is taken.</summary>
    public required ReserveBy Reserve { get; init; }

    /// <summary>
    /// Space is the machine's memory, of which the filesystem may promise more than there is: it is looked at first.
    /// </summary>
    public bool TakesMemory { get; init; }

    /// <summary>Mappings need MADV_HUGEPAGE to get huge pages.</summary>
    public bool AskForHugePages { get; init; }

    /// <summary>
    /// madvise may answer EINVAL, because the mappings are of a kind it does not know (guestmemfs has no struct pages).
    /// </summary>
    public bool MadviseMayFail { get; init; }

    /// <summary>
    /// Mappings are synchronous (MAP_SYNC) where the device can: before a page can be stored to, the filesystem has
    /// written down which block it is. Without that, a store may be in a block that no file has under the next kernel,
    /// after a kexec, a panic or a loss of power, though the memory itself was kept.
    /// </summary>
    public bool Synchronous { get; init; }
}
