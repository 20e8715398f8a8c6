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
        List<Stray> strays = Strays(medium, it, out files);
        return strays.Select(stray => stray.Reason == ReasonCodes.ExtentDuplicated
            ? Finding.Error(stray.Reason, stray.Name, stray.What)
            : Finding.Warning(stray.Reason, stray.Name, stray.What));
    }

    /// <summary>Files that could be taken away without a region missing them. Beside a living writer only what is certainly not in the making.</summary>
    public static List<Stray> Strays(Medium medium, MetadataInspection it, out int files)
    {
        var strays = new List<Stray>();
        MetadataTables tables = it.Journal!.Tables;
        IReadOnlyList<string> names = medium.ListFiles();
        files = names.Count;
        var seen = new Dictionary<ulong, string>();

        // Those under their own names first: the other one of two that say the same is the one too many.
        foreach (string name in names.OrderByDescending(name => IsOwnName(name, tables)).ThenBy(name => name, StringComparer.Ordinal))
        {
            if (name == it.FileName)
            {
                continue;
            }

            using MediumFile? file = medium.TryOpenFile(name, writable: false);
            if (file is not null && Classify(file, medium, it, tables, seen) is { } stray)
            {
                strays.Add(stray);
            }
        }

        return strays;
    }

    private static bool IsOwnName(string name, MetadataTables tables) => ExtentFiles.TryParseName(name, out ulong id) && tables.FindExtent(id) is not null;

    private static Stray? Classify(MediumFile file, Medium medium, MetadataInspection it, MetadataTables tables, Dictionary<ulong, string> seen)
    {
        ExtentIdentity? found = ExtentFiles.Identify(file, (long)it.Superblock.Granularity, medium.Capabilities.PageSize);
        if (found is { } identity)
        {
            if (identity.ArenaId != it.Superblock.ArenaId)
            {
                return new Stray(file.Name, ReasonCodes.ForeignFilesIgnored, $"The file is arena {identity.ArenaId}'s, not this one's.");
            }

            if (tables.FindExtent(identity.ExtentId) is { } extent && extent.Nonce == identity.Nonce)
            {
                return seen.TryAdd(identity.ExtentId, file.Name)
                    ? null
                    : new Stray(file.Name, ReasonCodes.ExtentDuplicated, $"The file says that it is the same extent as {seen[identity.ExtentId]}.", Certain: seen[identity.ExtentId] == ExtentFiles.NameOf(identity.ExtentId));
            }
        }

        if (it.HasLiveWriter)
        {
            return null; // The writer may be making it this moment.
        }

        // A damaged identity under the name of an extent that is missed belongs to its region: the region's check says so, and it stays where it is.
        return IsOwnName(file.Name, tables) ? null
            : new Stray(file.Name, Finding.StrayFile, found is null ? "The file is no extent of any arena, and no region misses it." : "The file was made for a region whose creation was never committed.");
    }
}
