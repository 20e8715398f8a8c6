using GuestMemFs.Format;
using GuestMemFs.Journal;
using GuestMemFs.Media;
using GuestMemFs.Native;

namespace GuestMemFs.Arena;

/// <summary>What an attach comes to: the parts that an arena is put together from.</summary>
/// <param name="Files">What it lies on; the writer's with the lock held.</param>
/// <param name="Table">Its regions.</param>
/// <param name="Report">What the open found and did.</param>
/// <param name="Options">What was asked for.</param>
/// <param name="Aside">Extents that are left alone (<see cref="Recovery.Run"/>).</param>
/// <param name="IsUnswept">
/// It was found not closed, and frozen: what the last writer left in flight is still there.
/// </param>
internal sealed record Attached(
    ArenaFiles Files,
    RegionTable Table,
    AttachReport Report,
    ArenaOptions Options,
    IReadOnlySet<ulong> Aside,
    bool IsUnswept);

/// <summary>
/// How an arena is opened: a list of steps, each of which can be killed and is done again by the next open.
/// </summary>
internal sealed class AttachSequence
{
    private readonly AttachRequest _request;
    private readonly Medium _medium;
    private readonly AttachSteps _steps;
    private readonly Patience _patience;
    private MetadataFile? _metadata;
    private MetadataFile? _unfinished;

    private AttachSequence(AttachRequest request, Medium medium, AttachSteps steps, Patience patience)
    {
        _request = request;
        _medium = medium;
        _steps = steps;
        _patience = patience;
    }

    private List<AttachReason> Reasons => _steps.Reasons;

    private string Location => _medium.Location;

    /// <summary>Opens an arena, or makes it.</summary>
    public static Attached Run(ArenaOptions options, AttachMode mode)
    {
        ArgumentNullException.ThrowIfNull(options);
        var request = new AttachRequest(options, mode);
        request.Check();
        var steps = new AttachSteps();
        Medium medium = request.ResolveMedium();
        try
        {
            medium.HoldDirectory();
            steps.End("medium");
            return Attempt(request, medium, steps, new Patience(options.WaitForWriter));
        }
        catch (Exception e)
        {
            ArenaException? said =
                e is MediumException refusal ? medium.Translate(refusal, options.MetadataSize) : null;
            if (request.OwnsMedium)
            {
                medium.Dispose();
            }

            if (said is not null)
            {
                throw said;
            }

            throw;
        }
    }

    /// <summary>Again where another writer was waited for, and the file is not the arena's any more.</summary>
    private static Attached Attempt(AttachRequest request, Medium medium, AttachSteps steps, Patience patience)
    {
        while (true)
        {
            try
            {
                if (new AttachSequence(request, medium, steps, patience).TryAttach() is { } attached)
                {
                    return attached;
                }
            }
            catch (ArenaExistsException) when (request.Mode == AttachMode.OpenOrCreate && patience.Lasts)
            {
                // Somebody made it between our look and our lock: the next look finds it.
            }
        }
    }

    /// <summary>One attempt. Null where what was found is not the arena any more.</summary>
    private Attached? TryAttach()
    {
        try
        {
            FindMetadata();
            RequireFitting();
            bool isFresh = _metadata is null;
            if (isFresh)
            {
                MakeMetadata();
            }
            else if (_request.IsWriter)
            {
                if (!TryLock())
                {
                    LetGo();
                    return null;
                }

                if (JudgeCrashLoop() is { } instead)
                {
                    LetGo();
                    return instead == CrashLoopAction.SetAside
                        ? null
                        : new AttachSequence(_request.ForReading(), _medium, _steps, _patience).TryAttach();
                }
            }

            ArenaFiles files = ReadSuperblock();
            return _request.IsWriter ? AttachWriter(files, isFresh) : AttachReader(files);
        }
        catch
        {
            LetGo();
            throw;
        }
        finally
        {
            _unfinished?.Dispose();
        }
    }

    private void FindMetadata()
    {
        _metadata = MetadataLocator.Find(
            _medium, _request.IsWriter, _request.Options.ArenaId, Reasons, out _unfinished);
        _steps.End("find");
    }

    /// <summary>Refuses to make what is there, and to open what is not.</summary>
    private void RequireFitting()
    {
        if (_metadata is not null)
        {
            if (_request.Mode == AttachMode.Create)
            {
                throw new ArenaExistsException(Location);
            }

            return;
        }

        MetadataLocator.RequireNoExtents(_medium, _request.Options.ArenaId);
        if (_request.Mode == AttachMode.Open || !_request.IsWriter)
        {
            throw new ArenaNotFoundException(
                Location,
                _unfinished is null ? "no file is an arena's metadata" : "its creation was interrupted");
        }
    }

    private void MakeMetadata()
    {
        _metadata = new MetadataMaker(_request, _medium, _steps, _patience).Make(_unfinished);
        _unfinished = null;
        _steps.End("create");
    }

    /// <summary>False where the writer that was waited for removed the file, or moved it away.</summary>
    private bool TryLock()
    {
        bool waited = WriterLock.Lock(_metadata!, Location, _patience);
        if (waited && !(_metadata!.File.Links > 0 && _medium.HasFile(_metadata.File.Name)))
        {
            return false;
        }

        _steps.End("lock");
        return true;
    }

    /// <summary>What the policy does in place of an attach; null where it is to be attached to.</summary>
    private CrashLoopAction? JudgeCrashLoop()
    {
        CrashLoopAction action = CrashLoop.Judge(_metadata!, Location, _request.Options.CrashLoop, Reasons);
        if (action == CrashLoopAction.SetAside)
        {
            bool mayCreate = _request.Mode == AttachMode.OpenOrCreate;
            CrashLoop.SetAside(_medium, _metadata!, mayCreate, Reasons);
        }

        return action == CrashLoopAction.Report ? null : action;
    }

    private ArenaFiles ReadSuperblock()
    {
        if (_medium.Warning is { } warning)
        {
            Reasons.Add(new(ReasonCodes.PlaceTaken, warning));
        }

        MetadataLayout layout = _metadata!.ReadSuperblock(Location, _request.IsWriter, Reasons);
        var files = new ArenaFiles(_medium, _request.OwnsMedium, _metadata, layout, _request.IsWriter);
        RequireGranularity(files.Granularity);
        return files;
    }

    private void RequireGranularity(long granularity)
    {
        MediumCapabilities capabilities = _medium.Capabilities;
        if (granularity % Math.Max(capabilities.Alignment, capabilities.FileGranularity) != 0
            || capabilities.MaximumFileLength < 2 * granularity)
        {
            throw new ForeignFileException(
                Location,
                $"The arena was made on a medium with files in steps of {granularity} bytes, and this one has steps of "
                + $"{capabilities.FileGranularity}, pages of {capabilities.PageSize} and files of at most "
                + $"{capabilities.MaximumFileLength}");
        }
    }

    private Attached AttachWriter(ArenaFiles files, bool isFresh)
    {
        ArenaOptions options = _request.Options;
        _medium.ShareWith(
            options.Sharing.Group, files.Metadata.File.Name, static name => ExtentFiles.TryParseName(name, out _));
        var journal = MetadataJournal.Open(files.Layout, Location, Reasons);
        _steps.End("replay");

        int earlyEnds = EarlyEnds.Begin(files.Layout, options.CrashLoop.Limit, Reasons);
        bool isClean = WriterLock.Take(files.Layout, journal, Location, options.TimeProvider, Reasons);
        _steps.End("epoch");

        IReadOnlySet<ulong> aside = new Recovery(files, journal).Run(isClean, Reasons);
        PowerLoss.KeepFile(_medium, files.Metadata.Address);
        _steps.End("recover");

        if (isFresh)
        {
            string why = _medium.EmptyReason.Length > 0 ? " " + _medium.EmptyReason : "";
            Reasons.Add(new(ReasonCodes.Created, $"There was no arena in {Location}, and one was made.{why}"));
        }

        long swap = _medium.Capabilities.CanBeSwapped ? MachineMemory.Swap() : 0;
        if (SwapWarning.For(_medium.Capabilities, options.LockMemory, swap) is { } swapped)
        {
            Reasons.Add(swapped);
        }

        AttachKind kind = isFresh ? AttachKind.Fresh : isClean ? AttachKind.Warm : AttachKind.Recovered;
        bool isUnswept = !isClean && journal.Tables.State.Frozen;
        return Report(kind, files, new RegionTable(files, journal), aside, isUnswept, earlyEnds);
    }

    private Attached AttachReader(ArenaFiles files)
    {
        var table = new RegionTable(files);
        _steps.End("replay");
        return Report(AttachKind.Reader, files, table, new HashSet<ulong>(), isUnswept: false, earlyEnds: 0);
    }

    private Attached Report(
        AttachKind kind, ArenaFiles files, RegionTable table, IReadOnlySet<ulong> aside, bool isUnswept, int earlyEnds)
    {
        var report = new AttachReport(kind, files, table.Now, _steps) { EarlyEnds = earlyEnds };
        _request.Options.Logger?.Attached(report);
        return new Attached(files, table, report, _request.Options, aside, isUnswept);
    }

    private void LetGo()
    {
        _metadata?.Dispose();
        _metadata = null;
    }
}
