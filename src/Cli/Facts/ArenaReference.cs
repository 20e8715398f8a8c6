using GuestMemFs.Cli.Terminal;
using GuestMemFs.Holding;
using GuestMemFs.LiveUpdate;

namespace GuestMemFs.Cli.Facts;

/// <summary>Which arena is meant: in a directory, or in memory that a holder has under a name.</summary>
internal sealed record ArenaReference
{
    /// <summary>The environment variable that stands for <c>--arena</c>.</summary>
    public const string Variable = "GMFS_ARENA";

    private const string DefaultName = "default";
    private readonly string? _holder;
    private readonly string _where; // the directory, or the name at the holder

    private ArenaReference(string? holder, string where)
    {
        _holder = holder;
        _where = where;
    }

    /// <summary>Whose holder it may be.</summary>
    public PathTrust Trust { get; init; } = PathTrust.Own;

    /// <summary>For people: the directory, or the name and its holder.</summary>
    public string Text => _holder is null ? _where : $"{_where} at {_holder}";

    /// <summary>
    /// The arena of that name at the holder, in the directory that was named or the variable's, or where one of the
    /// name lies on this machine's media.
    /// </summary>
    public static ArenaReference Find(string? directory, string? name, string? holder)
    {
        if (Named(directory, name, holder) is { } named)
        {
            return named;
        }

        string wanted = name ?? DefaultName;
        IReadOnlyList<MediumCandidate> candidates = MediumCandidates.Enumerate(wanted);
        string looked = string.Join(", ", candidates.Where(c => c.IsUsable).Select(c => c.Directory));
        return candidates.FirstOrDefault(c => c.IsUsable && c.HasFiles) is { } found
            ? new ArenaReference(null, found.Directory)
            : throw new GmfsException(
                ExitCode.NotFound,
                $"No arena was named (--arena DIR, or the variable {Variable}), and none called '{wanted}' lies on " +
                $"this machine's media: {looked}.",
                ReasonCodes.ArenaNotFound);
    }

    /// <summary>The place that was named by its directory or its holder; null where none was.</summary>
    public static ArenaReference? Named(string? directory, string? name, string? holder) => (directory, holder) switch
    {
        ({ } both, { } with) => throw new GmfsException(ExitCode.Usage,
            $"An arena is in a directory (--arena {both}) or in the memory of a holder (--holder {with}), " +
            "not in both."),
        ({ } one, null) => new ArenaReference(null, Path.GetFullPath(one)),
        (null, { } one) => new ArenaReference(one, name ?? DefaultName),
        _ => name is null && Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } variable
            ? new ArenaReference(null, Path.GetFullPath(variable)) : null,
    };

    /// <summary>The arena, for looking: damaged or not, beside a writer or not.</summary>
    public ArenaInspection Inspect() =>
        _holder is null ? ArenaInspection.Open(Existing(), Trust) : ArenaInspection.Open(OpenHeld(), ownsMedium: true);

    /// <summary>The arena, for looking: beside a writer or not.</summary>
    public PersistentArena OpenReader() => PersistentArena.Open(Options(ArenaAccess.ReadOnly, Existing));

    /// <summary>The arena, as its one writer. Recovers it, where its last writer did not close it.</summary>
    public PersistentArena OpenWriter() => PersistentArena.Open(Options(ArenaAccess.ReadWrite, Existing));

    /// <summary>A new arena.</summary>
    /// <param name="metadataSize">Bytes.</param>
    public PersistentArena Create(long metadataSize)
    {
        ArenaOptions options = Options(ArenaAccess.ReadWrite, () => _where);
        options.MetadataSize = metadataSize;
        return PersistentArena.Create(options);
    }

    /// <summary>What carries plans out that are in it.</summary>
    public LiveUpdater OpenUpdater(IProgress<LiveUpdateProgress>? progress) => _holder is null
        ? new LiveUpdater(_where, progress) { Trust = Trust }
        : new LiveUpdater(_holder, _where, progress) { Trust = Trust };

    private ArenaOptions Options(ArenaAccess access, Func<string> directory) => _holder is null
        ? new ArenaOptions { Directory = directory(), Access = access, Trust = Trust }
        : new ArenaOptions { Medium = OpenHeld(), OwnsMedium = true, Access = access };

    private Medium OpenHeld() => Medium.FromHolder(Holders.Open(_holder!, _where, Trust));

    private string Existing() => System.IO.Directory.Exists(_where)
        ? _where
        : throw new GmfsException(ExitCode.NotFound, $"There is no directory '{_where}'.", ReasonCodes.ArenaNotFound);
}
