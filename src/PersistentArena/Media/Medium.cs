using GuestMemFs.Media;

namespace GuestMemFs;

/// <summary>
/// Where memory comes from: a directory of a filesystem whose files are memory, or a set of descriptors.
/// A medium knows files only; what they mean is the arena's business. <c>Medium.ForDirectory</c> and its kin
/// (<c>MediumFactory</c>) open one.
/// </summary>
/// <remarks>
/// Thread-safe: calls may come from any thread. Errors are <see cref="MediumException"/>s with operation, path and
/// errno.
/// </remarks>
public abstract class Medium : IDisposable
{
    /// <summary>
    /// The medium's stable short name: <c>guestmemfs</c>, <c>dax</c>, <c>hugetlbfs</c>, <c>tmpfs</c>, <c>memfd</c>,
    /// <c>directory</c>, <c>strict</c>.
    /// </summary>
    public abstract string Name { get; }

    /// <summary>Where it is, for people: usually the directory's path.</summary>
    public abstract string Location { get; }

    /// <summary>What it can and cannot do. Code asks this, never <see cref="Name"/>.</summary>
    public abstract MediumCapabilities Capabilities { get; }

    /// <summary>
    /// Why this medium was taken, in a sentence for the attach report; empty where it was given by hand.
    /// </summary>
    public string Reason { get; internal set; } = string.Empty;

    /// <summary>What is wrong with that choice, for the attach report; null where nothing is.</summary>
    internal string? Warning { get; set; }

    /// <summary>How much room there is. See <see cref="MediumCapabilities.TruthfulFreeSpace"/>.</summary>
    public abstract MediumSpace GetSpace();

    /// <summary>Names of the regular files, in no order.</summary>
    public abstract IReadOnlyList<string> ListFiles();

    /// <summary>
    /// True where the kernel may write its content to swap now: it can (<see cref="MediumCapabilities.CanBeSwapped"/>),
    /// and swap is on. What an arena has locked (<see cref="ArenaOptions.LockMemory"/>) is not.
    /// </summary>
    public bool MayBeSwapped => Capabilities.CanBeSwapped && MachineMemory.Swap() > 0;

    /// <summary>
    /// True where the kernel keeps a NUMA policy with the file, for all that map it; elsewhere it is a mapping's.
    /// </summary>
    internal virtual bool KeepsNumaPolicy => false;

    /// <summary>
    /// Why there may be nothing where something was, as sentences that follow "there was no arena"; empty where there
    /// is no such reason.
    /// </summary>
    internal virtual string EmptyReason => Capabilities.Survives.HasFlag(Survives.Kexec) ? ""
        : $"If there was one before the last kexec or boot, it is gone: {Name} does not keep its content over a kexec.";

    /// <summary>
    /// The path under which other programs open a file of it, or null where there is none (a medium that is in this
    /// process alone, a name that is not there). A held memfd's leads through this process (<c>/proc/PID/fd/N</c>): it
    /// is there as long as the medium is not disposed of, and for whoever may look into this process (its user, root).
    /// </summary>
    public virtual string? PathOf(string name) => null;

    /// <summary>Opens a file, or gives null where there is none of that name.</summary>
    public abstract MediumFile? TryOpenFile(string name, bool writable);

    /// <summary>
    /// Creates a file of exactly <paramref name="length"/> bytes (a multiple of
    /// <see cref="MediumCapabilities.FileGranularity"/>, at most <see cref="MediumCapabilities.MaximumFileLength"/>),
    /// mode 0600, exclusively, with one ftruncate. Fails with <see cref="MediumErrorKind.Exists"/> where the name is
    /// taken, <see cref="MediumErrorKind.NoSpace"/> where there is no room; nothing is left behind then, if the medium
    /// can delete.
    /// </summary>
    public abstract MediumFile CreateFile(string name, long length);

    /// <summary>
    /// Makes what was stored to a mapped range (4 KiB-aligned address) safe from a loss of power, with msync, and the
    /// names of the files with it. Blocks. Only where <see cref="MediumCapabilities.CanFlush"/>; nothing else of what
    /// <see cref="MediumCapabilities.Survives"/> says needs it.
    /// </summary>
    /// <exception cref="MediumException"><see cref="MediumErrorKind.NotSupported"/> where the medium
    /// cannot.</exception>
    public virtual void Flush(nint address, long length) =>
        throw new MediumException(MediumErrorKind.NotSupported, "msync", Location, 0,
            $"'{Location}' ({Name}) cannot flush: what it survives, it survives without.");

    /// <summary>
    /// Gives a file another name, which is free; false where the medium has no such thing, or refuses.
    /// </summary>
    internal virtual bool TryRename(string name, string newName) => false;

    /// <summary>Moves files into a directory within the place, which is made; false where there is none.</summary>
    internal virtual bool TryMoveInto(string directory, IReadOnlyList<string> names) => false;

    /// <summary>
    /// Keeps programs that clean up by age (systemd-tmpfiles) out of its directory, until the medium is disposed of.
    /// They ask for a lock before they look into a directory; nobody else does.
    /// </summary>
    internal virtual void HoldDirectory()
    {
    }

    /// <summary>Lets a group read all that is there and all that is made from now on; or nobody.</summary>
    /// <param name="readers">The group's number; null for nobody.</param>
    /// <param name="mark">The file that is changed last: where it is as it should be, all others are.</param>
    /// <param name="isOurs">Which other files are changed, by name.</param>
    /// <exception cref="MediumException">The medium has no such thing, or refuses.</exception>
    internal virtual void ShareWith(uint? readers, string mark, Func<string, bool> isOurs)
    {
        if (readers is not null)
        {
            throw new MediumException(MediumErrorKind.NotSupported, "fchmod", Location, 0,
                $"'{Location}' ({Name}) has no files that a group could read: use a directory, or share with nobody.");
        }
    }

    /// <summary>Its directory as it is now; null where the medium has none that could go.</summary>
    internal virtual DirectoryState? LookAtDirectory() => null;

    /// <summary>True where there is something of that name, or nobody can say.</summary>
    internal virtual bool HasFile(string name) => true;

    /// <summary>
    /// Unlinks a file. Whether that gives its space back, <see cref="MediumCapabilities.UnlinkFreesSpace"/> says.
    /// </summary>
    public abstract void DeleteFile(string name);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what the medium holds (descriptors, not data).</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}
