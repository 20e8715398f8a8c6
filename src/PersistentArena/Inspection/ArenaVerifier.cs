using GuestMemFs.Heap;

namespace GuestMemFs.Inspection;

/// <summary>
/// Looks at everything of an arena that can be looked at without changing a byte, and keeps going where something is
/// wrong.
/// </summary>
internal sealed class ArenaVerifier(InspectedArena inspected, bool deep, CancellationToken cancellationToken)
{
    private readonly List<ArenaFinding> _findings = [];
    private int _heaps;
    private int _walked;

    /// <summary>Does it. Where it is to be deep, writers are kept out by the caller.</summary>
    public ArenaVerification Run()
    {
        ArenaSnapshot arena = inspected.Read();
        _findings.AddRange(MetadataVerifier.Findings(arena));
        int files = 0;
        if (arena.Refusal is null)
        {
            foreach (RegionSnapshot region in arena.Regions)
            {
                cancellationToken.ThrowIfCancellationRequested();
                CheckRegion(region.Info.Name, arena.HasWriter);
            }

            files = CheckFiles(arena);
        }

        return new ArenaVerification
        {
            Arena = arena,
            Findings = [.. _findings.OrderByDescending(finding => finding.Severity)],
            FileCount = files,
            HeapCount = _heaps,
            HeapsWalked = _walked,
        };
    }

    private void CheckRegion(string region, bool hasWriter)
    {
        try
        {
            inspected.WithRegion(region, CheckHeap);
        }
        catch (RegionNotFoundException) when (hasWriter)
        {
            // Deleted by its writer while we looked: nothing is wrong with it.
        }
        catch (ArenaException e)
        {
            _findings.Add(ArenaFinding.Of(e, FindingScope.Region, region));
        }
    }

    private bool CheckHeap(PersistentRegion region)
    {
        if (InspectedArena.HeapOf(region) is not { } space)
        {
            return false;
        }

        _heaps++;
        HeapSnapshot heap = HeapReader.Read(space);
        List<ArenaException?> problems = [heap.Refusal, .. heap.Roots.Select(root => root.Problem)];
        problems.RemoveAll(problem => problem is null);
        _findings.AddRange(problems.Select(problem => ArenaFinding.Of(problem!, FindingScope.Region, region.Name)));
        if (deep && problems.Count == 0)
        {
            Walk(space, heap);
        }

        return true;
    }

    private void Walk(IHeapSpace space, HeapSnapshot heap)
    {
        if (heap.ChangesInFlight > 0)
        {
            // Half a change is what a killed writer leaves, and not damage: the heap is judged after its recovery.
            _findings.Add(new ArenaFinding(
                FindingSeverity.Note, ReasonCodes.HeapChangesInFlight, FindingScope.Region, heap.Region,
                $"{heap.ChangesInFlight} changes were in flight when its writer was killed. "
                + "The next writer finishes or undoes them when it opens the heap; the blocks were not walked."));
            return;
        }

        _walked++;
        (IReadOnlyList<string> problems, string? unreached) =
            HeapVerifier.Judge(PersistentHeap.Open(space), cancellationToken);
        _findings.AddRange(problems.Select(problem => new ArenaFinding(
            FindingSeverity.Error, ReasonCodes.HeapDamaged, FindingScope.Region, heap.Region, problem + ".")));
        if (unreached is not null)
        {
            _findings.Add(new ArenaFinding(FindingSeverity.Warning, ReasonCodes.ObjectsUnreached, FindingScope.Region,
                heap.Region, unreached));
        }
    }

    private int CheckFiles(ArenaSnapshot arena)
    {
        IReadOnlyList<ArenaFileSnapshot> files = inspected.ReadFiles();
        foreach (ArenaFileSnapshot file in files)
        {
            if (file is { ReasonCode: { } code, Objection: { } objection })
            {
                bool copy = file.Role == ArenaFileRole.ExtentCopy;
                FindingSeverity severity = copy ? FindingSeverity.Error : FindingSeverity.Warning;
                _findings.Add(new ArenaFinding(severity, code, FindingScope.File, file.Name, objection));
            }
        }

        _findings.AddRange(files
            .Where(file => file.Role == ArenaFileRole.Neighbour)
            .Select(file => file.Identity!.ArenaId)
            .Distinct()
            .Select(id => new ArenaFinding(
                FindingSeverity.Note, ReasonCodes.ForeignFilesIgnored, FindingScope.File, arena.Location,
                $"Arena {id} lies in this directory too; its files are its own.")));
        return files.Count;
    }
}
