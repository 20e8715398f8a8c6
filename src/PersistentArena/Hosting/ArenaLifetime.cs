using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace GuestMemFs.Hosting;

/// <summary>
/// One registered arena with its heap and dictionaries: opened before the host's first service starts (or when first
/// asked for, where a service wants it in its constructor), closed clean after the last one has stopped.
/// </summary>
internal sealed class ArenaLifetime(
    string name,
    IEnumerable<DictionaryRegistration> dictionaries,
    IOptionsMonitor<PersistentArenaOptions> options,
    ILoggerFactory? loggers,
    TimeProvider time) : IHostedLifecycleService, IDisposable
{
    /// <summary>The heap's region.</summary>
    public const string HeapRegion = "heap";

    private readonly ILogger _logger = loggers?.CreateLogger("GuestMemFs.PersistentArena") ?? NullLogger.Instance;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, object> _dictionaries = [];
    private PersistentArena? _arena;
    private PersistentHeap? _heap;
    private HeapBackups? _backups;
    private bool _closed;

    private string DisplayName => name.Length == 0 ? "default" : name;

    public PersistentArena Arena
    {
        get
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_closed, this);
                return _arena ??= Open();
            }
        }
    }

    public PersistentHeap Heap
    {
        get
        {
            lock (_gate)
            {
                return _heap ??= OpenHeap();
            }
        }
    }

    /// <summary>A dictionary of bytes, or a typed one.</summary>
    public object Dictionary(DictionaryRegistration registration)
    {
        lock (_gate)
        {
            if (!_dictionaries.TryGetValue(registration.Name, out object? dictionary))
            {
                dictionary = registration.Open(Heap, time);
                _dictionaries.Add(registration.Name, dictionary);
            }

            return dictionary;
        }
    }

    /// <summary>How often the heap is copied; null where that is not asked for.</summary>
    public TimeSpan? BackupEvery => options.Get(name) is { BackupFile: not null, BackupEvery: var every }
        && every > TimeSpan.Zero && !Arena.IsReadOnly ? every : null;

    /// <summary>Takes a copy of the heap, as the options say.</summary>
    public void Backup(CancellationToken cancellationToken) => Backups.Take(Heap, cancellationToken);

    /// <summary>Looks whether the arena's files are still there; the arena logs what is gone.</summary>
    public void CheckFiles()
    {
        lock (_gate)
        {
            if (_arena is { FilesLost: null } arena && arena.CheckFiles() is { } lost)
            {
                ArenaTelemetry.Lost(lost, DisplayName);
            }
        }
    }

    /// <summary>The registered dictionaries of this arena, as those of bytes.</summary>
    public PersistentDictionary[] Dictionaries() =>
        [.. dictionaries.Where(d => d.Arena == name).Select(d => d.BytesOf(Dictionary(d)))];

    /// <summary>
    /// Opens all that is registered, so that what is wrong with it is known before anything has started.
    /// </summary>
    public Task StartingAsync(CancellationToken cancellationToken)
    {
        _ = Arena;
        _ = Dictionaries();
        return Task.CompletedTask;
    }

    public Task StoppedAsync(CancellationToken cancellationToken)
    {
        Dispose();
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _closed = true;
            if (_arena is { } arena)
            {
                _arena = null;
                arena.Dispose();
                _logger.ArenaClosed(DisplayName);
            }
        }
    }

    Task IHostedService.StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    Task IHostedLifecycleService.StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    Task IHostedLifecycleService.StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    Task IHostedService.StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private PersistentArena Open()
    {
        PersistentArenaOptions o = options.Get(name);
        PersistentArena arena = PersistentArena.OpenOrCreate(new ArenaOptions
        {
            Name = DisplayName,
            Directory = o.Directory,
            Trust = new PathTrust([.. o.TrustedOwners]),
            Sharing = o.ReadersGroup is { Length: > 0 } group ? ArenaSharing.ReadableBy(group) : ArenaSharing.None,
            MetadataSize = o.MetadataSize,
            SizeHint = o.HeapSize,
            ArenaId = o.ArenaId,
            WaitForWriter = o.WaitForWriter,
            CrashLoop = new CrashLoopPolicy { Action = o.CrashLoopAction, Limit = o.CrashLoopLimit },
            Logger = _logger,
            TimeProvider = time,
        });
        ArenaTelemetry.Attached(arena.AttachReport, DisplayName);
        return arena;
    }

    // One for the lifetime: it knows which copy of a command's is the newest whole one.
    private HeapBackups Backups => _backups ??= new(DisplayName, HeapRegion, options.Get(name), _logger, time);

    private PersistentHeap OpenHeap()
    {
        PersistentArenaOptions o = options.Get(name);
        Backups.RestoreIfLost(Arena);
        PersistentRegion region = Arena.OpenOrGrowRegion(
            HeapRegion, o.HeapSize, new RegionOptions { Kind = RegionKind.Heap, Reserve = o.HeapReserve });

        // The region is not disposed of when the arena closes: who still holds the dictionary then gets an exception,
        // not an unmapped page.
        return PersistentHeap.Open(region);
    }
}
