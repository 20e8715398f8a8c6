using System.CommandLine;
using GuestMemFs.Cli.Infrastructure;
using GuestMemFs.Cli.Reports;
using GuestMemFs.Regions;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs list</c>.</summary>
internal static class ListCommand
{
    public static Command Create(Globals globals)
    {
        var arenas = new Option<bool>("--arenas") { Description = "List the arenas in the default places of this machine's media instead of one arena's regions." };
        var command = new Command("list", "The regions of the arena, with what they hold.") { arenas };
        command.Aliases.Add("ls");
        return globals.Runs(command, call => call.Value(arenas) ? Arenas() : Regions(call.Place));
    }

    private static ListReport Regions(Place place)
    {
        using PersistentArena arena = place.OpenReader();
        return new ListReport(place.Text, arena.Id, [.. arena.ListRegions().Select(region => RegionLine.Of(arena, region))]);
    }

    private static ArenasReport Arenas()
    {
        var found = new List<ArenaLine>();
        foreach (MediumCandidate candidate in MediumCandidates.Enumerate())
        {
            // MOUNT/guestmemfs-UID/NAME, or the mount itself where the medium has no directories.
            string? parent = candidate.Directory == candidate.MountPoint ? null : Path.GetDirectoryName(candidate.Directory);
            IEnumerable<string> directories = parent is null ? [candidate.Directory] : Directory.Exists(parent) ? Directory.EnumerateDirectories(parent).Order(StringComparer.Ordinal) : [];
            found.AddRange(directories.Select(directory => Look(directory, candidate.Kind)).OfType<ArenaLine>());
        }

        return new ArenasReport(found);
    }

    private static ArenaLine? Look(string directory, string kind)
    {
        string name = Path.GetFileName(directory);
        try
        {
            using Medium medium = Medium.ForDirectory(directory, writable: false);
            return MetadataInspection.Take(medium) is { } it
                ? new ArenaLine(
                    name, directory, medium.Name, it.Superblock.ArenaId, it.Journal?.Tables.RegionCount, it.Journal?.Tables.Regions.Sum(r => r.Entry.Length),
                    WriterFacts.State(it), it.Refusal?.ReasonCode)
                : null;
        }
        catch (Exception e) when (e is ArenaException or MediumException)
        {
            return new ArenaLine(name, directory, kind, null, null, null, "cannot be read", (e as ArenaException)?.ReasonCode ?? ReasonCodes.MediumFailed);
        }
    }
}
