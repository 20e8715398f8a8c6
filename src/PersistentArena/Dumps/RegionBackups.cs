using System.Runtime.ExceptionServices;
using GuestMemFs.Dumps;

namespace GuestMemFs;

/// <summary>
/// A region's dumps under one name: the newest is the file of that name, the one before it has <c>.1</c> behind it, and
/// so on. What is kept is whole and was read back; a kill between any two steps loses none of it.
/// </summary>
/// <remarks>
/// Thread-safe, and safe beside other processes of this machine: one writes at a time, and a restore beside it takes a
/// dump that is whole. Two heaps under one name replace each other's dumps.
/// </remarks>
public sealed class RegionBackups
{
    private const string New = ".new";
    private const string Claim = ".lock";
    private const string Fetched = ".fetched";
    private const int MaximumLooks = 100;
    private readonly string _path;
    private readonly int _count;

    /// <summary>Names the place.</summary>
    /// <param name="path">The newest dump's file. Its directory has to be there.</param>
    /// <param name="count">How many dumps are kept, 1 to 1000.</param>
    public RegionBackups(string path, int count = 2)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, 1000);
        _path = Path.GetFullPath(path);
        _count = count;
    }

    /// <summary>Where copies go besides the files, and come from where those are lost; null for nowhere.</summary>
    public BackupCommand? Command { get; init; }

    /// <summary>
    /// Takes a dump of a heap that this process writes, reads it back, and makes it the newest. The oldest goes where
    /// there are more than are kept. Then the command gets it.
    /// </summary>
    /// <param name="heap">The heap.</param>
    /// <param name="options">How long writers may wait; <see cref="DumpOptions.Overwrite"/> is of no effect.</param>
    /// <param name="cancellationToken">Ends it; the dumps that are there stay.</param>
    /// <exception cref="DumpInUseException">Another process or thread writes here.</exception>
    /// <exception cref="DumpDamagedException">What was read back is not what was written.</exception>
    /// <exception cref="BackupCommandException">The command failed; the file is there.</exception>
    /// <inheritdoc cref="RegionDump.Write(PersistentHeap, string, DumpOptions, CancellationToken)" path="/exception"/>
    public DumpInfo Write(PersistentHeap heap, DumpOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        options ??= new DumpOptions();
        using ClaimedFile claim = ClaimedFile.TryTake(_path + Claim) ?? throw new DumpInUseException(_path);
        try
        {
            DumpInfo dump = WriteClaimed(heap, options, cancellationToken);
            Copies?.Store(_path, cancellationToken);
            return dump;
        }
        finally
        {
            File.Delete(_path + Claim);
        }
    }

    private DumpInfo WriteClaimed(PersistentHeap heap, DumpOptions options, CancellationToken cancellationToken)
    {
        string fresh = _path + New;
        DumpInfo dump = RegionDump.Write(heap, fresh, new DumpOptions
        {
            MaximumPause = options.MaximumPause,
            Progress = options.Progress,
            Overwrite = true,
        }, cancellationToken);
        RegionDump.Verify(fresh, PathTrust.Own, cancellationToken);
        for (int i = _count - 1; i > 0; i--)
        {
            if (File.Exists(NameOf(i - 1)))
            {
                File.Move(NameOf(i - 1), NameOf(i), overwrite: true);
            }
        }

        File.Move(fresh, _path, overwrite: true);
        return dump;
    }

    /// <summary>
    /// The dumps that are there, newest first. What is none, or is cut off, is not among them; of those that a command
    /// has only the beginning is asked.
    /// </summary>
    /// <param name="trust">Who may have written the files; root and this process's user where nothing is said.</param>
    /// <exception cref="BackupCommandException">The command failed.</exception>
    public IReadOnlyList<RegionBackup> Find(PathTrust? trust = null) =>
        [.. FindAll(trust, out _, CancellationToken.None).Select(one => one.Backup)];

    // One file that two places have is taken where it lies: a beginning is older than its end.
    private IReadOnlyList<(RegionBackup Backup, int? Slot)> FindAll(
        PathTrust? trust, out Exception? unreadable, CancellationToken cancellationToken)
    {
        List<(RegionBackup Backup, int? Slot)> found =
            [.. FindFiles(trust, out unreadable).Select(one => (one, (int?)null))];
        DumpDamagedException? damaged = null;
        foreach ((int slot, DumpInfo dump) in Copies?.Find(out damaged, cancellationToken) ?? [])
        {
            found.Add((new RegionBackup($"{Command!.FetchProgram} (slot {slot})", dump), slot));
        }

        unreadable ??= damaged;
        return [.. found.OrderByDescending(one => one.Backup.Dump.Taken)];
    }

    private List<RegionBackup> FindFiles(PathTrust? trust, out Exception? unreadable)
    {
        unreadable = null;
        List<RegionBackup> found = [];
        foreach (string path in (string[])[_path + New, .. Enumerable.Range(0, _count).Select(NameOf)])
        {
            try
            {
                found.Add(new RegionBackup(path, RegionDump.Read(path, trust)));
            }
            catch (Exception e) when (e is ArenaException or IOException or UnauthorizedAccessException)
            {
                // The others are asked; where none is left, a restore says so. What a killed writer left is no dump.
                bool isKept = path != _path + New && e is not (FileNotFoundException or DirectoryNotFoundException);
                unreadable ??= isKept ? e : null;
            }
        }

        return found;
    }

    /// <summary>Makes the region from the newest dump whose every byte is there: a file, or the command's.</summary>
    /// <param name="arena">The arena, opened for writing.</param>
    /// <param name="options">As for <see cref="RegionDump.Restore"/>.</param>
    /// <param name="skipped">Is told of each that is damaged, and why; the next older one is tried then.</param>
    /// <param name="cancellationToken">Ends it; nothing is left of the region.</param>
    /// <returns>The dump, or null where there is none.</returns>
    /// <exception cref="DumpDamagedException">There are some, and all are damaged.</exception>
    /// <exception cref="UnauthorizedAccessException">There are some, and this process may read none.</exception>
    /// <exception cref="BackupCommandException">The command failed: it may have a newer one than the files.</exception>
    /// <inheritdoc cref="RegionDump.Restore" path="/exception"/>
    public DumpInfo? RestoreNewest(PersistentArena arena, RestoreOptions? options = null,
        Action<string, DumpDamagedException>? skipped = null, CancellationToken cancellationToken = default)
    {
        options ??= new RestoreOptions();
        for (int looks = 1; ; looks++)
        {
            try
            {
                IReadOnlyList<(RegionBackup Backup, int? Slot)> found =
                    FindAll(options.Trust, out Exception? unreadable, cancellationToken);
                if (found.Count == 0 && unreadable is not null)
                {
                    ExceptionDispatchInfo.Throw(unreadable);
                }

                return RestoreNewestOf(found, arena, options, skipped, cancellationToken);
            }
            catch (FileNotFoundException) when (looks < MaximumLooks)
            {
                // A writer gave it another name meanwhile.
            }
        }
    }

    private DumpInfo? RestoreNewestOf(IReadOnlyList<(RegionBackup Backup, int? Slot)> found, PersistentArena arena,
        RestoreOptions options, Action<string, DumpDamagedException>? skipped, CancellationToken cancellationToken)
    {
        DumpDamagedException? last = null;
        foreach ((RegionBackup backup, int? slot) in found)
        {
            try
            {
                DumpInfo? restored = null;
                void Restore(string file) => restored = RegionDump.Restore(file, arena, options, cancellationToken);
                if (slot is { } number)
                {
                    Copies!.Fetch(number, Restore, cancellationToken);
                }
                else
                {
                    Restore(backup.Path);
                }

                return restored;
            }
            catch (DumpDamagedException damaged)
            {
                skipped?.Invoke(backup.Path, damaged);
                last = damaged;
            }
        }

        return last is null ? null : throw last;
    }

    private CommandCopies? Copies => Command is null ? null : new CommandCopies(Command, _count, _path + Fetched);

    private string NameOf(int age) => age == 0 ? _path : $"{_path}.{age}";
}
