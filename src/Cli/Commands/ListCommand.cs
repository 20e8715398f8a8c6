using System.CommandLine;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Reports;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs list</c>.</summary>
internal static class ListCommand
{
    public static Command Create(Globals globals)
    {
        var arenas = new Option<bool>("--arenas") { Description = "List the arenas in the default places of this " +
            "machine's media instead of one arena's regions." };
        var command = new Command("list", "The regions of the arena, with what they hold.") { arenas };
        command.Aliases.Add("ls");
        return globals.Runs(command, call => call.Value(arenas) ? Arenas() : Regions(call.Arena));
    }

    private static ListReport Regions(ArenaReference place)
    {
        using ArenaInspection inspection = place.Inspect();
        ArenaSnapshot arena = inspection.ReadSound();
        Guid id = arena.Metadata.Superblock!.ArenaId;
        return new ListReport(place.Text, id,
            [.. arena.Regions.Select(region => RegionLine.Of(inspection, region.Info))]);
    }

    private static ArenasReport Arenas()
    {
        var found = new List<ArenaLine>();
        foreach (MediumCandidate candidate in MediumCandidates.Enumerate())
        {
            // MOUNT/guestmemfs-UID/NAME, or the mount itself where the medium has no directories.
            string? parent = candidate.Directory == candidate.MountPoint ? null
                : Path.GetDirectoryName(candidate.Directory);
            IEnumerable<string> directories = parent is null ? [candidate.Directory]
                : Directory.Exists(parent) ? Directory.EnumerateDirectories(parent).Order(StringComparer.Ordinal) : [];
            found.AddRange(directories.Select(directory => Look(directory, candidate.Kind)).OfType<ArenaLine>());
        }

        return new ArenasReport(found);
    }

    private static ArenaLine? Look(string directory, string kind)
    {
        string name = Path.GetFileName(directory);
        try
        {
            using ArenaInspection inspection = ArenaInspection.Open(directory);
            ArenaSnapshot it = inspection.Read();
            bool reads = it.Refusal is null;
            return new ArenaLine(
                name,
                directory,
                inspection.Medium.Name,
                it.Metadata.Superblock?.ArenaId,
                reads ? it.Regions.Count : null,
                reads ? it.Regions.Sum(region => region.Info.Length) : null,
                WriterFacts.State(it),
                it.Refusal?.ReasonCode);
        }
        catch (ArenaNotFoundException)
        {
            return null; // A directory of something else.
        }
        catch (Exception e) when (e is ArenaException or MediumException)
        {
            string reason = (e as ArenaException)?.ReasonCode ?? ReasonCodes.MediumFailed;
            return new ArenaLine(name, directory, kind, null, null, null, "cannot be read", reason);
        }
    }
}
