namespace GuestMemFs.Media;

/// <summary>The choice of a medium where nobody named one.</summary>
internal static class DefaultMedium
{
    /// <summary>Where there are files of the name already, there; else the best that has the room.</summary>
    public static Medium Open(string name, long bytesWanted)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytesWanted);
        return Open(MediumCandidates.Enumerate(name), name, bytesWanted);
    }

    /// <summary>The same with a given list, best first.</summary>
    public static Medium Open(IReadOnlyList<MediumCandidate> candidates, string name, long bytesWanted)
    {
        // What is there decides, not what would be best today: otherwise an arena that fills its own medium would be
        // lost at the next start.
        MediumCandidate chosen = candidates.FirstOrDefault(c => c.IsUsable && c.HasFiles)
            ?? candidates.FirstOrDefault(c => c.IsUsable && HasRoom(c, bytesWanted))
            ?? throw new MediumException(MediumErrorKind.NoSpace, "choose", name, 0,
                $"No medium here takes {Words.OfBytes(bytesWanted)} for '{name}'. Make one " +
                "(docs/media.md), or name a " +
                $"directory. Looked at: {List(candidates, bytesWanted)}");
        Medium medium = MediumDetector.For(Make(chosen));
        medium.Reason = Explain(chosen, candidates, bytesWanted);
        medium.Warning = Taken(chosen, candidates) is { Count: > 0 } taken
            ? $"A better place is another user's to change, and was not taken: {List(taken, bytesWanted)}. "
                + $"The arena is in {medium.Location} instead. Remove what is in its place, or name a directory."
            : null;
        return medium;
    }

    private static MediumDirectory Make(MediumCandidate candidate)
    {
        if (candidate.Directory == candidate.MountPoint)
        {
            return MediumDirectory.Open(candidate.Directory, create: false, PathTrust.Own);
        }

        if (!Directory.Exists(candidate.MountPoint))
        {
            // Only the state directory can be missing; the specification of XDG wants it 0700.
            MakeState(candidate.MountPoint);
        }

        return OwnDirectory.Make(candidate.Directory);
    }

    private static void MakeState(string path)
    {
        if (!Directory.Exists(path))
        {
            MakeState(Path.GetDirectoryName(path)!);
            MediumDirectory.Open(path, create: true, PathTrust.Own).Dispose();
        }
    }

    private static bool HasRoom(MediumCandidate candidate, long bytesWanted)
    {
        // Metadata, and the rounding of the last extent.
        const long metadata = 16L << 20;
        long needed = bytesWanted + Math.Max(metadata, 2 * candidate.Capabilities!.FileGranularity);
        return (candidate.Space!.Value.Free ?? candidate.Space.Value.Total) >= needed;
    }

    private static string Explain(MediumCandidate chosen, IReadOnlyList<MediumCandidate> candidates, long bytesWanted)
    {
        string why = chosen.HasFiles ? "it holds this arena already"
            : Taken(chosen, candidates).Count > 0 ? "better ones are another user's to change"
            : "it is the best that is here and has the room";
        MediumCandidate[] better = [.. candidates.TakeWhile(c => c != chosen).Where(c => c.IsUsable)];
        string passed = better.Length == 0 ? string.Empty : $" Ranked above it: {List(better, bytesWanted)}.";
        return $"{chosen}. Taken because {why}.{passed}";
    }

    // Those that would have been ranked above it.
    private static List<MediumCandidate> Taken(MediumCandidate chosen, IReadOnlyList<MediumCandidate> candidates) =>
    [
        .. candidates.Where(c => c.IsTaken)
            .Where(c => MediumCandidates.Rank([chosen, c with { Objection = null }])[0].Directory == c.Directory),
    ];

    private static string List(IEnumerable<MediumCandidate> candidates, long bytesWanted) =>
        string.Join("; ", candidates.Select(c =>
            c.ToString() + (c.IsUsable && !HasRoom(c, bytesWanted) ? " (too little)" : string.Empty)));
}
