using GuestMemFs.Cli.Infrastructure;
using GuestMemFs.Format;
using GuestMemFs.Journal;
using GuestMemFs.Regions;

namespace GuestMemFs.Cli.Checking;

/// <summary>What lies in the arena's directory beside what its journal names.</summary>
internal static class FileCheck
{
    /// <summary>A file that no region owns, and what its bytes say it is.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Reason">The code.</param>
    /// <param name="What">In a sentence.</param>
    /// <param name="Certain">True where taking it away cannot be a mistake.</param>
    internal readonly record struct Stray(string Name, string Reason, string What, bool Certain = true);

    public static IEnumerable<Finding> Findings(Medium medium, MetadataInspection it, out int files)
    {
        List<Stray> strays = Strays(medium, it, out files, out Guid[] neighbours);
        return
        [
            .. strays.Select(stray => stray.Reason == ReasonCodes.ExtentDuplicated ? Finding.Error(stray.Reason, stray.Name, stray.What) : Finding.Warning(stray.Reason, stray.Name, stray.What)),
            .. neighbours.Select(id => new Finding(Severity.Note, ReasonCodes.ForeignFilesIgnored, medium.Location, $"Arena {id} lies in this directory too; its files are its own.", null)),
        ];
    }

    /// <summary>Files that could be taken away without a region missing them. Beside a living writer only what is certainly not in the making.</summary>
    /// <param name="medium">Where.</param>
    /// <param name="it">The arena.</param>
    /// <param name="files">How many files there are.</param>
    /// <param name="neighbours">Other arenas whose metadata lies there too: their files are no strays.</param>
    public static List<Stray> Strays(Medium medium, MetadataInspection it, out int files, out Guid[] neighbours)
    {
        (string Name, ExtentIdentity? Identity)[] all = [.. medium.ListFiles().Where(name => name != it.FileName).Select(name => (name, Identify(medium, it, name)))];
        files = all.Length + 1;
        neighbours = [.. all.Select(file => file.Identity).OfType<ExtentIdentity>().Where(id => id.ExtentId == ExtentIdentity.MetadataId && id.ArenaId != it.Superblock.ArenaId).Select(id => id.ArenaId).Distinct()];
        var strays = new List<Stray>();
        var seen = new Dictionary<ulong, string>();
        MetadataTables tables = it.Journal!.Tables;

        // Those under their own names first: the other one of two that say the same is the one too many.
        foreach ((string name, ExtentIdentity? identity) in all.OrderByDescending(file => IsOwnName(file.Name, tables)).ThenBy(file => file.Name, StringComparer.Ordinal))
        {
            if (!neighbours.Contains(identity?.ArenaId ?? Guid.Empty) && Classify(name, identity, it, tables, seen) is { } stray)
            {
                strays.Add(stray);
            }
        }

        return strays;
    }

    private static bool IsOwnName(string name, MetadataTables tables) => ExtentFiles.TryParseName(name, out ulong id) && tables.FindExtent(id) is not null;

    private static ExtentIdentity? Identify(Medium medium, MetadataInspection it, string name)
    {
        using MediumFile? file = medium.TryOpenFile(name, writable: false);
        return file is null ? null : ExtentFiles.Identify(file, (long)it.Superblock.Granularity, medium.Capabilities.PageSize);
    }

    private static Stray? Classify(string name, ExtentIdentity? found, MetadataInspection it, MetadataTables tables, Dictionary<ulong, string> seen)
    {
        if (found is { } identity)
        {
            if (identity.ArenaId != it.Superblock.ArenaId)
            {
                return new Stray(name, ReasonCodes.ForeignFilesIgnored, $"The file is arena {identity.ArenaId}'s, whose metadata is not here.");
            }

            if (identity.ExtentId == ExtentIdentity.MetadataId)
            {
                return new Stray(name, Finding.StrayFile, "The file is a copy of the arena's metadata; after a kexec it could be taken for it.");
            }

            if (tables.FindExtent(identity.ExtentId) is { } extent && extent.Nonce == identity.Nonce)
            {
                return seen.TryAdd(identity.ExtentId, name)
                    ? null
                    : new Stray(name, ReasonCodes.ExtentDuplicated, $"The file says that it is the same extent as {seen[identity.ExtentId]}.", Certain: seen[identity.ExtentId] == ExtentFiles.NameOf(identity.ExtentId));
            }
        }

        if (it.HasLiveWriter)
        {
            return null; // The writer may be making it this moment.
        }

        // A damaged identity under the name of an extent that is missed belongs to its region: the region's check says so, and it stays where it is.
        return IsOwnName(name, tables) ? null
            : new Stray(name, Finding.StrayFile, found is null ? "The file is no extent of any arena, and no region misses it." : "The file was made for a region whose creation was never committed.");
    }
}
