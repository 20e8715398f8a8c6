using GuestMemFs.Format;
using GuestMemFs.Journal;
using GuestMemFs.Native;

namespace GuestMemFs.Arena;

/// <summary>Finds an arena's metadata file: under its name, or, after a kexec, under any.</summary>
internal static class MetadataLocator
{
    /// <summary>Finds and maps it.</summary>
    /// <param name="medium">Where.</param>
    /// <param name="writable">For writing.</param>
    /// <param name="expected">The arena that is meant, where one is.</param>
    /// <param name="findings">Told about another name.</param>
    /// <param name="unfinished">
    /// The file of a creation that was interrupted, where that is all there is; the caller's to dispose of.
    /// </param>
    /// <returns>Null where there is no arena.</returns>
    /// <exception cref="ForeignFileException">What is there is not an arena's, or another's.</exception>
    /// <exception cref="ArenaAmbiguousException">There are several, and no name or id says which.</exception>
    public static MetadataFile? Find(
        Medium medium, bool writable, Guid? expected, List<AttachReason> findings, out MetadataFile? unfinished)
    {
        unfinished = null;
        Guid? other = null;
        string? unknown = null;
        if (medium.TryOpenFile(ExtentFiles.MetadataName, writable) is { } file)
        {
            MetadataFile? mapped = MapOrClose(file, medium.Capabilities, out long length);
            switch (Look(medium, mapped, out Guid id))
            {
                case MetadataFinding.Arena when expected is null || expected == id:
                    return mapped;
                case MetadataFinding.Arena:
                    other = id;
                    break;
                case MetadataFinding.Unfinished:
                    unfinished = mapped;
                    return null;
                case null when length == 0 && !HasExtents(medium):
                    // Created, and killed before it got its length. Where there are extents, it was cut: a new arena
                    // must not take their place.
                    return null;
                case MetadataFinding.Extent:
                    break;
                default:
                    unknown = $"{ExtentFiles.MetadataName} ({length} bytes) is not an arena's metadata, or both " +
                        "copies of its superblock are lost";
                    break;
            }

            mapped?.Dispose();
        }

        if (Scan(medium, writable, expected, out string? name) is { } found)
        {
            findings.Add(new(ReasonCodes.FilesRenamed,
                $"The arena's metadata was found in the file {name}, by its identity."));
            return found;
        }

        return other is { } wrong
            ? throw new ForeignFileException(medium.Location,
                $"Arena {expected} was asked for, and arena {wrong} is there", expected, wrong)
            : unknown is null ? null : throw new ForeignFileException(medium.Location, unknown, expected);
    }

    private static MetadataFinding? Look(Medium medium, MetadataFile? mapped, out Guid id)
    {
        id = Guid.Empty;
        MetadataFinding? finding = mapped?.Look(medium.Capabilities.FreshMemoryIsZero, out id);
        return mapped is not null && finding != MetadataFinding.Unfinished && IsOlderLife(medium, mapped, finding)
            ? MetadataFinding.Unfinished : finding;
    }

    /// <summary>Refuses a place without metadata that holds files of regions: they are somebody's data.</summary>
    /// <exception cref="ArenaMetadataMissingException">There are some.</exception>
    public static void RequireNoExtents(Medium medium, Guid? expected)
    {
        var files = new List<string>();
        var arenas = new HashSet<Guid>();
        foreach (string name in medium.ListFiles().Order(StringComparer.Ordinal))
        {
            using MediumFile? file = medium.TryOpenFile(name, writable: false);
            if (file is not { Length: > 0 })
            {
                continue;
            }

            ExtentIdentity? identity = ExtentFiles.Identify(file, medium.Capabilities.FileGranularity,
                medium.Capabilities.Alignment);
            bool known = identity is { } known1 && known1.ExtentId != ExtentIdentity.MetadataId
                && (expected is null || known1.ArenaId == expected);
            if (known || (identity is null && expected is null && ExtentFiles.TryParseName(name, out _)))
            {
                files.Add(name);
                if (known)
                {
                    arenas.Add(identity!.Value.ArenaId);
                }
            }
        }

        if (files.Count > 0)
        {
            throw new ArenaMetadataMissingException(medium.Location, files, [.. arenas]);
        }
    }

    /// <summary>True where a creation under a file's lock may go on: nobody finished it meanwhile.</summary>
    public static bool IsUnfinished(Medium medium, MetadataFile metadata)
    {
        MetadataFinding finding = metadata.Look(medium.Capabilities.FreshMemoryIsZero, out _);
        return finding == MetadataFinding.Unfinished || IsOlderLife(medium, metadata, finding);
    }

    /// <summary>True where the metadata file is the only file there is.</summary>
    public static bool IsAlone(Medium medium)
    {
        foreach (string name in medium.ListFiles())
        {
            if (name != ExtentFiles.MetadataName)
            {
                return false;
            }
        }

        return true;
    }

    private static bool HasExtents(Medium medium) =>
        medium.ListFiles().Any(name => ExtentFiles.TryParseName(name, out _));

    /// <summary>
    /// On a medium that does not clear its memory, a file whose creator was killed right after its one ftruncate holds
    /// whatever was there before: noise, or a whole arena of an older life. It is told from a real one by there being
    /// no other file at all: a real arena without one has no region, and nothing to lose.
    /// </summary>
    private static bool IsOlderLife(Medium medium, MetadataFile metadata, MetadataFinding? finding)
    {
        if (medium.Capabilities.FreshMemoryIsZero || !IsAlone(medium))
        {
            return false;
        }

        if (finding != MetadataFinding.Arena)
        {
            return true;
        }

        try
        {
            MetadataLayout layout = metadata.ReadSuperblock(medium.Location, writable: false, []);
            return JournalSnapshot.Take(layout, medium.Location, out _).Tables.Extents.Count > 0;
        }
        catch (ArenaDamagedException)
        {
            return true;
        }
    }

    private static MetadataFile? Scan(Medium medium, bool writable, Guid? expected, out string? name)
    {
        name = null;
        var found = new List<(string Name, Guid ArenaId)>();
        long granularity = medium.Capabilities.FileGranularity;
        foreach (string candidate in medium.ListFiles())
        {
            using MediumFile? file = medium.TryOpenFile(candidate, writable);
            if (file is not null && ExtentFiles.Identify(file, granularity,
                medium.Capabilities.Alignment) is { ExtentId: ExtentIdentity.MetadataId } identity
                && (expected is null || expected == identity.ArenaId))
            {
                found.Add((candidate, identity.ArenaId));
            }
        }

        if (found.Count == 0)
        {
            return null;
        }

        if (found.Count > 1)
        {
            throw new ArenaAmbiguousException(medium.Location, [.. found.Select(f => f.ArenaId)]);
        }

        name = found[0].Name;
        return medium.TryOpenFile(name, writable) is { } again ? MapOrClose(again, medium.Capabilities, out _) : null;
    }

    private static MetadataFile? MapOrClose(MediumFile file, MediumCapabilities capabilities, out long length)
    {
        MetadataFile? mapped = null;
        try
        {
            length = file.Length;
            mapped = MetadataFile.TryMap(file, capabilities);
            return mapped;
        }
        finally
        {
            if (mapped is null)
            {
                file.Dispose();
            }
        }
    }
}
