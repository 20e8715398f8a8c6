using GuestMemFs.Format;
using GuestMemFs.Journal;
using GuestMemFs.Native;

namespace GuestMemFs.Regions;

/// <summary>What the word that says open or clean says.</summary>
internal enum ClosedState
{
    /// <summary>The newest writer closed the arena.</summary>
    Clean,

    /// <summary>A writer has it, or did not live to close it.</summary>
    Open,

    /// <summary>The word does not check.</summary>
    Damaged,
}

/// <summary>The newest writer, as the lease's record names it. <paramref name="Alive"/> is of this kernel and this pid namespace: elsewhere only the lock knows.</summary>
internal readonly record struct LastWriter(int ProcessId, DateTimeOffset Since, bool SameBoot, bool Alive);

/// <summary>
/// Everything that an arena's metadata file says, part by part, each with whether it checks. Reads only and takes no lock: the writer beside it notices nothing.
/// </summary>
internal sealed unsafe class MetadataInspection
{
    private MetadataInspection(string fileName, long fileLength)
    {
        FileName = fileName;
        FileLength = fileLength;
    }

    /// <summary>The name of the file that it was found in.</summary>
    public string FileName { get; }

    /// <summary>Its length in bytes.</summary>
    public long FileLength { get; }

    /// <summary>The constants, from the copy that checks; meaningless where <see cref="Refusal"/> is about them.</summary>
    public Superblock Superblock { get; private set; }

    public bool FirstCopyIntact { get; private set; }

    public bool SecondCopyIntact { get; private set; }

    public bool IdentityIntact { get; private set; }

    public bool ActiveWordIntact { get; private set; }

    public bool EpochWordIntact { get; private set; }

    public ClosedState Closed { get; private set; } = ClosedState.Damaged;

    /// <summary>The newest writer, where its record checks.</summary>
    public LastWriter? Writer { get; private set; }

    /// <summary>The journal, where it reads.</summary>
    public JournalImage? Journal { get; private set; }

    /// <summary>Bytes of log that a journal half has room for.</summary>
    public long LogCapacity { get; private set; }

    /// <summary>Why the metadata cannot be used; null where it can.</summary>
    public ArenaException? Refusal { get; private set; }

    /// <summary>True where a writer that is known to live has the arena.</summary>
    public bool HasLiveWriter => Closed != ClosedState.Clean && Writer is { Alive: true };

    /// <summary>Looks at the arena of a medium.</summary>
    /// <param name="medium">The medium.</param>
    /// <param name="writersExcluded">The caller holds a <see cref="WriterExclusion"/>: whatever the record says, nobody writes.</param>
    /// <returns>Null where there is none.</returns>
    /// <exception cref="ForeignFileException">What is there is not an arena's.</exception>
    /// <exception cref="ArenaAmbiguousException">There are several.</exception>
    public static MetadataInspection? Take(Medium medium, bool writersExcluded = false)
    {
        using MetadataFile? file = MetadataLocator.Find(medium, writable: false, expected: null, [], out MetadataFile? unfinished);
        unfinished?.Dispose();
        if (file is null)
        {
            return null;
        }

        var result = new MetadataInspection(file.File.Name, file.Length);
        result.Read(file, medium.Location);
        if (writersExcluded && result.Writer is { } writer)
        {
            result.Writer = writer with { Alive = false };
        }

        return result;
    }

    private void Read(MetadataFile file, string location)
    {
        FirstCopyIntact = Superblock.ReadFrom(file.Start).IsIntact;
        SecondCopyIntact = Superblock.ReadFrom(file.Start + MetadataLayout.SecondCopy).IsIntact;
        try
        {
            MetadataLayout layout = file.ReadSuperblock(location, writable: false, []);
            Superblock = layout.Superblock;
            ExtentIdentity identity = ExtentIdentity.Read(file.Start, file.Length);
            IdentityIntact = identity.IsIntact && identity.ArenaId == Superblock.ArenaId && identity.FileLength == file.Length && identity.ExtentId == ExtentIdentity.MetadataId;
            LogCapacity = layout.LogCapacity;
            ReadWords(layout);
            Journal = JournalSnapshot.Take(layout, location, out _);
        }
        catch (ArenaException e)
        {
            Refusal = e;
        }
    }

    private void ReadWords(MetadataLayout layout)
    {
        ActiveWordIntact = SealedWord.TryOpen(Words.Read(layout.Active), layout.Seed(WordKind.Active), out _);
        EpochWordIntact = SealedWord.TryOpen(Words.Read(layout.Epoch), layout.Seed(WordKind.Epoch), out uint epoch);
        ulong state = Words.Read(layout.State);
        Closed = SealedWord.TryOpen(state, layout.Seed(WordKind.Clean), out uint closedBy) && (closedBy == epoch || !EpochWordIntact) ? ClosedState.Clean
            : SealedWord.TryOpen(state, layout.Seed(WordKind.Open), out _) ? ClosedState.Open
            : ClosedState.Damaged;
        if (LeaseRecord.TryRead(layout.LeaseRecord, out LeaseRecord record))
        {
            var process = new ProcessIdentity((int)record.ProcessId, record.ProcessStart, record.BootId);
            Writer = new LastWriter(process.Pid, DateTimeOffset.FromUnixTimeMilliseconds(record.SinceUnixMilliseconds), record.BootId == ProcessIdentity.Current.BootId, process.IsAlive());
        }
    }
}
