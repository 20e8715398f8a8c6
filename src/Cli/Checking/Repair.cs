using System.Globalization;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Reports;

namespace GuestMemFs.Cli.Checking;

/// <summary>
/// Takes the steps. Each is one rename of a file or one commit of the journal: killed between any two, the next repair
/// finds its steps anew from what is there.
/// </summary>
internal static class Repair
{
    /// <summary>Moves files; the caller keeps writers out.</summary>
    /// <returns>The quarantine directory, or null where nothing was to be moved.</returns>
    public static string? MoveFiles(Medium medium, IReadOnlyList<RepairStep> steps)
    {
        string[] names =
        [
            .. steps.Where(step => step.Kind == StepKind.MoveFile).Select(step => step.Subject),
            .. steps.Any(step => step.Kind == StepKind.MoveAll) ? medium.ListFiles() : [],
        ];
        if (names.Length == 0)
        {
            return null;
        }

        string quarantine = Path.Combine(medium.Location,
            string.Create(CultureInfo.InvariantCulture, $"quarantine-{DateTime.UtcNow:yyyyMMdd'T'HHmmssfff}"));
        Directory.CreateDirectory(quarantine,
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        // The metadata last: until then it is the same arena, with files missing, and not an empty directory.
        foreach (string name in names.OrderBy(name => name == MetadataSnapshot.UsualFileName))
        {
            File.Move(Path.Combine(medium.Location, name), Path.Combine(quarantine, name));
        }

        return quarantine;
    }

    /// <summary>Does what needs the arena's writer.</summary>
    /// <returns>What the open itself mended.</returns>
    public static IReadOnlyList<string> Regions(ArenaReference place, IReadOnlyList<RepairStep> steps)
    {
        if (!steps.Any(step => step.Kind is StepKind.Mend or StepKind.RenameRegion or StepKind.RemoveHalfRestored))
        {
            return [];
        }

        using PersistentArena arena = place.OpenWriter();
        RegionDump.RemoveInterrupted(arena);
        foreach (RepairStep step in steps.Where(step => step.Kind == StepKind.RenameRegion))
        {
            if (arena.FindRegion(step.Subject) is { } region)
            {
                arena.RenameRegion(region.Name,
                    RepairSteps.QuarantineName(region, name => arena.FindRegion(name) is not null));
            }
        }

        return [.. arena.AttachReport.Reasons.Select(reason => reason.ToString())];
    }
}
