using System.Security.Cryptography;
using GuestMemFs.Format;
using GuestMemFs.Journal;
using GuestMemFs.Native;
using GuestMemFs.Arena;
using Microsoft.Extensions.Logging;

namespace GuestMemFs;

/// <summary>
/// Named memory on a medium that outlives the process: one directory with a metadata journal, and regions whose bytes are simply mapped.
/// One writer at a time, any number of readers.
/// </summary>
/// <remarks>
/// <para>Thread-safe. Changes of metadata (create, delete, rename, grow, freeze) are each all there or not there after a crash
/// at any instant; a call that throws an <see cref="ArenaException"/> has changed nothing.</para>
/// <para>Disposing closes the arena clean. Regions that are open then refuse further access with <see cref="ObjectDisposedException"/>; their memory stays
/// mapped until each of them is disposed of too, because a span that somebody still holds must not be pulled away. What is never disposed of stays mapped until the
/// process ends.</para>
/// </remarks>
public sealed partial class PersistentArena : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Medium _medium;
    private readonly bool _ownsMedium;
    private readonly MetadataFile _metadata;
    private readonly MetadataLayout _layout;
    private readonly ExtentFiles _files;
    private readonly FilesCheck _check;
    private readonly MetadataJournal? _journal;
    private readonly TimeProvider _clock;
    private readonly ILogger? _logger;
    private readonly Dictionary<ulong, RegionMapping> _open = [];

    /// <summary>Files that were made for something that then failed, on a medium where deleting them gives nothing back.</summary>
    private readonly List<ExtentEntry> _spare = [];

    /// <summary>Extents that the journal calls unused, and whose files say that a region has them: older metadata, or somebody else's mistake. They are left alone.</summary>
    private readonly HashSet<ulong> _aside = [];

    /// <summary>A region is being opened by the writer: its files are stamped as they are mapped.</summary>
    private bool _stamping;

    /// <summary>How many writers before this one ended early.</summary>
    private readonly int _earlyEnds;

    private long _attachedAt;
    private TimeSpan _early;
    private ITimer? _settling;
    private bool _settled = true;

    /// <summary>It was found not closed, and frozen: what the last writer left in flight is still there.</summary>
    private bool _unswept;

    private MetadataTables _tables;
    private ulong _version;
    private volatile bool _disposed;

    /// <summary>What the open found and did.</summary>
    public AttachReport AttachReport { get; }

    /// <summary>The arena's id: drawn at creation, in every file's bytes.</summary>
    public Guid Id => _layout.Superblock.ArenaId;

    /// <summary>The medium it lies on.</summary>
    public Medium Medium => _medium;

    /// <summary>Rises with every writer, and is at least 1. A reader sees the newest writer's.</summary>
    public ulong Epoch => _journal?.Epoch ?? AttachReport.Epoch;

    /// <summary>True where it was opened read-only.</summary>
    public bool IsReadOnly => _journal is null;

    /// <summary>True while its metadata stands still.</summary>
    public bool IsFrozen
    {
        get
        {
            lock (_lock)
            {
                return Current().State.Frozen;
            }
        }
    }

    /// <summary>128 random bits, drawn at creation: the key of hashes that are stored.</summary>
    internal UInt128 Seed => new(_layout.Superblock.Seed1, _layout.Superblock.Seed0);

    /// <summary>Raised before it is closed clean, perhaps more than once, outside its lock: who changes a region's memory without asking the arena (a heap) ends that here.</summary>
    internal event Action? Closing;

    /// <summary>True once disposed of.</summary>
    internal bool IsDisposed => _disposed;

    private string Location => _medium.Location;

    private long Granularity => (long)_layout.Superblock.Granularity;

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
        RegionEntry entry = RegionSizes.Entry(name, length, options ?? new RegionOptions(), Granularity);
        lock (_lock)
        {
            MetadataJournal journal = Writer($"creating region '{name}'");
            if (_tables.Find(name) is { } taken)
            {
                throw new RegionExistsException(Location, name, taken.Entry.Length);
            }

            return Guard(length, () => HandOut(Create(journal, entry)));
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
        lock (_lock)
        {
            RegionNode node = Current().Find(name) ?? throw new RegionNotFoundException(Location, name, _tables.RegionCount);
            return OpenNode(node, expected);
        }
    }

    /// <summary>Opens a region, or gives false where there is none of that name. Other errors as <see cref="OpenRegion"/>.</summary>
    public bool TryOpenRegion(string name, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out PersistentRegion? region, RegionKind? expected = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        lock (_lock)
        {
            region = Current().Find(name) is { } node ? OpenNode(node, expected) : null;
            return region is not null;
        }
    }

    /// <summary>
    /// Opens a region, or creates it. One that is there must be of the options' kind and at least of this length.
    /// </summary>
    /// <exception cref="RegionSizeException">It is there and shorter: grow it.</exception>
    public PersistentRegion OpenOrCreateRegion(string name, long length, RegionOptions? options = null)
    {
        lock (_lock)
        {
            if (Current().Find(name) is not { } node)
            {
                return CreateRegion(name, length, options);
            }

            if (node.Entry.Length < length)
            {
                throw new RegionSizeException(name, length, node.Entry.Length, "The region is there and shorter. Open it and call Grow. Its length is");
            }

            return OpenNode(node, options?.Kind ?? RegionKind.Raw);
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

        if (IsReadOnly)
        {
            return region;
        }

        if (region.Length > length)
        {
            AttachReason? reason = AttachReport.Longer(new LongerRegion(name, length, region.Length));
            if (reason is not null && _logger is not null)
            {
                _logger.Found(reason);
            }
        }

        if (region.Length >= length)
        {
            return region; // not even a frozen arena minds
        }

        try
        {
            region.Grow(length);
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
    /// <exception cref="RegionInUseException">It is open in this process. (Readers in other processes keep what they have mapped, and must not trust it.)</exception>
    /// <exception cref="RegionNotFoundException">There is none of that name.</exception>
    public void DeleteRegion(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        lock (_lock)
        {
            MetadataJournal journal = Writer($"deleting region '{name}'");
            RegionNode node = _tables.Find(name) ?? throw new RegionNotFoundException(Location, name, _tables.RegionCount);
            if (_open.TryGetValue(node.Entry.Id, out RegionMapping? mapping))
            {
                throw new RegionInUseException(name, mapping.Openings);
            }

            Guard(0, () =>
            {
                ThrowIfLent(node);
                return 0;
            });
            Guard(0, () =>
            {
                // Before the commit: a file whose unlink a loss of power takes back must not look as if it held data, nor one that is kept for the next region.
                node.Extents.ForEach(_files.Release);

                Transaction transaction = new Transaction().DropRegion(node.Entry.Id);
                foreach (ExtentEntry extent in node.Extents)
                {
                    transaction.Put(extent with { Used = 0, RegionId = 0, Ordinal = 0, State = ExtentState.Dirty });
                }

                journal.Commit(transaction);
                return 0;
            });

            try
            {
                new Recovery(_medium, _files, journal, Id, Granularity).FinishDeletions();
            }
            catch (MediumException)
            {
                // The region is deleted, by the journal. That its files could not be removed now is not a reason to say it was not: the next deletion or the next open does it.
            }
        }
    }

    /// <summary>Renames a region; it stays open where it is.</summary>
    /// <exception cref="RegionNotFoundException">There is none of the old name.</exception>
    /// <exception cref="RegionExistsException">The new name is taken.</exception>
    public void RenameRegion(string oldName, string newName)
    {
        ArgumentNullException.ThrowIfNull(oldName);
        RegionName.Check(newName);
        lock (_lock)
        {
            MetadataJournal journal = Writer($"renaming region '{oldName}'");
            RegionNode node = _tables.Find(oldName) ?? throw new RegionNotFoundException(Location, oldName, _tables.RegionCount);
            if (oldName == newName)
            {
                return;
            }

            if (_tables.Find(newName) is { } taken)
            {
                throw new RegionExistsException(Location, newName, taken.Entry.Length);
            }

            Change(journal, node, node.Entry with { Name = newName });
        }
    }

    /// <summary>The regions there are now, by name. A reader sees what the writer has committed.</summary>
    public IReadOnlyList<RegionInfo> ListRegions()
    {
        lock (_lock)
        {
            var regions = new List<RegionInfo>(Current().RegionCount);
            foreach (RegionNode node in _tables.Regions)
            {
                regions.Add(Info(node));
            }

            regions.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
            return regions;
        }
    }

    /// <summary>What is known of a region, or null where there is none of that name.</summary>
    public RegionInfo? FindRegion(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        lock (_lock)
        {
            return Current().Find(name) is { } node ? Info(node) : null;
        }
    }

    /// <summary>Which files were gone when <see cref="CheckFiles"/> last looked; null where none was.</summary>
    public ArenaFilesLost? FilesLost { get; private set; }

    /// <summary>Raised by <see cref="CheckFiles"/> when files are found gone that were there before.</summary>
    public event EventHandler<ArenaFilesLost>? FilesRemoved;

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
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            before = FilesLost;
            now = FilesLost = Guard(0, () => _check.Look(OpenFiles()));
            SettleWhenDue();
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
    /// Makes the metadata stand still, before a kexec: regions can be opened and written, but not created, deleted, renamed or grown. Kept across
    /// processes; the first writer under another kernel takes it back.
    /// </summary>
    public void Freeze() => FreezeAs(ProcessIdentity.Current.BootId);

    /// <summary>Freezes under a kernel, which a test chooses.</summary>
    internal void FreezeAs(Guid bootId) => SetFrozen(true, bootId);

    /// <summary>Takes <see cref="Freeze"/> back.</summary>
    public void Thaw() => SetFrozen(false, Guid.Empty);

    /// <inheritdoc/>
    public void Dispose()
    {
        Closing?.Invoke();
        End(clean: true);
    }

    /// <summary>Lets go of everything as the end of a process does, without closing the arena: what a test does in place of SIGKILL.</summary>
    internal void Abandon() => End(clean: false);

    private void End(bool clean)
    {
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            _settling?.Dispose();
            if (clean && _journal is not null)
            {
                Close(_journal);
            }

            _metadata.Dispose();
            if (_ownsMedium)
            {
                _medium.Dispose();
            }
        }
    }

    /// <summary>Makes a region longer, at its address. Called by <see cref="PersistentRegion.Grow"/>.</summary>
    internal void Grow(RegionMapping mapping, long newLength)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(mapping.Openings == 0, typeof(PersistentRegion));
            RegionEntry entry = mapping.Entry;
            MetadataJournal journal = Writer($"growing region '{entry.Name}'");
            if (newLength == entry.Length)
            {
                return;
            }

            RegionSizes.CheckGrowth(entry, newLength, mapping.Span - Granularity);
            Guard(newLength - entry.Length, () =>
            {
                ThrowIfLent(_tables.Find(entry.Id)!);
                Grow(journal, mapping, newLength);
                return 0;
            });
        }
    }

    /// <summary>Maps what the writer has added to a region that a reader has open; its length then.</summary>
    internal long Follow(RegionMapping mapping)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(mapping.Openings == 0, typeof(PersistentRegion));
            if (mapping.Loan is null && Current().Find(mapping.Entry.Id) is { } node)
            {
                Guard(node.Entry.Length, () => Follow(mapping, node));
            }

            return mapping.Length;
        }
    }

    /// <summary>Notes in the journal that a heap was made in a region.</summary>
    internal void MarkFormatted(RegionMapping mapping)
    {
        lock (_lock)
        {
            MetadataJournal journal = Writer($"formatting region '{mapping.Entry.Name}'");
            if (!mapping.Entry.Formatted && _tables.Find(mapping.Entry.Id) is { } node)
            {
                Change(journal, node, node.Entry with { Formatted = true });
            }
        }
    }

    /// <summary>Takes a region's files as they are, of whatever time: for who knows that they are the right ones. The next opening gives them a generation.</summary>
    internal void ForgetGeneration(string name)
    {
        lock (_lock)
        {
            MetadataJournal journal = Writer($"taking the files of region '{name}' as they are");
            RegionNode node = _tables.Find(name) ?? throw new RegionNotFoundException(Location, name, _tables.RegionCount);
            Change(journal, node, node.Entry with { Generation = default });
        }
    }

    /// <summary>One opening of a region is gone.</summary>
    internal void Release(RegionMapping mapping)
    {
        lock (_lock)
        {
            if (--mapping.Openings == 0)
            {
                if (mapping.Loan is null)
                {
                    _open.Remove(mapping.Entry.Id);
                }

                mapping.Unmap();
            }
        }
    }

    /// <summary>Turns what a medium says into what an arena says.</summary>
    internal T Guard<T>(long asked, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (MediumException e)
        {
            throw Translate(e, asked, _medium);
        }
    }

    private static ArenaException Translate(MediumException e, long asked, Medium medium)
    {
        if (e.Kind == MediumErrorKind.Preserved)
        {
            return new ArenaPreservedException(medium.Location, e);
        }

        if (e.Kind != MediumErrorKind.NoSpace)
        {
            return new ArenaMediumException(medium.Location, e);
        }

        MediumSpace space = default;
        try
        {
            space = medium.GetSpace();
        }
        catch (MediumException)
        {
            // The first failure is the one to tell.
        }

        return ArenaOutOfSpaceException.OnMedium(medium.Location, asked, space.Free, space.Total, e);
    }

    internal static RegionInfo Info(RegionNode node)
    {
        RegionEntry e = node.Entry;
        return new RegionInfo(e.Name, e.Id, e.Kind, e.Length, e.MaximumLength, e.Alignment, e.Reserve, node.Extents.Count, DateTimeOffset.FromUnixTimeMilliseconds(e.CreatedUnixMilliseconds), e.Formatted);
    }

    /// <summary>The tables; a reader's are read again where the writer has committed something since.</summary>
    private MetadataTables Current()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_journal is null && JournalSnapshot.Version(_layout) != _version)
        {
            _tables = JournalSnapshot.Take(_layout, Location, out _version).Tables;
        }

        return _tables;
    }

    private MetadataJournal Writer(string operation)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        MetadataJournal journal = _journal ?? throw new ArenaReadOnlyException(Location, operation);
        journal.CheckEpoch();
        return journal.Tables.State.Frozen ? throw new ArenaFrozenException(Location, operation) : journal;
    }

    private void Change(MetadataJournal journal, RegionNode node, RegionEntry entry)
    {
        journal.Commit(new Transaction().Put(entry));
        if (_open.TryGetValue(entry.Id, out RegionMapping? mapping))
        {
            mapping.Entry = node.Entry;
        }
    }

    /// <summary>
    /// From now on this writer counts as one that ended early, until it has lived for long. A timer sees to that only
    /// where there were others: else <see cref="CheckFiles"/> does, and a writer that never calls it counts once.
    /// </summary>
    private void WatchOwnLife(CrashLoopPolicy policy)
    {
        _early = policy.EarlyWithin;
        _attachedAt = _clock.GetTimestamp();
        _settled = IsReadOnly;
        if (!_settled && _earlyEnds > 0)
        {
            _settling = _clock.CreateTimer(_ => SettleFromTimer(), null, _early, Timeout.InfiniteTimeSpan);
        }
    }

    private void SettleFromTimer()
    {
        lock (_lock)
        {
            SettleWhenDue();
        }
    }

    private void SettleWhenDue()
    {
        if (!_settled && !_disposed && _clock.GetElapsedTime(_attachedAt) >= _early && !_tables.State.Frozen
            && _journal!.IsNewest)
        {
            _settled = true;
            EarlyEnds.Settle(_layout);
        }
    }

    private IEnumerable<string> OpenFiles() => _open.Keys
        .SelectMany(id => _tables.Find(id)?.Extents ?? [])
        .Select(_files.ProbableName);

    private void SetFrozen(bool frozen, Guid bootId)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            string operation = frozen ? "freezing" : "thawing";
            MetadataJournal journal = _journal ?? throw new ArenaReadOnlyException(Location, operation);
            journal.CheckEpoch();
            if (_tables.State.Frozen != frozen)
            {
                journal.Commit(new Transaction().Set(_tables.State with { Frozen = frozen, FrozenBoot = bootId }));
            }
        }
    }

    private void Close(MetadataJournal journal)
    {
        try
        {
            if (_unswept || (_spare.Count > 0 && _tables.State.Frozen))
            {
                return; // There are files to be swept, and while it is frozen nobody may: it stays marked open, so that a later writer does.
            }

            if (_spare.Count > 0)
            {
                var transaction = new Transaction();
                _spare.ForEach(extent => transaction.Put(extent));
                journal.Commit(transaction);
            }

            // Who closes clean leaves nothing to be swept, not even names that a loss of power would bring back.
            PowerLoss.KeepFile(_medium, _metadata.Address);
            WriterLock.Close(_layout, journal.Epoch);
        }
        catch (Exception e) when (e is ArenaFencedException or ArenaMetadataFullException or MediumException)
        {
            // Another writer has the arena: closing it is its business now. Or files are left to be swept: it stays marked open, so that the next writer does.
        }
    }

    private PersistentRegion OpenNode(RegionNode node, RegionKind? expected)
    {
        RegionEntry entry = node.Entry;
        if (expected is { } kind && kind != entry.Kind)
        {
            throw new RegionKindException(entry.Name, kind, entry.Kind);
        }

        return Guard(entry.Length, () =>
        {
            PersistentRegion region = HandOut(
                _open.TryGetValue(entry.Id, out RegionMapping? mapping) ? Follow(mapping, node) : _journal is { } journal ? MapForWriting(journal, node) : MapBesideWriter(node));
            if (IsReadOnly && Current().Find(entry.Id) is null)
            {
                // The writer deleted it while it was being mapped: these bytes may be another region's by now.
                region.Dispose();
                throw new RegionNotFoundException(Location, entry.Name, _tables.RegionCount);
            }

            return region;
        });
    }

    /// <summary>Maps for a reader. The writer may be giving the region another generation: then its entry has changed, and it is tried with that.</summary>
    private RegionMapping MapBesideWriter(RegionNode node)
    {
        while (true)
        {
            try
            {
                return Map(node);
            }
            catch (ExtentException e) when (e.ReasonCode == ReasonCodes.ExtentOfOtherGeneration)
            {
                RegionGeneration tried = node.Entry.Generation;
                node = Current().Find(node.Entry.Id) ?? throw new RegionNotFoundException(Location, node.Entry.Name, _tables.RegionCount);
                if (node.Entry.Generation == tried)
                {
                    throw;
                }
            }
        }
    }

    private PersistentRegion HandOut(RegionMapping mapping)
    {
        mapping.Openings++;
        _open[mapping.Entry.Id] = mapping;
        return new PersistentRegion(this, mapping);
    }

    private static ulong RandomNonce() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
}
