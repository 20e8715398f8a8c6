using System.Security.Cryptography;
using GuestMemFs.Format;
using GuestMemFs.Journal;
using GuestMemFs.Arena;

namespace GuestMemFs;

/// <summary>How an arena is opened: each step can be killed and is done again by the next open.</summary>
public sealed partial class PersistentArena
{
    private enum Mode
    {
        Create,
        Open,
        OpenOrCreate,
    }

    private PersistentArena(Medium medium, bool ownsMedium, MetadataFile metadata, AttachSteps steps, ArenaOptions options, bool fresh)
    {
        _medium = medium;
        _ownsMedium = ownsMedium;
        _metadata = metadata;
        _clock = options.TimeProvider;
        _logger = options.Logger;
        bool writable = options.Access == ArenaAccess.ReadWrite;
        if (medium.Warning is { } warning)
        {
            steps.Reasons.Add(new(ReasonCodes.PlaceTaken, warning));
        }

        _layout = metadata.ReadSuperblock(medium.Location, writable, steps.Reasons);
        RequireGranularity(medium, (long)_layout.Superblock.Granularity);
        _check = new FilesCheck(medium, metadata.File);
        _files = new ExtentFiles(medium, Id, Granularity, writable);
        AttachKind kind;
        if (writable)
        {
            _journal = MetadataJournal.Open(_layout, medium.Location, steps.Reasons);
            _tables = _journal.Tables;
            steps.End("replay");
            _earlyEnds = EarlyEnds.Begin(_layout, options.CrashLoop.Limit, steps.Reasons);
            bool clean = WriterLock.Take(_layout, _journal, medium.Location, _clock, steps.Reasons);
            steps.End("lease");
            Recover(_journal, clean, steps.Reasons);
            PowerLoss.KeepFile(medium, metadata.Address);
            steps.End("recover");
            kind = fresh ? AttachKind.Fresh : clean ? AttachKind.Warm : AttachKind.Recovered;
            if (fresh)
            {
                string why = medium.WhyEmpty;
                steps.Reasons.Add(new(ReasonCodes.Created, $"There was no arena in {medium.Location}, and one was made.{(why.Length > 0 ? " " : "")}{why}"));
            }
        }
        else
        {
            _tables = JournalSnapshot.Take(_layout, medium.Location, out _version).Tables;
            steps.End("replay");
            kind = AttachKind.Reader;
        }

        AttachReport = new AttachReport(kind, Id, _tables.State.Epoch, _tables.RegionCount, medium, medium.Reason, steps.Reasons, steps.All, ReadPages) { EarlyEnds = _earlyEnds };
        _logger?.Attached(AttachReport);
        WatchOwnLife(options.CrashLoop);
    }

    /// <summary>Creates an arena.</summary>
    /// <exception cref="ArenaExistsException">There is one.</exception>
    /// <exception cref="ArenaOutOfSpaceException">The medium has no room.</exception>
    /// <exception cref="ArenaMediumException">The medium is not there, or refuses.</exception>
    public static PersistentArena Create(ArenaOptions options) => Attach(options, Mode.Create);

    /// <summary>Opens an arena.</summary>
    /// <exception cref="ArenaNotFoundException">There is none.</exception>
    /// <exception cref="ArenaInUseException">It has a writer, and this was to be one.</exception>
    /// <exception cref="ArenaDamagedException">Its metadata is damaged in a way that cannot be mended without guessing.</exception>
    /// <exception cref="NewerFormatException">It was written by a newer library.</exception>
    /// <exception cref="ForeignFileException">What is there is not an arena's, or another's than was asked for.</exception>
    /// <exception cref="ArenaAmbiguousException">There are several, and which is meant cannot be told.</exception>
    /// <exception cref="ArenaMediumException">The medium is not there, or refuses.</exception>
    public static PersistentArena Open(ArenaOptions options) => Attach(options, Mode.Open);

    /// <summary>Opens an arena, or creates it where there is none. Errors as <see cref="Open"/>.</summary>
    public static PersistentArena OpenOrCreate(ArenaOptions options) => Attach(options, Mode.OpenOrCreate);

    private static PersistentArena Attach(ArenaOptions options, Mode mode)
    {
        ArgumentNullException.ThrowIfNull(options);
        Check(options, mode);
        var steps = new AttachSteps();
        Medium medium = Resolve(options, mode);
        try
        {
            medium.HoldPlace();
            steps.End("medium");
            return Attach(options, mode, medium, steps, new Patience(options.WaitForWriter));
        }
        catch (MediumException e)
        {
            Give();
            throw Translate(e, options.MetadataSize, medium);
        }
        catch
        {
            Give();
            throw;
        }

        void Give()
        {
            if (Owns(options))
            {
                medium.Dispose();
            }
        }
    }

    /// <summary>True where the medium is disposed of with the arena.</summary>
    private static bool Owns(ArenaOptions options) => options.Medium is null || options.OwnsMedium;

    /// <summary>Again where another writer was waited for, and the file is not the arena's any more.</summary>
    private static PersistentArena Attach(
        ArenaOptions options, Mode mode, Medium medium, AttachSteps steps, Patience patience)
    {
        while (true)
        {
            try
            {
                if (TryAttach(options, mode, medium, steps, patience) is { } arena)
                {
                    return arena;
                }
            }
            catch (ArenaExistsException) when (mode == Mode.OpenOrCreate && patience.Lasts)
            {
                // Somebody made it between our look and our lock: the next look finds it.
            }
        }
    }

    private static PersistentArena? TryAttach(
        ArenaOptions options, Mode mode, Medium medium, AttachSteps steps, Patience patience)
    {
        bool writable = options.Access == ArenaAccess.ReadWrite;
        MetadataFile? metadata = MetadataLocator.Find(
            medium, writable, options.ArenaId, steps.Reasons, out MetadataFile? unfinished);
        bool fresh = false;
        try
        {
            steps.End("find");
            RequireFitting(options, mode, medium, metadata, unfinished);
            if (metadata is null)
            {
                (metadata, unfinished) = (unfinished, null);
                metadata = New(options, medium, metadata, steps, patience);
                fresh = true;
                steps.End("create");
            }
            else if (writable)
            {
                if (WriterLock.Lock(metadata, medium.Location, patience) && !IsInPlace(medium, metadata))
                {
                    metadata.Dispose();
                    return null;
                }

                steps.End("lock");
                if (Judge(options, mode, medium, metadata, steps) is { } other)
                {
                    metadata.Dispose();
                    return other == CrashLoopAction.SetAside
                        ? null
                        : TryAttach(options.ForReading(), mode, medium, steps, patience);
                }
            }

            return new PersistentArena(medium, Owns(options), metadata, steps, options, fresh);
        }
        catch
        {
            metadata?.Dispose();
            throw;
        }
        finally
        {
            unfinished?.Dispose();
        }
    }

    /// <summary>What the policy does in place of an attach; null where it is to be attached to.</summary>
    private static CrashLoopAction? Judge(
        ArenaOptions options, Mode mode, Medium medium, MetadataFile metadata, AttachSteps steps)
    {
        CrashLoopAction action = CrashLoop.Judge(metadata, medium.Location, options.CrashLoop, steps.Reasons);
        if (action == CrashLoopAction.SetAside)
        {
            CrashLoop.SetAside(medium, metadata, mayCreate: mode == Mode.OpenOrCreate, steps.Reasons);
        }

        return action == CrashLoopAction.Report ? null : action;
    }

    /// <summary>Refuses to make what is there, and to open what is not.</summary>
    private static void RequireFitting(
        ArenaOptions options, Mode mode, Medium medium, MetadataFile? metadata, MetadataFile? unfinished)
    {
        if (metadata is not null)
        {
            if (mode == Mode.Create)
            {
                throw new ArenaExistsException(medium.Location);
            }

            return;
        }

        MetadataLocator.RequireNoExtents(medium, options.ArenaId);
        if (mode == Mode.Open || options.Access != ArenaAccess.ReadWrite)
        {
            throw new ArenaNotFoundException(
                medium.Location,
                unfinished is null ? "no file is an arena's metadata" : "its creation was interrupted");
        }
    }

    /// <summary>False where the writer that was waited for removed the file, or moved it away.</summary>
    private static bool IsInPlace(Medium medium, MetadataFile metadata) =>
        metadata.File.Links > 0 && medium.HasFile(metadata.File.Name);

    /// <summary>Makes a new arena, or finishes making one; its lock is held then.</summary>
    private static MetadataFile New(
        ArenaOptions options, Medium medium, MetadataFile? unfinished, AttachSteps steps, Patience patience)
    {
        MediumCapabilities capabilities = medium.Capabilities;
        long granularity = Math.Max(capabilities.FileGranularity, capabilities.Alignment);
        MetadataFile metadata = unfinished ?? NewFile(medium, RegionSizes.RoundUp(options.MetadataSize, granularity));
        try
        {
            WriterLock.Lock(metadata, medium.Location, patience);

            // Somebody else may have finished it between our look and our lock. (A file that was just made may hold an older life's arena without regions.)
            bool fresh = MetadataLocator.IsUnfinished(medium, metadata)
                || (unfinished is null && !capabilities.FreshMemoryIsZero && MetadataLocator.IsAlone(medium));
            if (!fresh)
            {
                throw new ArenaExistsException(medium.Location);
            }

            if (unfinished is not null)
            {
                steps.Reasons.Add(new(ReasonCodes.CreationRepeated, "The arena's creation had been interrupted and was done again."));
            }

            byte[] seed = RandomNumberGenerator.GetBytes(16);
            metadata.Format(
                options.ArenaId ?? Guid.NewGuid(),
                BitConverter.ToUInt64(seed),
                BitConverter.ToUInt64(seed, 8),
                granularity,
                options.TimeProvider.GetUtcNow().ToUnixTimeMilliseconds());
            return metadata;
        }
        catch
        {
            if (unfinished is null)
            {
                metadata.Dispose();
            }

            throw;
        }
    }

    private static MetadataFile NewFile(Medium medium, long length)
    {
        (long total, long? free) = medium.GetSpace();
        if ((free ?? total) < length)
        {
            throw ArenaOutOfSpaceException.OnMedium(medium.Location, length, free, total);
        }

        using (MediumFile? empty = medium.TryOpenFile(ExtentFiles.MetadataName, writable: true))
        {
            if (empty is { Length: 0 } && empty.TryLock())
            {
                medium.DeleteFile(ExtentFiles.MetadataName); // Its creator was killed before the one ftruncate.
            }
        }

        MediumFile file;
        try
        {
            file = medium.CreateFile(ExtentFiles.MetadataName, length);
        }
        catch (MediumException e) when (e.Kind == MediumErrorKind.Exists)
        {
            throw new ArenaExistsException(medium.Location);
        }

        try
        {
            return MetadataFile.TryMap(file, medium.Capabilities)
                ?? throw new InvalidOperationException($"A metadata file of {length} bytes was made and cannot be one: a bug.");
        }
        catch (MediumException)
        {
            file.Dispose();
            if (medium.Capabilities.UnlinkFreesSpace)
            {
                medium.DeleteFile(ExtentFiles.MetadataName);
            }

            throw;
        }
    }

    private static Medium Resolve(ArenaOptions options, Mode mode)
    {
        try
        {
            bool writable = options.Access == ArenaAccess.ReadWrite && mode != Mode.Open;
            return options.Medium
                ?? (options.Directory is { } directory
                    ? Medium.ForDirectory(directory, writable, options.Trust)
                    : Medium.Default(options.Name, options.SizeHint));
        }
        catch (MediumException e)
        {
            throw mode == Mode.Open && e.Kind == MediumErrorKind.Missing && options.Directory is { } missing && !Directory.Exists(missing)
                ? new ArenaNotFoundException(missing, "there is no such directory")
                : new ArenaMediumException(options.Directory ?? options.Name, e);
        }
    }

    private static void Check(ArenaOptions options, Mode mode)
    {
        if (options.MetadataSize is < MetadataLayout.MinimumSize or > MetadataLayout.MaximumSize)
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.MetadataSize, $"MetadataSize is between {MetadataLayout.MinimumSize} and {MetadataLayout.MaximumSize} bytes.");
        }

        if (options.WaitForWriter < TimeSpan.Zero)
        {
            throw new ArgumentOutOfRangeException(
                nameof(options), options.WaitForWriter, "WaitForWriter is zero, which does not wait, or longer.");
        }

        if (!options.CrashLoop.IsPossible)
        {
            throw new ArgumentOutOfRangeException(
                nameof(options),
                options.CrashLoop,
                "CrashLoop has a limit of at least 2, a time above zero, and an action that there is.");
        }

        if (mode == Mode.Create && options.Access == ArenaAccess.ReadOnly)
        {
            throw new ArenaReadOnlyException(options.Directory ?? options.Name, "creating an arena");
        }
    }

    private static void RequireGranularity(Medium medium, long granularity)
    {
        MediumCapabilities capabilities = medium.Capabilities;
        if (granularity % Math.Max(capabilities.Alignment, capabilities.FileGranularity) != 0 || capabilities.MaximumFileLength < 2 * granularity)
        {
            throw new ForeignFileException(
                medium.Location,
                $"The arena was made on a medium with files in steps of {granularity} bytes, and this one has steps of {capabilities.FileGranularity}, pages of {capabilities.PageSize} and files of at most {capabilities.MaximumFileLength}");
        }
    }

    private PageReport ReadPages()
    {
        lock (_lock)
        {
            return _disposed ? default : PageReport.ForRange(_metadata.Address, _metadata.Length);
        }
    }

    private void Recover(MetadataJournal journal, bool clean, List<AttachReason> findings)
    {
        if (journal.Tables.State.Frozen)
        {
            _unswept = !clean;
            return;
        }

        var recovery = new Recovery(_medium, _files, journal, Id, Granularity);
        if (recovery.FinishDeletions() is > 0 and int deleted)
        {
            findings.Add(new(ReasonCodes.DeletionFinished, $"{deleted} files of deleted regions were removed: the deletion had been interrupted."));
        }

        recovery.FindMarked(_aside);
        var aside = new List<string>(_aside.Select(ExtentFiles.NameOf));
        (int orphans, int foreign) = clean ? (0, 0) : recovery.SweepOrphans(aside);
        NoteAside(aside, findings);
        if (orphans > 0)
        {
            findings.Add(new(ReasonCodes.OrphansAdopted, $"{orphans} files were made for regions whose creation was interrupted; they were {(_medium.Capabilities.UnlinkFreesSpace ? "removed" : "taken in for the next ones")}."));
        }

        NoteForeign(foreign, findings);
    }

    private static void NoteAside(List<string> aside, List<AttachReason> findings)
    {
        const int Named = 5;
        if (aside.Count > 0)
        {
            findings.Add(new(ReasonCodes.FilesSetAside, $"{aside.Count} files may hold data of regions, and arena.meta does not know them: it may be an older copy. They were set aside ({string.Join(", ", aside.Take(Named))}{(aside.Count > Named ? ", ..." : "")}), and are found by their identity where the right arena.meta comes back. 'gmfs repair' moves them into a quarantine directory."));
        }
    }

    private static void NoteForeign(int foreign, List<AttachReason> findings)
    {
        if (foreign > 0)
        {
            findings.Add(new(ReasonCodes.ForeignFilesIgnored, $"{foreign} files under names of this arena's hold another arena's identity and were left alone. Where that arena is gone, delete them."));
        }
    }
}
