using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Reports;


namespace GuestMemFs.Cli.Checking;

/// <summary>
/// What can be done about what is wrong, without guessing: what the library mends itself, files moved out of the way,
/// regions renamed out of the way. Nothing that may be the only copy of something is deleted.
/// </summary>
internal static class RepairSteps
{
    /// <summary>Regions that cannot be read get names that begin with this.</summary>
    public const string Prefix = "quarantine.";

    private const string OutOfTheWay =
        "what it held, for those who open it by its name. Its files are kept until the renamed region is deleted.";

    /// <summary>Finds them; writers are kept out.</summary>
    public static IReadOnlyList<RepairStep> Find(ArenaInspection inspection, bool deep, bool startOver)
    {
        if (startOver)
        {
            return [StartOver(inspection.Medium)];
        }

        ArenaVerification it;
        try
        {
            it = inspection.Verify(deep);
        }
        catch (ArenaException e) when (e is ForeignFileException or ArenaAmbiguousException)
        {
            return [Cannot(Finding.Of(e, inspection.Medium.Location))];
        }

        return it.Arena.Refusal is { } refusal
            ? [Cannot(Finding.Of(refusal, it.Arena.Metadata.FileName))]
            : [.. Metadata(it), .. Files(inspection), .. Regions(it)];
    }

    /// <summary>A name out of its users' way: free, and within what a name may be.</summary>
    /// <param name="region">The region.</param>
    /// <param name="isTaken">Says whether there is a region of a name.</param>
    public static string QuarantineName(RegionInfo region, Func<string, bool> isTaken)
    {
        string name = $"{Prefix}{region.Id}.{region.Name}";
        bool fits = System.Text.Encoding.UTF8.GetByteCount(name) <= RegionOptions.MaximumNameBytes;
        return fits && !isTaken(name) ? name : $"{Prefix}{region.Id}";
    }

    private static RepairStep StartOver(Medium medium) => new(
        StepKind.MoveAll,
        ReasonCodes.ArenaNotFound,
        medium.Location,
        $"you want to start over in a directory of {medium.ListFiles().Count} files.",
        "all of its files are moved into a quarantine directory in it; then an arena can be made here.",
        "the arena, for those who open it here. Its files are kept.");

    private static RepairStep Cannot(Finding refusal) => new(
        StepKind.CannotBeDone,
        refusal.Reason,
        refusal.Subject,
        refusal.Text,
        "copy the directory away; bring the file back if it was kept anywhere; "
            + "or 'gmfs repair --start-over', which moves all files into a quarantine.",
        null);

    private static IEnumerable<RepairStep> Metadata(ArenaVerification it) => it.Findings
        .Where(finding => finding is { Scope: FindingScope.Metadata, Severity: FindingSeverity.Warning })
        .Select(finding => new RepairStep(
            StepKind.Mend,
            finding.ReasonCode,
            finding.Subject,
            finding.Text,
            "the arena is opened as its writer, which works it out from what is intact and writes it anew.",
            null));

    private static IEnumerable<RepairStep> Files(ArenaInspection inspection) => inspection.ReadFiles()
        .Where(file => file.Objection is not null)
        .Select(file => IsCertain(file)
            ? new RepairStep(
                StepKind.MoveFile, file.ReasonCode!, file.Name, file.Objection!,
                "it is moved into a quarantine directory.", null)
            : new RepairStep(
                StepKind.CannotBeDone,
                file.ReasonCode!,
                file.Name,
                file.Objection!,
                "which of the two is the right one only you can know: move the other one away.",
                null));

    /// <summary>
    /// True where taking it away cannot be a mistake: of two that say the same, the other has the extent's name.
    /// </summary>
    private static bool IsCertain(ArenaFileSnapshot file) =>
        file.Role != ArenaFileRole.ExtentCopy || file.CopyOf == file.Identity?.Name;

    private static List<RepairStep> Regions(ArenaVerification it)
    {
        var steps = new List<RepairStep>();
        foreach (RegionInfo region in it.Arena.Regions.Select(region => region.Info))
        {
            if (RegionDump.IsRestoring(region.Name))
            {
                steps.Add(new RepairStep(
                    StepKind.RemoveHalfRestored,
                    FindingCodes.HalfRestored,
                    region.Name,
                    "A restore into it was interrupted.",
                    "it is deleted; the dump has it all.",
                    null));
            }
            else if (!region.Name.StartsWith(Prefix, StringComparison.Ordinal) && Wrong(it, region.Name) is { } wrong)
            {
                string name = QuarantineName(region, name => it.Arena.Find(name) is not null);
                string done = $"it is renamed to '{name}', so that a new one can be made or restored under its name.";
                steps.Add(new RepairStep(StepKind.RenameRegion, wrong.Reason, region.Name, wrong.Text, done,
                    OutOfTheWay));
            }
        }

        return steps;
    }

    /// <summary>
    /// What makes a region useless: files or a heap that cannot be read. A newer library's heap is not.
    /// </summary>
    private static (string Reason, string Text)? Wrong(ArenaVerification it, string region)
    {
        ArenaFinding[] problems =
        [
            .. it.Findings.Where(finding => finding is { Scope: FindingScope.Region, Severity: FindingSeverity.Error }
                && finding.Subject == region
                && finding.ReasonCode is (ReasonCodes.HeapDamaged or ReasonCodes.ExtentMissing
                    or ReasonCodes.ExtentTruncated
                    or ReasonCodes.ExtentDuplicated or ReasonCodes.ExtentsInconsistent)),
        ];
        string more = problems.Length > 1 ? $" And {problems.Length - 1} more." : string.Empty;
        return problems.Length == 0 ? null : (problems[0].ReasonCode, problems[0].Text + more);
    }
}
