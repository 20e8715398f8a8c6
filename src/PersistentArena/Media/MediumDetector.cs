using GuestMemFs.Native;

namespace GuestMemFs.Media;

/// <summary>
/// Which medium a directory is, by what the kernel says of it: the mount's type and options, statfs and statx. Never by
/// its path.
/// </summary>
internal static class MediumDetector
{
    private const long TmpfsMagic = 0x01021994;
    private const long HugetlbfsMagic = 0x958458f6;

    /// <summary>Opens the medium that a directory is.</summary>
    public static Medium Open(string path, bool writable, PathTrust trust)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        MediumDirectory directory = MediumDirectory.Open(path, create: writable, trust);
        try
        {
            if (writable)
            {
                directory.RequireWritable();
            }

            return For(directory);
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    /// <summary>The medium, which owns the directory from now on.</summary>
    public static Medium For(MediumDirectory directory) =>
        Kind(directory.Mount, directory.FileSystem().Type, directory.Status.Attributes) switch
    {
        MediumKind.GuestMemFs => new GuestMemFsMedium(directory),
        MediumKind.GuestMemFsModule => new GuestMemFsModuleMedium(directory),
        MediumKind.Dax => new DaxMedium(directory),
        MediumKind.Hugetlbfs => new HugetlbfsMedium(directory),
        MediumKind.Tmpfs => new TmpfsMedium(directory),
        _ => new DirectoryMedium(directory),
    };

    /// <summary>The decision alone.</summary>
    /// <param name="mount">The mount, or null where /proc does not show it.</param>
    /// <param name="magic">The filesystem's magic number from statfs; decides where there is no mount.</param>
    /// <param name="attributes">Of the directory, from statx.</param>
    public static MediumKind Kind(MountInfo? mount, long magic, ulong attributes) => (mount?.FileSystem, magic) switch
    {
        ("guestmemfs", _) => GuestMemFsModuleMedium.Answers(mount!) ? MediumKind.GuestMemFsModule
            : MediumKind.GuestMemFs,
        ("hugetlbfs", _) or (null, HugetlbfsMagic) => MediumKind.Hugetlbfs,
        ("tmpfs", _) or (null, TmpfsMagic) => MediumKind.Tmpfs,
        ("ext2" or "ext4" or "xfs", _) when IsDax(mount!, attributes) => MediumKind.Dax,
        _ => MediumKind.Directory,
    };

    /// <summary>The stable short name of a kind.</summary>
    public static string NameOf(MediumKind kind) => kind switch
    {
        MediumKind.GuestMemFs or MediumKind.GuestMemFsModule => "guestmemfs",
        MediumKind.Dax => "dax",
        MediumKind.Hugetlbfs => "hugetlbfs",
        MediumKind.Tmpfs => "tmpfs",
        _ => "directory",
    };

    private static bool IsDax(MountInfo mount, ulong attributes) =>
        mount.Has("dax") || mount.Has("dax=always") || (attributes & Libc.STATX_ATTR_DAX) != 0;
}
