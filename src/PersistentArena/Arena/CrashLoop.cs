using System.Globalization;

namespace GuestMemFs.Arena;

/// <summary>Does about a crash loop what the policy says, before the arena is touched.</summary>
internal static class CrashLoop
{
    /// <summary>What begins the name of a directory of files that were set aside.</summary>
    public const string Aside = "aside-";

    /// <summary>What is to be done about an arena, whose lock is held.</summary>
    public static CrashLoopAction Judge(
        MetadataFile metadata, string location, CrashLoopPolicy policy, List<AttachReason> reasons)
    {
        if (policy.Action == CrashLoopAction.Report)
        {
            return CrashLoopAction.Report; // The report says it after the attach.
        }

        Format.MetadataLayout layout = metadata.ReadSuperblock(location, writable: false, []);
        int early = EarlyEnds.Of(layout);
        if (early < policy.Limit)
        {
            return CrashLoopAction.Report;
        }

        if (policy.Action == CrashLoopAction.OpenReadOnly)
        {
            reasons.Add(new(
                ReasonCodes.CrashLoopReadOnly,
                $"{EarlyEnds.Text(early)}, so it was opened read-only. Look at it (gmfs check --deep), " +
                "then open it with CrashLoopAction.Report."));
        }

        return policy.Action;
    }

    /// <summary>Moves the arena's files away, the metadata last: killed on the way, the next open continues.</summary>
    public static void SetAside(Medium medium, MetadataFile metadata, bool mayCreate, List<AttachReason> reasons)
    {
        Format.MetadataLayout layout = metadata.ReadSuperblock(medium.Location, writable: false, []);
        int early = EarlyEnds.Of(layout);
        if (!mayCreate)
        {
            throw new ArenaCrashLoopException(
                medium.Location, early, "is to be opened and not made anew, so it is not set aside");
        }

        Guid id = layout.Superblock.ArenaId;
        long granularity = (long)layout.Superblock.Granularity;
        var files = new ExtentFiles(medium, id, granularity, writable: false);
        string[] names = [.. files.Scan().Values.SelectMany(found => found).Where(name => name != metadata.File.Name)];
        uint epoch = EpochOf(layout);
        string directory = string.Create(CultureInfo.InvariantCulture, $"{Aside}{id:N}-{epoch}");
        if (!medium.TryMoveInto(directory, [.. names, metadata.File.Name]))
        {
            throw new ArenaCrashLoopException(medium.Location, early, "has no directories, so it cannot be set aside");
        }

        string moved = string.Create(CultureInfo.InvariantCulture, $"Its {names.Length + 1} files (arena {id})");
        reasons.Add(new(
            ReasonCodes.CrashLoopSetAside,
            $"{EarlyEnds.Text(early)}. {moved} were moved into '{directory}', and a new arena was made."));
    }

    private static unsafe uint EpochOf(Format.MetadataLayout layout) =>
        Format.SealedWord.TryOpen(*layout.Epoch, layout.Seed(Format.WordKind.Epoch), out uint epoch) ? epoch : 0;
}
