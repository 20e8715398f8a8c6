using GuestMemFs.Cli.Dumps;
using GuestMemFs.Cli.Infrastructure;
using GuestMemFs.Cli.Reports;
using GuestMemFs.Regions;

namespace GuestMemFs.Cli.Checking;

/// <summary>
/// What can be done about what is wrong, without guessing: what the library mends itself, files moved out of the way, regions renamed out of the way. Nothing that may be the
/// only copy of something is deleted.
/// </summary>
internal static class RepairPlan
{
    /// <summary>Regions that cannot be read get names that begin with this.</summary>
    public const string Prefix = "quarantine.";

    /// <summary>Makes the plan; the caller keeps writers out.</summary>
    public static IReadOnlyList<RepairStep> Make(Medium medium, bool deep, bool startOver)
    {
        if (startOver)
        {
            return [StartOver(medium)];
        }

        MetadataInspection it;
        try
        {
            it = MetadataInspection.Take(medium, writersExcluded: true) ?? throw new GmfsException(ExitCode.NotFound, $"There is no arena in {medium.Location}.", ReasonCodes.ArenaNotFound);
        }
        catch (ArenaException e)
        {
            return [Cannot(e, medium.Location)];
        }

        return it.Refusal is { } refusal ? [Cannot(refusal, it.FileName)] : [.. Metadata(it), .. Files(medium, it), .. Regions(medium, deep)];
    }

    private static RepairStep StartOver(Medium medium) => new(
        StepKind.MoveAll, ReasonCodes.ArenaNotFound, medium.Location, $"you want to start over in a directory of {medium.ListFiles().Count} files.",
        "all of its files are moved into a quarantine directory in it; then an arena can be made here.", "the arena, for those who open it here. Its files are kept.");

    private static RepairStep Cannot(ArenaException e, string subject) => new(
        StepKind.CannotBeDone, e.ReasonCode, subject, Failure.TextOf(e),
        "copy the directory away; bring the file back if it was kept anywhere; or 'gmfs repair --start-over', which moves all files into a quarantine.", null);

    private static IEnumerable<RepairStep> Metadata(MetadataInspection it) => MetadataCheck.Findings(it)
        .Where(finding => finding.Severity == Severity.Warning)
        .Select(finding => new RepairStep(StepKind.Mend, finding.Reason, finding.Subject, finding.Text, "the arena is opened as its writer, which works it out from what is intact and writes it anew.", null));

    private static IEnumerable<RepairStep> Files(Medium medium, MetadataInspection it) => FileCheck.Strays(medium, it, out _, out _).Select(stray => stray.Certain
        ? new RepairStep(StepKind.MoveFile, stray.Reason, stray.Name, stray.What, "it is moved into a quarantine directory.", null)
        : new RepairStep(StepKind.CannotBeDone, stray.Reason, stray.Name, stray.What, "which of the two is the right one only you can know: move the other one away.", null));

    private static List<RepairStep> Regions(Medium medium, bool deep)
    {
        var steps = new List<RepairStep>();
        using PersistentArena arena = PersistentArena.Open(new ArenaOptions { Medium = medium, Access = ArenaAccess.ReadOnly });
        foreach (RegionInfo region in arena.ListRegions())
        {
            if (RestoringRegion.Is(region.Name))
            {
                steps.Add(new RepairStep(StepKind.RemoveHalfRestored, Finding.HalfRestored, region.Name, "A restore into it was interrupted.", "it is deleted; the dump has it all.", null));
            }
            else if (!region.Name.StartsWith(Prefix, StringComparison.Ordinal) && Wrong(arena, region, deep) is { } wrong)
            {
                steps.Add(new RepairStep(
                    StepKind.RenameRegion, wrong.Reason, region.Name, wrong.Text, $"it is renamed to '{QuarantineName(arena, region)}', so that a new one can be made or restored under its name.",
                    "what it held, for those who open it by its name. Its files are kept until the renamed region is deleted."));
            }
        }

        return steps;
    }

    /// <summary>A name out of its users' way: free, and within what a name may be.</summary>
    public static string QuarantineName(PersistentArena arena, RegionInfo region)
    {
        string name = $"{Prefix}{region.Id}.{region.Name}";
        return System.Text.Encoding.UTF8.GetByteCount(name) <= RegionOptions.MaximumNameBytes && arena.FindRegion(name) is null ? name : $"{Prefix}{region.Id}";
    }

    private static (string Reason, string Text)? Wrong(PersistentArena arena, RegionInfo region, bool deep)
    {
        try
        {
            using PersistentRegion open = arena.OpenRegion(region.Name);
            if (HeapFacts.TryOpen(open) is { } heap)
            {
                _ = HeapFacts.Read(arena, region);
                Finding[] problems = deep ? [.. HeapCheck.Findings(heap, region.Name).Where(f => f.Severity == Severity.Error)] : [];
                return problems.Length == 0 ? null : (problems[0].Reason, $"{problems[0].Text}{(problems.Length > 1 ? $" And {problems.Length - 1} more." : string.Empty)}");
            }

            return null;
        }
        catch (ArenaException e) when (e is ExtentException or HeapDamagedException)
        {
            return (e.ReasonCode, Failure.TextOf(e));
        }
    }
}
