using GuestMemFs.Format;
using GuestMemFs.Native;

namespace GuestMemFs.Arena;

/// <summary>What a file turned out to be when it was looked at as an arena's metadata.</summary>
internal enum MetadataFinding
{
    /// <summary>An arena's metadata.</summary>
    Arena,

    /// <summary>Metadata whose creation was begun and not finished.</summary>
    Unfinished,

    /// <summary>An extent: its bytes came under this name with a kexec.</summary>
    Extent,

    /// <summary>Nothing of ours that could be recognised.</summary>
    Unknown,
}

/// <summary><c>arena.meta</c>, mapped.</summary>
internal sealed unsafe class MetadataFile : IDisposable
{
    private readonly AddressReservation _view;
    private bool _disposed;

    private MetadataFile(MediumFile file, AddressReservation view)
    {
        File = file;
        _view = view;
        Length = view.Length;
    }

    /// <summary>The file; its descriptor carries the lock.</summary>
    public MediumFile File { get; }

    /// <summary>The file's length in bytes.</summary>
    public long Length { get; }

    /// <summary>The first byte.</summary>
    public byte* Start => (byte*)_view.Address;

    /// <summary>The mapping's address, for page reports.</summary>
    public nint Address => _view.Address;

    /// <summary>
    /// Maps a file, which is the mapping's from now on. Null where it is too short to be one, and then it stays the
    /// caller's.
    /// </summary>
    public static MetadataFile? TryMap(MediumFile file, MediumCapabilities capabilities)
    {
        long length = file.Length;
        if (length < MetadataLayout.MinimumSize || length % MetadataLayout.MinimumSize != 0
            || length > Math.Max(MetadataLayout.MaximumSize, capabilities.FileGranularity))
        {
            return null;
        }

        if (file.IsWritable)
        {
            // Holes read on a full tmpfs are SIGBUS: what Look reads gets pages first, which an arena's metadata has
            // already.
            file.Reserve(0, MetadataLayout.FirstHalf);
            file.Reserve(length - ExtentIdentity.BlockBytes, ExtentIdentity.BlockBytes);
        }

        var view = new AddressReservation(length, Math.Max(capabilities.Alignment, PageSizes.Huge2M));
        try
        {
            file.MapAt(view.Address, length, file.IsWritable);
            return new MetadataFile(file, view);
        }
        catch
        {
            view.Dispose();
            throw;
        }
    }

    /// <summary>Looks at what is mapped, again where another process is formatting it meanwhile.</summary>
    public MetadataFinding Look(bool freshMemoryIsZero, out Guid arenaId)
    {
        while (true)
        {
            (ulong, ulong) magics = Magics();
            MetadataFinding finding = LookOnce(freshMemoryIsZero, out arenaId);
            if (finding != MetadataFinding.Unknown || Magics() == magics)
            {
                return finding;
            }
        }
    }

    // A creation changes one of them before anything else.
    private (ulong First, ulong Second) Magics() =>
        (Words.Read((ulong*)Start), Words.Read((ulong*)(Start + MetadataLayout.SecondCopy)));

    private MetadataFinding LookOnce(bool freshMemoryIsZero, out Guid arenaId)
    {
        ExtentIdentity identity = ExtentIdentity.Read(Start, Length);
        bool identified = identity.IsIntact && identity.FileLength == Length;
        if (identified && identity.ExtentId != ExtentIdentity.MetadataId)
        {
            arenaId = identity.ArenaId;
            return MetadataFinding.Extent;
        }

        Superblock first = Superblock.ReadFrom(Start);
        Superblock second = Superblock.ReadFrom(Start + MetadataLayout.SecondCopy);
        if (first.IsIntact || second.IsIntact)
        {
            arenaId = first.IsIntact ? first.ArenaId : second.ArenaId;
            return MetadataFinding.Arena;
        }

        arenaId = identified ? identity.ArenaId : Guid.Empty;
        bool begun = first.Magic == Superblock.CreatingMagic && second.Magic == Superblock.CreatingMagic;

        // Creation's first store may be there alone.
        bool untouched = freshMemoryIsZero && !identified && first.Magic is (0 or Superblock.CreatingMagic)
            && new ReadOnlySpan<byte>(Start, MetadataLayout.FirstHalf)[sizeof(ulong)..].IndexOfAnyExcept((byte)0) < 0;
        return begun || untouched ? MetadataFinding.Unfinished
            : identified ? MetadataFinding.Arena
            : MetadataFinding.Unknown;
    }

    /// <summary>
    /// Reads the superblock, mends its second copy, and checks that this library can read (or write) the format.
    /// </summary>
    /// <exception cref="ArenaDamagedException">
    /// Neither copy checks, or they contradict each other or the file.
    /// </exception>
    /// <exception cref="NewerFormatException">It was written by a newer library.</exception>
    public MetadataLayout ReadSuperblock(string location, bool writable, List<AttachReason> findings)
    {
        Superblock first = Superblock.ReadFrom(Start);
        Superblock second = Superblock.ReadFrom(Start + MetadataLayout.SecondCopy);
        Superblock superblock = first.IsIntact ? first : second;
        if (!superblock.IsIntact)
        {
            throw ArenaDamagedException.Superblock(location, "neither of its copies checks");
        }

        if (first.IsIntact && second.IsIntact && first.Crc != second.Crc)
        {
            throw ArenaDamagedException.Superblock(location,
                $"its copies contradict each other: arenas {first.ArenaId} and {second.ArenaId}");
        }

        if (superblock.FormatVersion != FeatureBits.FormatVersion || (superblock.Incompat & ~FeatureBits.Incompat) != 0)
        {
            throw new NewerFormatException(location, superblock.FormatVersion,
                superblock.Incompat & ~FeatureBits.Incompat, readable: false);
        }

        if (writable && (superblock.ReadOnlyCompat & ~FeatureBits.ReadOnlyCompat) != 0)
        {
            throw new NewerFormatException(location, superblock.FormatVersion,
                superblock.ReadOnlyCompat & ~FeatureBits.ReadOnlyCompat, readable: true);
        }

        if (!superblock.Fits(Length))
        {
            throw ArenaDamagedException.Superblock(location,
                $"it says {superblock.MetadataSize} bytes, and the file has {Length}");
        }

        if (writable)
        {
            File.FillHoles(Length);
            Mend(superblock, first.IsIntact, second.IsIntact, findings);
        }

        return new MetadataLayout(Start, superblock);
    }

    /// <summary>Writes a new arena into the mapping. The first copy's magic is the last store.</summary>
    public MetadataLayout Format(Guid arenaId, ulong seed0, ulong seed1, long granularity, long createdUnixMilliseconds)
    {
        File.Reserve(0, Length);
        Persist.Publish((ulong*)Start, Superblock.CreatingMagic);
        Persist.Publish((ulong*)(Start + MetadataLayout.SecondCopy), Superblock.CreatingMagic);
        var superblock = new Superblock
        {
            Magic = Superblock.ArenaMagic,
            FormatVersion = FeatureBits.FormatVersion,
            Size = Superblock.Bytes,
            ArenaId = arenaId,
            Seed0 = seed0,
            Seed1 = seed1,
            MetadataSize = (ulong)Length,
            HalfOffset = MetadataLayout.FirstHalf,
            HalfSize = MetadataLayout.HalfSizeFor(Length),
            Granularity = (ulong)granularity,
            CreatedUnixMilliseconds = (ulong)createdUnixMilliseconds,
        };
        superblock.Crc = superblock.ComputeCrc();
        var layout = new MetadataLayout(Start, superblock);
        Persist.Fill(layout.WriterRecord, WriterRecord.Bytes, 0);
        Persist.Publish(layout.Epoch, SealedWord.Seal(0, layout.Seed(WordKind.Epoch)));
        Persist.Publish(layout.State, SealedWord.Seal(0, layout.Seed(WordKind.Clean)));
        Journal.MetadataJournal.Format(layout);
        WriteIdentity(arenaId);
        superblock.WriteTo(Start + MetadataLayout.SecondCopy);
        superblock.WriteTo(Start);
        return layout;
    }

    /// <summary>What pages the mapping got; unknown once it is gone.</summary>
    public PageReport ReadPages()
    {
        lock (_view)
        {
            return _disposed ? default : PageReport.ForRange(Address, Length);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_view)
        {
            _disposed = true;
            File.Dispose();
            _view.Dispose();
        }
    }

    private void Mend(Superblock superblock, bool firstIntact, bool secondIntact, List<AttachReason> findings)
    {
        if (!firstIntact || !secondIntact)
        {
            superblock.WriteTo(firstIntact ? Start + MetadataLayout.SecondCopy : Start);
            findings.Add(new(ReasonCodes.SuperblockRepaired,
                $"The superblock's {(firstIntact ? "second" : "first")} copy did not check and was written anew " +
                "from the other."));
        }

        ExtentIdentity identity = ExtentIdentity.Read(Start, Length);
        if (!identity.IsIntact || identity.ArenaId != superblock.ArenaId || identity.FileLength != Length)
        {
            WriteIdentity(superblock.ArenaId);
            findings.Add(new(ReasonCodes.MetadataIdentityRepaired,
                "The identity block of the metadata file did not check and was written anew."));
        }
    }

    private void WriteIdentity(Guid arenaId) => ExtentIdentity.Write(Start, Length, arenaId, ExtentIdentity.MetadataId,
        nonce: 0);
}
