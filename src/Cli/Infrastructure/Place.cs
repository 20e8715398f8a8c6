namespace GuestMemFs.Cli.Infrastructure;

/// <summary>Which arena is meant: its directory, and how it was named.</summary>
internal sealed record Place(string Directory)
{
    /// <summary>The environment variable that stands for <c>--arena</c>.</summary>
    public const string Variable = "GMFS_ARENA";

    /// <summary>The directory that was named, the variable's, or the one where an arena of the name lies on this machine's media.</summary>
    public static Place Find(string? directory, string? name)
    {
        if (Named(directory, name) is { } named)
        {
            return named;
        }

        string wanted = name ?? "default";
        IReadOnlyList<MediumCandidate> candidates = MediumCandidates.Enumerate(wanted);
        return candidates.FirstOrDefault(c => c.IsUsable && c.HasFiles) is { } found
            ? new Place(found.Directory)
            : throw new GmfsException(
                ExitCode.NotFound,
                $"No arena was named (--arena DIR, or the variable {Variable}), and none called '{wanted}' lies on this machine's media: {string.Join(", ", candidates.Where(c => c.IsUsable).Select(c => c.Directory))}.",
                ReasonCodes.ArenaNotFound);
    }

    /// <summary>The place that was named by its directory; null where none was.</summary>
    public static Place? Named(string? directory, string? name) =>
        directory is not null ? new Place(Path.GetFullPath(directory))
        : name is null && Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } variable ? new Place(Path.GetFullPath(variable))
        : null;

    /// <summary>The medium, for looking.</summary>
    public Medium OpenMedium()
    {
        RequireDirectory();
        return Medium.ForDirectory(Directory, writable: false);
    }

    /// <summary>The arena, for looking: beside a writer or not.</summary>
    public PersistentArena OpenReader() => Open(ArenaAccess.ReadOnly);

    /// <summary>The arena, as its one writer. Recovers it, where its last writer did not close it.</summary>
    public PersistentArena OpenWriter() => Open(ArenaAccess.ReadWrite);

    private PersistentArena Open(ArenaAccess access)
    {
        RequireDirectory();
        return PersistentArena.Open(new ArenaOptions { Directory = Directory, Access = access });
    }

    private void RequireDirectory()
    {
        if (!System.IO.Directory.Exists(Directory))
        {
            throw new GmfsException(ExitCode.NotFound, $"There is no directory '{Directory}'.", ReasonCodes.ArenaNotFound);
        }
    }
}
