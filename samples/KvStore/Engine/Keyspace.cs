using System.Globalization;
using System.Runtime.CompilerServices;
using GuestMemFs;
using GuestMemFs.Holding;
using KvStore.Replication;

namespace KvStore.Engine;

/// <summary>
/// The store: an arena, in it a region, in it a heap, in it the databases. Opening is attaching: nothing is loaded.
/// </summary>
internal sealed class Keyspace : IDisposable
{
    private const string RegionName = "kvstore";

    private readonly PersistentArena _arena;
    private readonly PersistentRegion _region;
    private readonly PersistentHeap _heap;
    private readonly Medium? _held;
    private readonly bool _isSnapshot;

    private Keyspace(PersistentArena arena, PersistentRegion region, Medium? held, ServerOptions options)
    {
        _held = held;
        _arena = arena;
        _region = region;
        _heap = PersistentHeap.Open(region, new HeapOptions { Erase = options.Erase });
        Databases = new Databases(_heap, options.Checksums, WallClock.Source);
        KeysAtAttach = Databases.KeyCount;
        Backup = new Backup(_heap, options);
        Functions = new FunctionStore(_heap);
        Master = new MasterNote(_heap);
        Ballast = new Ballast(_heap, region.Length);
    }

    private Keyspace(Keyspace whole, PersistentSnapshot snapshot, ServerOptions options)
    {
        _arena = whole._arena;
        _region = whole._region;
        _heap = snapshot.Heap;
        _isSnapshot = true;
        Databases = new Databases(_heap, options.Checksums, new StandingClock(
            // Of a replica's keys none has expired: that is its master's to say.
            whole.Master.Address is null ? snapshot.TakenAt : DateTimeOffset.UnixEpoch));
        Backup = whole.Backup;
        Functions = new FunctionStore(_heap);
        Master = whole.Master;
        Ballast = whole.Ballast;
    }

    public Databases Databases { get; }

    /// <summary>The keys of the selected database.</summary>
    public PersistentDictionary Keys => Databases.Selected.Keys;

    /// <summary>The large collections that keys of the selected database have; null where none was made yet.</summary>
    public NestedCollections? Nested => Databases.Selected.Nested;

    public PersistentArena Arena => _arena;

    /// <summary>True where nothing may be changed: the policy about crash loops opened it so.</summary>
    public bool IsReadOnly => _isSnapshot || _arena.IsReadOnly;

    /// <summary>The libraries of functions.</summary>
    public FunctionStore Functions { get; }

    /// <summary>What is remembered of the master that it follows.</summary>
    public MasterNote Master { get; }

    /// <summary>What is thrown out where the store is full.</summary>
    public Ballast Ballast { get; }

    /// <summary>The store's copies in files.</summary>
    public Backup Backup { get; }

    /// <summary>The copy that the store was made from by this open; null where it was there.</summary>
    public DumpInfo? RestoredFrom { get; private init; }

    /// <summary>How many keys the open found.</summary>
    public long KeysAtAttach { get; }

    /// <summary>What the open found, in a few words.</summary>
    public string Outcome
    {
        get
        {
            AttachReport report = _arena.AttachReport;
            return string.Create(CultureInfo.InvariantCulture,
                $"{Word(report.Kind)} on {report.MediumName} at {report.Location} " +
                $"in {report.Duration.TotalMilliseconds:0.0} ms");
        }
    }

    /// <summary>
    /// Attaches to what is there, or makes it. A store that is smaller than asked for grows; a larger one stays as it
    /// is, and the attach report says so.
    /// </summary>
    public static Keyspace Open(ServerOptions options)
    {
        long size = (options.Size + RegionOptions.MinimumLength - 1) / RegionOptions.MinimumLength
            * RegionOptions.MinimumLength;
        Medium? held = options.Holder.Length > 0 ? Held(options) : null;
        try
        {
            return Open(options, size, held);
        }
        catch
        {
            held?.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Memory that another process holds. Apart, so that who does not want that does not load its assembly.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Medium Held(ServerOptions options) =>
        Medium.FromHolder(Holders.Open(options.Holder, options.ArenaName, options.Trust));

    private static Keyspace Open(ServerOptions options, long size, Medium? held)
    {
        var arena = PersistentArena.OpenOrCreate(new ArenaOptions
        {
            Medium = held,
            Directory = options.ArenaDirectory.Length > 0 ? options.ArenaDirectory : null,
            Name = options.ArenaName,
            Trust = options.Trust,
            Sharing = options.Sharing,
            SizeHint = size == 0 ? StoreSize.Least : size,
            WaitForWriter = options.WaitForWriter,
            LockMemory = options.LockMemory,
            CrashLoop = new CrashLoopPolicy { Action = options.CrashLoopAction, Limit = options.CrashLoopLimit },
            TimeProvider = WallClock.Source,
        });
        try
        {
            DumpInfo? restored = RestoreIfLost(arena, options);
            size = size == 0 ? arena.FindRegion(RegionName)?.Length ?? StoreSize.For(arena.GetSpace()) : size;
            PersistentRegion region = arena.OpenOrGrowRegion(RegionName, size, new RegionOptions
            {
                Kind = RegionKind.Heap,
                Reserve = RegionReserve.OnDemand,
                Numa = options.Numa,
            });
            options.Size = region.Length;
            Keyspace keyspace = new(arena, region, held, options) { RestoredFrom = restored };
            options.Erase = keyspace._heap.Erases;
            options.Checksums = keyspace.Keys.HasChecksums;
            return keyspace;
        }
        catch
        {
            arena.Dispose();
            throw;
        }
    }

    // Where the medium came up empty (power, another host), the copies are the truth. A store that is there is left as
    // it is, however old; and where all copies are damaged the server does not start empty by itself.
    private static DumpInfo? RestoreIfLost(PersistentArena arena, ServerOptions options)
    {
        if (options.Restore == RestoreChoice.Never || options.BackupFile.Length == 0 || arena.IsReadOnly
            || arena.FindRegion(RegionName) is not null)
        {
            return null;
        }

        try
        {
            RegionBackups backups = options.Backups;
            RequireConsent(backups, options);
            return backups.RestoreNewest(
                arena,
                new RestoreOptions
                {
                    Region = RegionName,
                    Numa = options.Numa,
                    Trust = options.Trust,
                    Progress = new RestoreProgress(),
                },
                (_, damaged) => Console.Error.WriteLine($"KvStore: {damaged.Message} An older copy is tried."));
        }
        catch (BackupCommandException e)
        {
            throw new StoreException(
                $"It is not there, and --restore-command may have a newer copy than the files: {e.Message} No key " +
                "was made. Start with --restore never to begin empty, as at the first start of all, or without the " +
                "two commands to take what the files have.");
        }
        catch (Exception e) when (e is (IOException and not MediumException) or UnauthorizedAccessException)
        {
            throw new StoreException(
                $"It is not there, and no copy at '{options.BackupFile}' can be read: {e.Message} No key was made. " +
                "Let this user read them, or start with --restore never to begin empty.");
        }
    }

    private static void RequireConsent(RegionBackups backups, ServerOptions options)
    {
        if (options.Restore == RestoreChoice.Ask && backups.Find(options.Trust) is [var (file, newest), ..])
        {
            throw new StoreException(
                $"It is not there, and '{file}' is a copy of it, of {newest.Taken:u}. No key was made. Start with " +
                "--restore auto to make the store from the newest whole copy, or with --restore never to begin empty.");
        }
    }

    /// <summary>
    /// Most bytes that records may take, where CONFIG SET maxmemory asks for less than the store has.
    /// </summary>
    public long Limit { get; private set; } = long.MaxValue;

    /// <summary>
    /// Lets the keys take so many bytes: the store grows, or keeps its length and has a limit below it.
    /// </summary>
    /// <param name="bytes">Bytes; 0 for the store's length.</param>
    /// <returns>What they may take now.</returns>
    /// <exception cref="ArenaException">It cannot grow so far. Nothing was changed.</exception>
    public long SetMaximum(long bytes)
    {
        long length = (bytes + RegionOptions.MinimumLength - 1) / RegionOptions.MinimumLength
            * RegionOptions.MinimumLength;
        if (length > _region.Length)
        {
            _region.Grow(length);
        }

        Limit = bytes == 0 || bytes >= _region.Length ? long.MaxValue : bytes;
        return Math.Min(Limit, _region.Length);
    }

    /// <summary>The selected database's large collections; not inside a group where there was none before.</summary>
    public NestedCollections OpenNested() => Databases.Selected.OpenNested();

    /// <summary>Moves records together where free memory is scattered, for about that long.</summary>
    public void Compact(TimeSpan limit) => _heap.Compact(limit);

    /// <summary>Everything as it is now, to read on another thread while this changes.</summary>
    public PersistentSnapshot TakeSnapshot() => _heap.TakeSnapshot(_region.Length);

    /// <summary>The keys of a snapshot. Nothing can be changed in them; the snapshot stays the caller's.</summary>
    public Keyspace Of(PersistentSnapshot snapshot, ServerOptions options) => new(this, snapshot, options);

    /// <summary>The history of changes that is in the arena; null where there is none, or it is not the
    /// data's.</summary>
    public Backlog? OpenBacklog(out string? reason) => Backlog.TryOpen(_arena, _heap, out reason);

    /// <summary>Begins one, in place of what is there: its own, or a master's.</summary>
    public Backlog CreateBacklog(long capacity, HistoryPosition? begin = null) =>
        Backlog.Create(_arena, _heap, capacity, begin);

    /// <summary>Removes it; it has to be closed.</summary>
    public void DeleteBacklog() => Backlog.Delete(_arena);

    /// <summary>What is gone of the store's files; null where nothing is.</summary>
    public ArenaFilesLost? CheckFiles() => _arena.CheckFiles();

    /// <summary>
    /// For INFO memory. Redis's words for it, where it has any: active is what the allocator has in use as pages,
    /// allocated what is in use of these.
    /// </summary>
    public IEnumerable<(string Name, string Value)> MemoryFacts()
    {
        HeapStatistics heap = _heap.GetStatistics();
        yield return ("arena_length", Text(heap.Length));
        yield return ("arena_frontier", Text(heap.Frontier));
        yield return ("arena_known_free", Text(heap.KnownFree));
        yield return ("arena_longest_free", Text(heap.LongestFree));
        long entries = Databases.Made.Sum(
            database => database.Nested?.Entries.CountRange(NestedCollections.First, default) ?? 0);
        yield return ("nested_entries", Text(entries));
        yield return ("arena_erases", _heap.Erases ? "1" : "0");
        long active = heap.Frontier - heap.KnownFree;
        long allocated = active - heap.FreeInSlabs;
        yield return ("allocator_allocated", Text(allocated));
        yield return ("allocator_active", Text(active));
        yield return ("allocator_frag_bytes", Text(heap.FreeInSlabs));
        yield return ("allocator_frag_ratio",
            ((double)active / Math.Max(allocated, 1)).ToString("F2", CultureInfo.InvariantCulture));
        yield return ("active_defrag_running", heap.IsScattered ? "1" : "0");
        yield return ("active_defrag_key_hits", Text(heap.BlocksMoved));
        yield return ("active_defrag_bytes_moved", Text(heap.BytesMoved));
        yield return ("active_defrag_bytes_won", Text(heap.BytesReclaimed));
    }

    /// <summary>For INFO persistence: the attach report.</summary>
    public IEnumerable<(string Name, string Value)> AttachFacts()
    {
        AttachReport report = _arena.AttachReport;
        ArenaFilesLost? lost = _arena.CheckFiles();
        yield return ("arena_files_lost", Text(lost is null ? 0 : lost.Files.Count + (lost.IsDirectoryGone ? 1 : 0)));
        if (lost is not null)
        {
            yield return ("arena_files_lost_reason", lost.ToString());
        }

        yield return ("arena_id", report.ArenaId.ToString());
        yield return ("arena_location", report.Location);
        yield return ("arena_medium", report.MediumName);
        yield return ("arena_medium_reason", report.MediumReason);
        yield return ("arena_survives", report.Survives.ToString());
        yield return ("arena_page_size", Text(report.PageSize));
        yield return ("arena_numa", _region.ReadNuma()?.ToString() ?? "not told");
        yield return ("arena_epoch", report.Epoch.ToString(CultureInfo.InvariantCulture));
        yield return ("attach_kind", Word(report.Kind));
        yield return ("attach_ms", Milliseconds(report.Duration));
        yield return ("attach_early_ends", Text(report.EarlyEnds));
        yield return ("arena_checksums", Keys.HasChecksums ? "1" : "0");
        yield return ("arena_read_only", _arena.IsReadOnly ? "1" : "0");
        if (RestoredFrom is { } dump)
        {
            yield return ("restored_from_backup_of", Text(dump.Taken.ToUnixTimeSeconds()));
        }

        foreach (LongerRegion longer in report.LongerRegions)
        {
            yield return ("arena_size_asked", Text(longer.RequestedLength));
        }

        foreach (AttachStep step in report.Steps)
        {
            yield return ($"attach_step_{step.Name.Replace(' ', '_')}_ms", Milliseconds(step.Duration));
        }

        foreach (AttachReason reason in report.Reasons)
        {
            yield return ("attach_reason", reason.ToString());
        }
    }

    /// <summary>
    /// Closes the arena clean: another process may open it. What is mapped stays so until this is disposed of.
    /// </summary>
    public void CloseArena() => _arena.Dispose();

    /// <summary>Closes the arena clean.</summary>
    public void Dispose()
    {
        Backup.Dispose();
        _arena.Dispose();
        _region.Dispose();
        _held?.Dispose();
    }

    private static string Word(AttachKind kind) => kind switch
    {
        AttachKind.Fresh => "fresh",
        AttachKind.Warm => "warm",
        AttachKind.Recovered => "recovered",
        _ => "reader",
    };

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Milliseconds(TimeSpan time) =>
        time.TotalMilliseconds.ToString("0.00", CultureInfo.InvariantCulture);
}
