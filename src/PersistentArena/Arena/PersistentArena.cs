using System.Diagnostics.CodeAnalysis;
using GuestMemFs.Arena;
using GuestMemFs.Journal;
using GuestMemFs.Native;
using Microsoft.Extensions.Logging;

namespace GuestMemFs;

/// <summary>
/// Named memory on a medium that outlives the process: one directory with a metadata journal, and regions whose bytes
/// are simply mapped. One writer at a time, any number of readers.
/// </summary>
/// <remarks>
/// <para>Thread-safe. Changes of metadata (create, delete, rename, grow, freeze) are each all there or not there after
/// a crash at any instant; a call that throws an <see cref="ArenaException"/> has changed nothing.</para>
/// <para>Disposing closes the arena clean. Regions that are open then refuse further access with
/// <see cref="ObjectDisposedException"/>; their memory stays mapped until each of them is disposed of too, because a
/// span that somebody still holds must not be pulled away. What is never disposed of stays mapped until the process
/// ends.</para>
/// </remarks>
public sealed class PersistentArena : IDisposable
{
    // A facade: it takes the lock, and the parts do the work under it.
    private readonly Lock _lock = new();
    private readonly ArenaFiles _files;
    private readonly RegionTable _table;
    private readonly SpaceLedger _ledger;
    private readonly RegionMapper _mapper;
    private readonly RegionChanges _changes;
    private readonly RegionLoans _loans;
    private readonly FilesCheck _check;
    private readonly WriterLife? _life;
    private readonly TimeProvider _clock;
    private readonly ILogger? _logger;
    private readonly bool _isUnswept;
    private volatile bool _disposed;

    private PersistentArena(Attached attached)
    {
        _files = attached.Files;
        _table = attached.Table;
        _ledger = new SpaceLedger(_files, _table, attached.Aside);
        _mapper = new RegionMapper(_files, _table) { Locks = attached.Options.LockMemory };
        _changes = new RegionChanges(_files, _table, _ledger, _mapper);
        _loans = new RegionLoans(_files, _table);
        _check = new FilesCheck(_files.Medium, _files.Metadata.File);
        _clock = attached.Options.TimeProvider;
        _logger = attached.Options.Logger;
        _isUnswept = attached.IsUnswept;
        AttachReport = attached.Report;
        if (_table.Journal is { } journal)
        {
            _life = new WriterLife(_lock, _files, journal, attached.Options, AttachReport.EarlyEnds);
        }
    }

    /// <summary>What the open found and did.</summary>
    public AttachReport AttachReport { get; }

    /// <summary>The arena's id: drawn at creation, in every file's bytes.</summary>
    public Guid Id => _files.Id;

    /// <summary>The medium it lies on.</summary>
    public Medium Medium => _files.Medium;

    /// <summary>Rises with every writer, and is at least 1. A reader sees the newest writer's.</summary>
    public ulong Epoch => _table.Journal?.Epoch ?? AttachReport.Epoch;

    /// <summary>True where it was opened read-only.</summary>
    public bool IsReadOnly => _table.Journal is null;

    /// <summary>True while its metadata stands still.</summary>
    public bool IsFrozen
    {
        get
        {
            using (Enter())
            {
                return _table.Now.State.Frozen;
            }
        }
    }

    /// <summary>Which files were gone when <see cref="CheckFiles"/> last looked; null where none was.</summary>
    public ArenaFilesLost? FilesLost { get; private set; }

    /// <summary>128 random bits, drawn at creation: the key of hashes that are stored.</summary>
    internal UInt128 Seed => new(_files.Layout.Superblock.Seed1, _files.Layout.Superblock.Seed0);

    /// <summary>True once disposed of.</summary>
    internal bool IsDisposed => _disposed;

    /// <summary>Raised by <see cref="CheckFiles"/> when files are found gone that were there before.</summary>
    public event EventHandler<ArenaFilesLost>? FilesRemoved;

    /// <summary>
    /// Raised before it is closed clean, perhaps more than once, outside its lock: a heap, which changes a region's
    /// memory without asking the arena, ends that here.
    /// </summary>
    internal event Action? Closing;

    /// <summary>Creates an arena.</summary>
    /// <exception cref="ArenaExistsException">There is one.</exception>
    /// <exception cref="ArenaOutOfSpaceException">The medium has no room.</exception>
    /// <exception cref="ArenaMediumException">The medium is not there, or refuses.</exception>
    public static PersistentArena Create(ArenaOptions options) => Attach(options, AttachMode.Create);

    /// <summary>Opens an arena.</summary>
    /// <exception cref="ArenaNotFoundException">There is none.</exception>
    /// <exception cref="ArenaInUseException">It has a writer, and this was to be one.</exception>
    /// <exception cref="ArenaDamagedException">
    /// Its metadata is damaged in a way that cannot be mended without guessing.
    /// </exception>
    /// <exception cref="NewerFormatException">It was written by a newer library.</exception>
    /// <exception cref="ForeignFileException">
    /// What is there is not an arena's, or another's than was asked for.
    /// </exception>
    /// <exception cref="ArenaAmbiguousException">There are several, and which is meant cannot be told.</exception>
    /// <exception cref="ArenaMediumException">The medium is not there, or refuses.</exception>
    public static PersistentArena Open(ArenaOptions options) => Attach(options, AttachMode.Open);

    /// <summary>Opens an arena, or creates it where there is none. Errors as <see cref="Open"/>.</summary>
    public static PersistentArena OpenOrCreate(ArenaOptions options) => Attach(options, AttachMode.OpenOrCreate);

    /// <summary>
    /// Creates a region and opens it.
    /// </summary>
    /// <param name="name">1 to 128 bytes of UTF-8 without control characters.</param>
    /// <param name="length">Bytes: at least 2 MiB, a multiple of 4 KiB.</param>
    /// <param name="options">Kind, alignment, reservation, room to grow.</param>
    /// <exception cref="RegionExistsException">The name is taken.</exception>
    /// <exception cref="InvalidRegionNameException">The name cannot be.</exception>
    /// <exception cref="RegionSizeException">The length cannot be.</exception>
    /// <exception cref="ArenaOutOfSpaceException">The medium has no room.</exception>
    /// <exception cref="ArenaOutOfFilesException">The medium keeps no more files.</exception>
    /// <exception cref="ArenaMetadataFullException">The metadata has no room.</exception>
    /// <exception cref="ArenaFrozenException">The arena is frozen.</exception>
    /// <exception cref="ArenaFencedException">Another writer has taken over.</exception>
    /// <exception cref="ArenaReadOnlyException">The arena was opened read-only.</exception>
    public PersistentRegion CreateRegion(string name, long length, RegionOptions? options = null)
    {
        RegionName.Check(name);
        RegionEntry entry = RegionSizes.Entry(name, length, options ?? new RegionOptions(), _files.Granularity);
        using (Enter())
        {
            MetadataJournal journal = _table.Writer($"creating region '{name}'");
            _table.RequireFree(name);
            long now = _clock.GetUtcNow().ToUnixTimeMilliseconds();
            return Medium.Guard(length, () =>
            {
                PersistentRegion region = HandOut(_changes.Create(journal, entry, now, options?.Numa));
                NotePlacement(region.Mapping);
                return region;
            });
        }
    }

    /// <summary>
    /// Opens a region. The same region opened twice shares one mapping.
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <param name="expected">The kind it must be of.</param>
    /// <exception cref="RegionNotFoundException">There is none of that name.</exception>
    /// <exception cref="RegionKindException">It is of another kind.</exception>
    /// <exception cref="ExtentException">A file of it is missing, truncated, or there twice.</exception>
    public PersistentRegion OpenRegion(string name, RegionKind? expected = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        using (Enter())
        {
            return OpenNode(_table.Require(name), expected);
        }
    }

    /// <summary>
    /// Opens a region, or gives false where there is none of that name. Other errors as <see cref="OpenRegion"/>.
    /// </summary>
    public bool TryOpenRegion(
        string name, [NotNullWhen(true)] out PersistentRegion? region, RegionKind? expected = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        using (Enter())
        {
            region = _table.Now.Find(name) is { } node ? OpenNode(node, expected) : null;
            return region is not null;
        }
    }

    /// <summary>
    /// Opens a region, or creates it. One that is there must be of the options' kind and at least of this length.
    /// </summary>
    /// <exception cref="RegionSizeException">It is there and shorter: grow it.</exception>
    public PersistentRegion OpenOrCreateRegion(string name, long length, RegionOptions? options = null)
    {
        using (Enter())
        {
            if (_table.Now.Find(name) is not { } node)
            {
                return CreateRegion(name, length, options);
            }

            if (node.Entry.Length < length)
            {
                throw RegionSizeException.Shorter(name, length, node.Entry.Length);
            }

            return Placed(OpenNode(node, options?.Kind ?? RegionKind.Raw), options);
        }
    }

    /// <summary>
    /// Opens a region, creates it where there is none of that name, and grows it where it is shorter. A longer one
    /// keeps its length, and the attach report says so (<see cref="AttachReport.LongerRegions"/>).
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <param name="length">The least length: at least 2 MiB, a multiple of 4 KiB.</param>
    /// <param name="options">As for <see cref="CreateRegion"/>; one that is there must be of their kind.</param>
    public PersistentRegion OpenOrGrowRegion(string name, long length, RegionOptions? options = null)
    {
        if (!TryOpenRegion(name, out PersistentRegion? region, options?.Kind ?? RegionKind.Raw))
        {
            return CreateRegion(name, length, options);
        }

        try
        {
            if (!IsReadOnly && region.Length > length)
            {
                NoteLonger(new LongerRegion(name, length, region.Length));
            }

            _ = Placed(region, options);

            // Where it is long enough, not even a frozen arena minds.
            if (!IsReadOnly && region.Length < length)
            {
                region.Grow(length);
            }

            return region;
        }
        catch
        {
            region.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Deletes a region. Its memory goes back to the medium, or is scrubbed before the next region gets it.
    /// </summary>
    /// <exception cref="RegionLentException">It is a running machine's memory.</exception>
    /// <exception cref="RegionInUseException">
    /// It is open in this process. (Readers in other processes keep what they have mapped, and must not trust it.)
    /// </exception>
    /// <exception cref="RegionNotFoundException">There is none of that name.</exception>
    public void DeleteRegion(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        using (Enter())
        {
            MetadataJournal journal = _table.Writer($"deleting region '{name}'");
            Medium.Guard(0, () => _changes.Delete(journal, _table.Require(name)));
        }
    }

    /// <summary>Renames a region; it stays open where it is.</summary>
    /// <exception cref="RegionNotFoundException">There is none of the old name.</exception>
    /// <exception cref="RegionExistsException">The new name is taken.</exception>
    public void RenameRegion(string oldName, string newName)
    {
        ArgumentNullException.ThrowIfNull(oldName);
        RegionName.Check(newName);
        using (Enter())
        {
            MetadataJournal journal = _table.Writer($"renaming region '{oldName}'");
            RegionNode node = _table.Require(oldName);
            if (oldName != newName)
            {
                _table.RequireFree(newName);
                _changes.Change(journal, node, node.Entry with { Name = newName });
            }
        }
    }

    /// <summary>The regions there are now, by name. A reader sees what the writer has committed.</summary>
    public IReadOnlyList<RegionInfo> ListRegions()
    {
        using (Enter())
        {
            return _table.List();
        }
    }

    /// <summary>What is known of a region, or null where there is none of that name.</summary>
    public RegionInfo? FindRegion(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        using (Enter())
        {
            return _table.Now.Find(name) is { } node ? RegionTable.Info(node) : null;
        }
    }

    /// <summary>How much room there is.</summary>
    public ArenaSpace GetSpace()
    {
        using (Enter())
        {
            return Medium.Guard(0, _ledger.Measure);
        }
    }

    /// <summary>The files that a region's bytes lie in, in order, as found by their identity.</summary>
    /// <exception cref="RegionNotFoundException">There is none of that name.</exception>
    /// <exception cref="ExtentException">A file of it is missing.</exception>
    public IReadOnlyList<RegionFile> GetRegionFiles(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        using (Enter())
        {
            RegionNode node = _table.Require(name);
            return Medium.Guard(0, () => _loans.FilesOf(node));
        }
    }

    /// <summary>
    /// Opens a region for writing beside the arena's writer, from an arena that was opened read-only. The region is
    /// lent until it is disposed of, or the process ends: meanwhile the writer can neither delete nor grow it, and
    /// nobody else can borrow it. The writer may read and write its bytes all the same: who does, is for the two
    /// programs to agree on.
    /// </summary>
    /// <param name="name">
    /// A region of kind Raw or GuestRam. What lies in a heap has rules that only its one writer keeps.
    /// </param>
    /// <exception cref="RegionNotFoundException">There is none of that name.</exception>
    /// <exception cref="RegionKindException">It is a heap.</exception>
    /// <exception cref="RegionLentException">Somebody has borrowed it, or it is a running machine's memory.</exception>
    /// <exception cref="ExtentException">A file of it is missing, truncated, or there twice.</exception>
    public PersistentRegion BorrowRegion(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        using (Enter())
        {
            RegionNode node = _table.Require(name);
            return Medium.Guard(node.Entry.Length, () => new PersistentRegion(this, _loans.Borrow(node, _mapper)));
        }
    }

    /// <summary>
    /// Looks whether the arena's files (metadata, and those of open regions) are still in their place. It takes a few
    /// system calls: for a housekeeping to call a few times a minute. Hosting does.
    /// </summary>
    /// <returns>What is gone, or null: also where the medium has no names that could go.</returns>
    /// <exception cref="ArenaMediumException">The medium does not answer.</exception>
    public ArenaFilesLost? CheckFiles()
    {
        ArenaFilesLost? before;
        ArenaFilesLost? now;
        using (Enter())
        {
            before = FilesLost;
            now = FilesLost = Medium.Guard(0, () => _check.Look(_mapper.OpenFiles));
            _life?.SettleWhenDue();
        }

        if (now is not null && before is null)
        {
            if (_logger is not null)
            {
                _logger.FilesLost(now);
            }

            FilesRemoved?.Invoke(this, now);
        }

        return now;
    }

    /// <summary>
    /// Makes the metadata stand still, before a kexec: regions can be opened and written, but not created, deleted,
    /// renamed or grown. Kept across processes; the first writer under another kernel takes it back.
    /// </summary>
    public void Freeze() => FreezeAs(ProcessIdentity.Current.BootId);

    /// <summary>Takes <see cref="Freeze"/> back.</summary>
    public void Thaw()
    {
        using (Enter())
        {
            _table.SetFrozen(false, Guid.Empty);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Closing?.Invoke();
        End(clean: true);
    }

    /// <summary>
    /// Lets go of everything as the end of a process does, without closing the arena: what a test does in place of
    /// SIGKILL.
    /// </summary>
    internal void Abandon() => End(clean: false);

    /// <summary>Freezes under a kernel, which a test chooses.</summary>
    internal void FreezeAs(Guid bootId)
    {
        using (Enter())
        {
            _table.SetFrozen(true, bootId);
        }
    }

    /// <summary>Makes a region longer, at its address. Called by <see cref="PersistentRegion.Grow"/>.</summary>
    internal void Grow(RegionMapping mapping, long newLength)
    {
        using (Enter(mapping))
        {
            MetadataJournal journal = _table.Writer($"growing region '{mapping.Entry.Name}'");
            Medium.Guard(newLength - mapping.Entry.Length, () => _changes.Grow(journal, mapping, newLength));
        }
    }

    /// <summary>
    /// Takes the medium's memory for a range of a region. Costs nothing where that was done before; without a lock.
    /// </summary>
    /// <exception cref="ArenaOutOfSpaceException">The medium has no room.</exception>
    internal void EnsureBacked(RegionMapping mapping, long offset, long length)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (length > 0 && !mapping.IsBacked(offset, length))
        {
            Back(mapping, offset, length);
        }
    }

    /// <summary>
    /// The first stretch of a range of a region that has the medium's memory; its length is 0 where there is none.
    /// </summary>
    internal (long Offset, long Length) FirstHeld(RegionMapping mapping, long offset, long length)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return Medium.Guard(length, () => mapping.FirstHeld(offset, length));
    }

    /// <summary>
    /// Has no hole before an offset of a region that reserves on demand, where everything before it was taken once.
    /// Looks at its files' sizes, not at the data.
    /// </summary>
    /// <exception cref="ArenaOutOfSpaceException">There is one, and the medium has no room for it.</exception>
    internal void FillHoles(RegionMapping mapping, long end)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Medium.Guard(end, () => mapping.FillHoles(end));
    }

    /// <summary>Sets a region's NUMA policy. Called by <see cref="PersistentRegion.SetNuma"/>.</summary>
    internal void Place(RegionMapping mapping, NumaPolicy policy)
    {
        using (Enter(mapping))
        {
            mapping.Place(policy, mapping.Length);
            NotePlacement(mapping);
        }
    }

    /// <summary>Maps a region's files a second time.</summary>
    internal RegionView MapAgain(RegionMapping mapping)
    {
        using (Enter(mapping))
        {
            RegionNode node = _table.Require(mapping.Entry);
            return Medium.Guard(0, () => _mapper.MapAgain(node));
        }
    }

    /// <summary>Maps what the writer has added to a region that a reader has open; its length then.</summary>
    internal long Follow(RegionMapping mapping)
    {
        using (Enter(mapping))
        {
            if (mapping.Loan is null && _table.Now.Find(mapping.Entry.Id) is { } node)
            {
                Medium.Guard(node.Entry.Length, () => _mapper.Follow(mapping, node));
            }

            return mapping.Length;
        }
    }

    /// <summary>Notes in the journal that a heap was made in a region.</summary>
    internal void MarkFormatted(RegionMapping mapping)
    {
        using (Enter())
        {
            MetadataJournal journal = _table.Writer($"formatting region '{mapping.Entry.Name}'");
            if (!mapping.Entry.Formatted && _table.Now.Find(mapping.Entry.Id) is { } node)
            {
                _changes.Change(journal, node, node.Entry with { Formatted = true });
            }
        }
    }

    /// <summary>
    /// Takes a region's files as they are, of whatever time: for who knows that they are the right ones. The next
    /// opening gives them a generation.
    /// </summary>
    internal void ForgetGeneration(string name)
    {
        using (Enter())
        {
            MetadataJournal journal = _table.Writer($"taking the files of region '{name}' as they are");
            RegionNode node = _table.Require(name);
            _changes.Change(journal, node, node.Entry with { Generation = default });
        }
    }

    /// <summary>One opening of a region is gone.</summary>
    internal void Release(RegionMapping mapping)
    {
        lock (_lock)
        {
            _mapper.Release(mapping);
        }
    }

    private static PersistentArena Attach(ArenaOptions options, AttachMode mode)
    {
        Attached attached = AttachSequence.Run(options, mode);
        try
        {
            return new PersistentArena(attached);
        }
        catch
        {
            attached.Files.Dispose(); // The clock is the caller's, and may throw.
            throw;
        }
    }

    private Lock.Scope Enter()
    {
        Lock.Scope scope = _lock.EnterScope();
        if (_disposed)
        {
            scope.Dispose();
            ObjectDisposedException.ThrowIf(true, this);
        }

        return scope;
    }

    /// <summary>Apart, so that what is backed already allocates no closure.</summary>
    private void Back(RegionMapping mapping, long offset, long length) =>
        Medium.Guard(length, () => mapping.EnsureBacked(offset, length));

    private Lock.Scope Enter(RegionMapping mapping)
    {
        Lock.Scope scope = Enter();
        if (mapping.Openings == 0)
        {
            scope.Dispose();
            ObjectDisposedException.ThrowIf(true, typeof(PersistentRegion));
        }

        return scope;
    }

    private void End(bool clean)
    {
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            _life?.Dispose();
            if (clean && !_isUnswept)
            {
                _life?.Close(_ledger.Spare);
            }

            _files.Dispose();
        }
    }

    private void NoteLonger(LongerRegion region)
    {
        if (AttachReport.Longer(region) is { } reason && _logger is not null)
        {
            _logger.Found(reason);
        }
    }

    private static PersistentRegion Placed(PersistentRegion region, RegionOptions? options)
    {
        if (options?.Numa is not { } policy || region.IsReadOnly)
        {
            return region;
        }

        try
        {
            region.SetNuma(policy);
            return region;
        }
        catch
        {
            region.Dispose();
            throw;
        }
    }

    private void NotePlacement(RegionMapping mapping)
    {
        if (mapping.Numa is { } asked)
        {
            NumaPolicy? got = MemoryPolicy.Read(mapping.Address);
            AttachReason? reason = AttachReport.Placed(new RegionPlacement(mapping.Entry.Name, asked, got));
            if (reason is not null && _logger is not null)
            {
                _logger.Found(reason);
            }
        }
    }

    private PersistentRegion OpenNode(RegionNode node, RegionKind? expected)
    {
        RegionEntry entry = node.Entry;
        if (expected is { } kind && kind != entry.Kind)
        {
            throw new RegionKindException(entry.Name, kind, entry.Kind);
        }

        return Medium.Guard(entry.Length, () =>
        {
            PersistentRegion region = HandOut(_mapper.Open(node));
            if (IsReadOnly && _table.Now.Find(entry.Id) is null)
            {
                // The writer deleted it while it was being mapped: these bytes may be another region's by now.
                region.Dispose();
                throw _table.NotFound(entry.Name);
            }

            return region;
        });
    }

    private PersistentRegion HandOut(RegionMapping mapping)
    {
        _mapper.Opened(mapping);
        return new PersistentRegion(this, mapping);
    }
}
