using GuestMemFs.Format;
using GuestMemFs.Journal;
using GuestMemFs.Arena;

namespace GuestMemFs.Inspection;

/// <summary>Tells what the files are that lie where an arena lies, beside what its journal names.</summary>
internal sealed class FileSurveyor
{
    private readonly Medium _medium;
    private readonly MetadataImage _image;
    private readonly string _metadata;
    private readonly MetadataTables _tables;
    private readonly Dictionary<ulong, string> _seen = [];
    private HashSet<Guid> _neighbours = [];

    private FileSurveyor(Medium medium, MetadataImage image, string metadata)
    {
        _medium = medium;
        _image = image;
        _metadata = metadata;
        _tables = image.Journal!.Tables;
    }

    private readonly record struct Found(string Name, long Length, ExtentIdentity? Identity, ExtentMark Mark);

    /// <summary>Looks at all files: maps each for a moment.</summary>
    /// <param name="medium">Where.</param>
    /// <param name="image">The arena's metadata, which reads.</param>
    /// <param name="metadata">The name of its file.</param>
    /// <param name="hasWriter">What is not committed may be in the making.</param>
    public static IReadOnlyList<ArenaFileSnapshot> Take(
        Medium medium, MetadataImage image, string metadata, bool hasWriter) =>
        new FileSurveyor(medium, image, metadata).Take(hasWriter);

    private List<ArenaFileSnapshot> Take(bool hasWriter)
    {
        Found[] all = [.. _medium.ListFiles().Select(Look).OfType<Found>()];
        _neighbours =
        [
            .. all.Select(file => file.Identity).OfType<ExtentIdentity>()
                .Where(id => id.ExtentId == ExtentIdentity.MetadataId && id.ArenaId != _image.Superblock.ArenaId)
                .Select(id => id.ArenaId),
        ];

        // Those under their own names first: the other one of two that say the same is the one too many.
        var files = new List<ArenaFileSnapshot>(all.Length);
        IEnumerable<Found> ordered = all
            .OrderByDescending(file => IsOwnName(file.Name))
            .ThenBy(file => file.Name, StringComparer.Ordinal);
        foreach (Found file in ordered)
        {
            ArenaFileSnapshot facts = Classify(file);
            bool making = hasWriter && facts.Role is (ArenaFileRole.Uncommitted or ArenaFileRole.Unclaimed
                or ArenaFileRole.Unknown);
            files.Add(making ? facts : Judge(facts));
        }

        return files;
    }

    private Found? Look(string name)
    {
        using MediumFile? file = _medium.TryOpenFile(name, writable: false);
        long alignment = _medium.Capabilities.Alignment;
        ExtentMark mark = default;
        return file is null
            ? null
            : new Found(name, file.Length, ExtentFiles.Identify(file, _image.Granularity, alignment, out mark), mark);
    }

    private bool IsOwnName(string name) =>
        ExtentFiles.TryParseName(name, out ulong id) && _tables.FindExtent(id) is not null;

    private ArenaFileSnapshot Classify(Found file) => new()
    {
        Name = file.Name,
        LengthBytes = file.Length,
        Role = RoleOf(file, out string? copyOf),
        CopyOf = copyOf,
        Identity = file.Identity is { } id
            ? new ArenaFileIdentity(id.ArenaId, id.ExtentId, id.Nonce, id.FileLength)
            : null,
    };

    private ArenaFileRole RoleOf(Found file, out string? copyOf)
    {
        copyOf = null;
        if (file.Name == _metadata)
        {
            return ArenaFileRole.Metadata;
        }

        if (file.Identity is { } identity)
        {
            if (identity.ArenaId != _image.Superblock.ArenaId)
            {
                return _neighbours.Contains(identity.ArenaId) ? ArenaFileRole.Neighbour : ArenaFileRole.Foreign;
            }

            if (identity.ExtentId == ExtentIdentity.MetadataId)
            {
                return ArenaFileRole.MetadataCopy;
            }

            if (_tables.FindExtent(identity.ExtentId) is { } extent && extent.Nonce == identity.Nonce)
            {
                if (_seen.TryAdd(identity.ExtentId, file.Name))
                {
                    return ArenaFileRole.Extent;
                }

                copyOf = _seen[identity.ExtentId];
                return ArenaFileRole.ExtentCopy;
            }
        }

        // A damaged identity under the name of an extent that is missed belongs to its region, whose check says so.
        return IsOwnName(file.Name) ? ArenaFileRole.DamagedExtent
            : file.Identity is null ? ArenaFileRole.Unknown
            : file.Mark.IsUncommitted ? ArenaFileRole.Uncommitted
            : ArenaFileRole.Unclaimed;
    }

    private static ArenaFileSnapshot Judge(ArenaFileSnapshot file)
    {
        (string? code, string? objection) = file.Role switch
        {
            ArenaFileRole.ExtentCopy =>
                (ReasonCodes.ExtentDuplicated, $"The file says that it is the same extent as {file.CopyOf}."),
            ArenaFileRole.MetadataCopy =>
                (ReasonCodes.StrayFile,
                    "The file is a copy of the arena's metadata; after a kexec it could be taken for it."),
            ArenaFileRole.Foreign =>
                (ReasonCodes.ForeignFilesIgnored,
                    $"The file is arena {file.Identity?.ArenaId}'s, whose metadata is not here."),
            ArenaFileRole.Uncommitted =>
                (ReasonCodes.StrayFile, "The file was made for a region whose creation was never committed."),
            ArenaFileRole.Unclaimed =>
                (ReasonCodes.FilesSetAside,
                    "The file may hold data of a region that the metadata does not know: the metadata may be an " +
                    "older copy."),
            ArenaFileRole.Unknown =>
                (ReasonCodes.StrayFile, "The file is no extent of any arena, and no region misses it."),
            _ => ((string?)null, (string?)null),
        };
        return file with { ReasonCode = code, Objection = objection };
    }
}
