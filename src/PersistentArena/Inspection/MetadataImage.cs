using GuestMemFs.Format;
using GuestMemFs.Journal;
using GuestMemFs.Native;
using GuestMemFs.Arena;

namespace GuestMemFs.Inspection;

/// <summary>
/// Everything that an arena's metadata file says, part by part, each with whether it checks. Reads only and takes no
/// lock: the writer beside it notices nothing.
/// </summary>
internal sealed unsafe class MetadataImage
{
    private readonly string _location;
    private MetadataSnapshot _parts;
    private bool _isClosed;
    private bool _isOpen;
    private bool _isLocked;
    private ProcessIdentity? _writer;
    private DateTimeOffset _writerSince;

    private MetadataImage(MetadataFile file, string location)
    {
        _location = location;
        Superblock first = Superblock.ReadFrom(file.Start);
        Superblock second = Superblock.ReadFrom(file.Start + MetadataLayout.SecondCopy);
        Superblock = first.IsIntact ? first : second;
        _parts = new MetadataSnapshot
        {
            FileName = file.File.Name,
            FileLengthBytes = file.Length,
            IsFirstCopyIntact = first.IsIntact,
            IsSecondCopyIntact = second.IsIntact,
            Superblock = Superblock.IsIntact ? Facts(Superblock) : null,
        };
    }

    /// <summary>The constants, from a copy that checks; noise where neither does.</summary>
    public Superblock Superblock { get; }

    /// <summary>The journal, where it reads.</summary>
    public JournalImage? Journal { get; private set; }

    /// <summary>Why the metadata cannot be used; null where it can.</summary>
    public ArenaException? Refusal { get; private set; }

    /// <summary>Bytes of which files' lengths are multiples.</summary>
    public long Granularity => (long)Superblock.Granularity;

    /// <summary>Looks at the arena of a medium.</summary>
    /// <returns>Null where there is none.</returns>
    /// <exception cref="ForeignFileException">What is there is not an arena's.</exception>
    /// <exception cref="ArenaAmbiguousException">There are several.</exception>
    public static MetadataImage? Take(Medium medium)
    {
        using MetadataFile? file =
            MetadataLocator.Find(medium, writable: false, expected: null, [], out MetadataFile? unfinished);
        unfinished?.Dispose();
        if (file is null)
        {
            return null;
        }

        var image = new MetadataImage(file, medium.Location);
        image.Read(file);
        return image;
    }

    /// <summary>The same for those who ask from outside.</summary>
    /// <param name="writersExcluded">Nobody writes, whatever the writer's record says.</param>
    public ArenaSnapshot ToSnapshot(bool writersExcluded)
    {
        MetadataTables? tables = Journal?.Tables;
        WriterSnapshot? writer = Writer(writersExcluded);
        return new ArenaSnapshot
        {
            Location = _location,
            Taken = DateTimeOffset.UtcNow,
            Metadata = _parts,
            Refusal = Refusal,
            Writer = writer,
            Condition = Refusal is not null ? ArenaCondition.Refused
                : _isClosed ? ArenaCondition.Closed
                : writer is { IsAlive: true } ? ArenaCondition.InUse
                : ArenaCondition.NotClosed,
            IsFrozen = tables?.State.Frozen ?? false,
            Epoch = tables?.State.Epoch ?? 0,
            Regions = tables is null ? [] : Regions(tables),
            UnusedExtents = tables is null ? [] : Unused(tables),
        };
    }

    private void Read(MetadataFile file)
    {
        try
        {
            MetadataLayout layout = file.ReadSuperblock(_location, writable: false, []);
            ExtentIdentity identity = ExtentIdentity.Read(file.Start, file.Length);
            bool identified = identity.IsIntact && identity.ArenaId == Superblock.ArenaId
                && identity.FileLength == file.Length && identity.ExtentId == ExtentIdentity.MetadataId;
            _parts = _parts with { IsIdentityIntact = identified, JournalCapacityBytes = layout.LogCapacity };
            ReadWords(layout);
            _isLocked = !_isClosed && _writer is { } writer && !writer.IsAlive() && file.File.IsLocked();
            ReadJournal(layout);
        }
        catch (ArenaException e)
        {
            Refusal = e;
        }
    }

    private void ReadWords(MetadataLayout layout)
    {
        bool epochIntact = SealedWord.TryOpen(Words.Read(layout.Epoch), layout.Seed(WordKind.Epoch), out uint epoch);
        ulong state = Words.Read(layout.State);
        _isClosed = SealedWord.TryOpen(state, layout.Seed(WordKind.Clean), out uint closedBy)
            && (closedBy == epoch || !epochIntact);
        _isOpen = !_isClosed && SealedWord.TryOpen(state, layout.Seed(WordKind.Open), out _);
        _parts = _parts with
        {
            IsActiveWordIntact = SealedWord.TryOpen(Words.Read(layout.Active), layout.Seed(WordKind.Active), out _),
            IsEpochWordIntact = epochIntact,
            IsStateWordIntact = _isClosed || _isOpen,
        };
        if (WriterRecord.TryRead(layout.WriterRecord, out WriterRecord record))
        {
            _writer = new ProcessIdentity((int)record.ProcessId, record.ProcessStart, record.BootId);
            _writerSince = UnixTime.Nearest(record.SinceUnixMilliseconds);
        }
    }

    private void ReadJournal(MetadataLayout layout)
    {
        _parts = _parts with { JournalHalves = [Half(layout, 0, inForce: null), Half(layout, 1, inForce: null)] };
        Journal = JournalSnapshot.Take(layout, _location, out _);
        uint generation = Journal.Generation;
        _parts = _parts with
        {
            JournalHalves = [Half(layout, 0, generation), Half(layout, 1, generation)],
            JournalUsedBytes = Journal.Tail,
            JournalCompactedBytes = MetadataJournal.CompactedLength(Journal.Tables),
            JournalSequence = Journal.Sequence,
        };
    }

    private static JournalHalfSnapshot Half(MetadataLayout layout, uint index, uint? inForce)
    {
        byte* half = layout.Half(index);
        JournalHeader header = JournalHeader.ReadFrom(half);
        bool counts = inForce is { } generation && (generation & 1) == index;
        bool intact = header.IsIntact(layout.Superblock.ArenaId) && (header.Generation & 1) == index
            && (!counts || header.Generation == inForce);
        uint own = counts ? inForce!.Value : intact ? (uint)header.Generation : 0;
        ulong tailWord = Words.Read((ulong*)(half + JournalHeader.TailOffset));
        uint seed = JournalHeader.SeedOf(layout.Superblock.ArenaId, own);
        bool tailIntact = SealedWord.TryOpen(tailWord, seed, out uint tail) && tail <= layout.LogCapacity;
        return new JournalHalfSnapshot
        {
            Index = (int)index,
            IsInForce = counts,
            IsHeaderIntact = intact,
            IsTailIntact = tailIntact,
            Generation = own,
            UsedBytes = tailIntact ? tail : 0,
        };
    }

    private WriterSnapshot? Writer(bool writersExcluded)
    {
        if (_writer is not { } process)
        {
            return null;
        }

        // In another process namespace (a container) the id is nobody's, or another's; the lock is of the kernel.
        bool lives = !writersExcluded && (process.IsAlive() || _isLocked);
        string? program = lives && !_isLocked ? ProgramOf(process.Pid) : null;
        return new WriterSnapshot(
            process.Pid, program, _writerSince, lives && !_isClosed, process.BootId == ProcessIdentity.Current.BootId);
    }

    private static string? ProgramOf(int processId)
    {
        try
        {
            return File.ReadAllText($"/proc/{processId}/comm").TrimEnd('\n');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // It ended while it was looked at, or the kernel hides it.
        }
    }

    private static SuperblockSnapshot Facts(Superblock superblock) => new()
    {
        FormatVersion = superblock.FormatVersion,
        Features = new FeatureSet(
            superblock.Compat,
            superblock.ReadOnlyCompat,
            superblock.Incompat,
            superblock.ReadOnlyCompat & ~FeatureBits.ReadOnlyCompat,
            superblock.Incompat & ~FeatureBits.Incompat),
        ArenaId = superblock.ArenaId,
        Created = UnixTime.Nearest((long)superblock.CreatedUnixMilliseconds),
        MetadataLengthBytes = (long)superblock.MetadataSize,
        HalfOffsetBytes = (long)superblock.HalfOffset,
        HalfLengthBytes = (long)superblock.HalfSize,
        GranularityBytes = (long)superblock.Granularity,
    };

    private static RegionSnapshot[] Regions(MetadataTables tables) =>
    [
        .. tables.Regions.OrderBy(node => node.Entry.Name, StringComparer.Ordinal).Select(node => new RegionSnapshot(
            RegionTable.Info(node), [.. node.Extents.Select(Facts)])),
    ];

    private static ExtentSnapshot[] Unused(MetadataTables tables) =>
    [
        .. tables.Extents.Where(extent => extent.State != ExtentState.InUse).OrderBy(extent => extent.Id).Select(Facts),
    ];

    private static ExtentSnapshot Facts(ExtentEntry extent) => new(
        extent.Id, extent.Nonce, (int)extent.Ordinal, extent.FileLength, extent.Used, (ExtentUse)extent.State);
}
