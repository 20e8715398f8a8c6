using GuestMemFs.Media;
using GuestMemFs.Native;

namespace GuestMemFs;

/// <summary>The media that this machine offers, best first.</summary>
/// <remarks>
/// Better is: survives a kexec; is memory, not a disk; survives a loss of power; has huge pages that are guaranteed
/// (hugetlbfs), then huge pages, then a mount that is named for us, then more room. Nothing is created or changed by
/// looking.
/// </remarks>
public static class MediumCandidates
{
    /// <summary>The media for an arena of a name, usable ones first.</summary>
    /// <param name="name">The arena's name: the last part of its directory.</param>
    public static IReadOnlyList<MediumCandidate> Enumerate(string name = "default")
    {
        FileRules.CheckName(name);
        return Rank([.. OnMounts(MountInfo.ReadAll(), name, MountRules.Objection), InStateDirectory(name)]);
    }

    /// <summary>Those on mounts of media.</summary>
    /// <param name="mounts">The mounts to look at.</param>
    /// <param name="name">The arena's name.</param>
    /// <param name="objection">Says why a mount is not to be taken.</param>
    internal static IEnumerable<MediumCandidate> OnMounts(
        IReadOnlyList<MountInfo> mounts, string name, Func<MountInfo, MediumKind, StatX, string?> objection) =>
        mounts.Where(MayBeMedium).DistinctBy(mount => (mount.Device, mount.Root, mount.MountPoint)).Select(mount =>
            OnMount(mount, name, objection)).OfType<MediumCandidate>();

    /// <summary>Best first.</summary>
    internal static IReadOnlyList<MediumCandidate> Rank(IEnumerable<MediumCandidate> candidates) =>
    [
        .. candidates
            .OrderByDescending(c => c.IsUsable)
            .ThenByDescending(c => c.Capabilities?.Survives.HasFlag(Survives.Kexec))
            .ThenByDescending(c => c.Kind != "directory")
            .ThenByDescending(c => c.Capabilities?.Survives.HasFlag(Survives.PowerLoss))
            .ThenByDescending(c => c.Kind == "hugetlbfs")
            .ThenByDescending(c => c.Capabilities?.PageSize >= PageSizes.Huge2M)
            .ThenBy(c => c.Capabilities?.FileGranularity) // Pages of 1 GiB make even the metadata a gigabyte.
            .ThenByDescending(c => c.IsInvited)
            .ThenByDescending(c => c.Space?.Free),
    ];

    // By type first: opening the root of any mount there is could wake an automounter or hang on a dead server.
    private static bool MayBeMedium(MountInfo mount) =>
        mount.FileSystem is "guestmemfs" or "hugetlbfs" or "tmpfs"
            || MediumDetector.Kind(mount, 0, 0) == MediumKind.Dax;

    private static MediumCandidate? OnMount(
        MountInfo mount, string name, Func<MountInfo, MediumKind, StatX, string?> objection)
    {
        MediumKind kind = MediumDetector.Kind(mount, 0, 0);
        var candidate = new MediumCandidate
        {
            Kind = MediumDetector.NameOf(kind),
            MountPoint = mount.MountPoint,
            Directory = OwnDirectory.PathOn(kind, mount.MountPoint, name),
            IsInvited = MountRules.IsInvited(mount),
        };
        try
        {
            using MediumDirectory root = MediumDirectory.Open(mount.MountPoint, create: false, trust: null);
            return root.Mount?.Id != mount.Id
                ? null // Another mount lies over this one.
                : Examine(candidate, root, objection(mount, kind, root.Status));
        }
        catch (Exception e) when (e is MediumException or UntrustedOwnerException)
        {
            return candidate with { Objection = e.Message };
        }
    }

    /// <summary>An ordinary directory for a user's state, which there is always.</summary>
    private static MediumCandidate InStateDirectory(string name)
    {
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        string? state = Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { Length: > 0 } set
            && Path.IsPathRooted(set) ? set
            : home.Length > 0 ? Path.Combine(home, ".local", "state")
            : null;
        if (state is null)
        {
            return new MediumCandidate { Kind = "directory", MountPoint = "$XDG_STATE_HOME", Directory = string.Empty,
                Objection = "neither XDG_STATE_HOME nor HOME is set" };
        }

        string there = state;
        while (!Directory.Exists(there))
        {
            there = Path.GetDirectoryName(there)!; // "/" exists.
        }

        var candidate = new MediumCandidate { Kind = "directory", MountPoint = state,
            Directory = OwnDirectory.PathOn(MediumKind.Directory, state, name) };
        try
        {
            using MediumDirectory root = MediumDirectory.Open(there, create: false, trust: null);
            return Examine(candidate, root, null);
        }
        catch (Exception e) when (e is MediumException or UntrustedOwnerException)
        {
            return candidate with { Objection = e.Message };
        }
    }

    private static MediumCandidate Examine(MediumCandidate candidate, MediumDirectory root, string? objection)
    {
        // The medium is not disposed: the root belongs to the caller.
#pragma warning disable CA2000
        Medium medium = MediumDetector.For(root);
#pragma warning restore CA2000
        candidate = candidate with { Kind = medium.Name, Capabilities = medium.Capabilities, Space = medium.GetSpace(),
            Objection = objection };
        if (objection is not null)
        {
            return candidate;
        }

        try
        {
            PathTrust.Own.RequireDirectory(root.Path);
            using MediumDirectory? own =
                candidate.Directory == root.Path ? null : OwnDirectory.TryOpen(candidate.Directory);
            MediumDirectory target = own ?? root;
            target.RequireWritable();
            bool made = own is not null || candidate.Directory == root.Path;
            bool hasFiles = made && Descriptors.RegularFiles(target.Handle, target.Path).Count > 0;
            return candidate with { HasFiles = hasFiles };
        }
        catch (Exception e) when (IsTaken(e))
        {
            return candidate with { Objection = e.Message, IsTaken = true };
        }
    }

    // Errno 0: not the kernel refused the directory, its owner or mode did.
    private static bool IsTaken(Exception e) =>
        e is UntrustedOwnerException or MediumException { Kind: MediumErrorKind.Denied, Errno: 0 };
}
