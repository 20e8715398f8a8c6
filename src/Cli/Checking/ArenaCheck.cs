using GuestMemFs.Cli.Dumps;
using GuestMemFs.Cli.Infrastructure;
using GuestMemFs.Cli.Reports;
using GuestMemFs.Regions;

namespace GuestMemFs.Cli.Checking;

/// <summary>Looks at everything of an arena that can be looked at without changing a byte, and keeps going where something is wrong.</summary>
internal sealed class ArenaCheck
{
    private readonly Place _place;
    private readonly List<Finding> _findings = [];
    private bool _hasWriter;
    private int _files;
    private int _heaps;
    private int _deep;

    private ArenaCheck(Place place) => _place = place;

    /// <summary>Checks an arena.</summary>
    /// <param name="place">Where it lies.</param>
    /// <param name="deep">Walk the heaps too, all of them. Keeps writers out meanwhile.</param>
    /// <exception cref="ArenaInUseException">Deep, and there is a writer.</exception>
    public static CheckReport Run(Place place, bool deep)
    {
        using Medium medium = place.OpenMedium();
        using WriterExclusion? quiet = deep ? WriterExclusion.Take(medium) : null;
        return new ArenaCheck(place).Run(medium, deep);
    }

    private CheckReport Run(Medium medium, bool deep)
    {
        MetadataInspection it = MetadataInspection.Take(medium, writersExcluded: deep)
            ?? throw new GmfsException(ExitCode.NotFound, $"There is no arena in {_place.Text}.", ReasonCodes.ArenaNotFound);
        _findings.AddRange(MetadataCheck.Findings(it));
        _hasWriter = it.HasLiveWriter;
        int regions = 0;
        if (it.Refusal is null)
        {
            regions = CheckRegions(medium, deep);
            _findings.AddRange(FileCheck.Findings(medium, it, out _files));
        }

        return new CheckReport(
            _place.Text, it.Superblock.ArenaId, WriterFacts.State(it), new Checked(regions, _files, it.Journal?.Tail ?? 0, _heaps, _deep),
            [.. _findings.OrderByDescending(finding => finding.Severity)]);
    }

    private int CheckRegions(Medium medium, bool deep)
    {
        using PersistentArena arena = PersistentArena.Open(new ArenaOptions { Medium = medium, Access = ArenaAccess.ReadOnly });
        IReadOnlyList<RegionInfo> regions = arena.ListRegions();
        foreach (RegionInfo region in regions)
        {
            try
            {
                CheckRegion(arena, region, deep);
            }
            catch (RegionNotFoundException) when (_hasWriter)
            {
                // Deleted by its writer while we looked: nothing is wrong with it.
            }
            catch (ArenaException e)
            {
                _findings.Add(Finding.Of(e, region.Name));
            }
        }

        return regions.Count;
    }

    private void CheckRegion(PersistentArena arena, RegionInfo region, bool deep)
    {
        if (RestoringRegion.Is(region.Name) && !_hasWriter)
        {
            _findings.Add(Finding.Warning(Finding.HalfRestored, region.Name, "A restore into it was interrupted; it is no region of anybody's."));
        }

        using PersistentRegion open = arena.OpenRegion(region.Name);
        if (HeapFacts.TryOpen(open) is not { } heap)
        {
            return;
        }

        _heaps++;
        _ = HeapFacts.Read(arena, region);
        if (deep)
        {
            _deep++;
            _findings.AddRange(HeapCheck.Findings(heap, region.Name));
        }
    }
}
