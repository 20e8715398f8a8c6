using Microsoft.Extensions.Logging;

namespace GuestMemFs.Hosting;

/// <summary>The copies of a registered arena's heap: restored where the heap is lost, taken while it is used.</summary>
internal sealed class HeapBackups(
    string arena, string region, PersistentArenaOptions options, ILogger logger, TimeProvider time)
{
    private readonly RegionBackups? _copies = options.BackupFile is null ? null
        : new RegionBackups(options.BackupFile, options.BackupCount)
        {
            Command = options.BackupCommand.Count + options.RestoreCommand.Count == 0 ? null
                : new BackupCommand([.. options.BackupCommand], [.. options.RestoreCommand])
                {
                    Timeout = options.BackupCommandTimeout,
                },
        };

    /// <summary>Makes the heap's region from the newest copy, where it is not there and a copy is.</summary>
    public void RestoreIfLost(PersistentArena opened)
    {
        if (_copies is null || !options.RestoreLostHeap || opened.IsReadOnly
            || opened.FindRegion(region) is not null)
        {
            return;
        }

        DumpInfo? restored = _copies.RestoreNewest(
            opened,
            new RestoreOptions
            {
                Region = region,
                Trust = new PathTrust([.. options.TrustedOwners]),
                Progress = new Told(this),
            },
            (path, damaged) => logger.BackupDamaged(damaged, arena, path));
        if (restored is not null)
        {
            logger.HeapRestored(arena, options.BackupFile!, restored.Taken, time.GetUtcNow() - restored.Taken);
        }
    }

    /// <summary>Takes a copy. What keeps it from being taken is logged, and tried again at the next time.</summary>
    public void Take(PersistentHeap heap, CancellationToken cancellationToken)
    {
        string file = options.BackupFile!;
        try
        {
            DumpInfo dump = _copies!.Write(
                heap, new DumpOptions { MaximumPause = options.BackupMaximumPause }, cancellationToken);
            logger.BackupTaken(arena, file, dump.FileLength, dump.Pause);
        }
        catch (Exception e) when (e is ArenaException or IOException or UnauthorizedAccessException)
        {
            logger.BackupFailed(e, arena, file);
        }
    }

    // Ten times at most.
    private sealed class Told(HeapBackups backups) : IProgress<DumpProgress>
    {
        private int _tenths;

        public void Report(DumpProgress value)
        {
            if (value.Percent / 10 > _tenths)
            {
                _tenths = value.Percent / 10;
                backups.Restoring(_tenths * 10);
            }
        }
    }

    private void Restoring(int percent) => logger.Restoring(arena, percent);
}
