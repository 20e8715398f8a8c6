namespace GuestMemFs;

/// <summary>
/// What is done about an arena whose writers end early, one after the other: what lies in it may be what makes them
/// crash, and the same attach would only end the same way.
/// </summary>
public sealed record CrashLoopPolicy
{
    /// <summary>The smallest <see cref="Limit"/>: the first of a row may have lived for long.</summary>
    public const int MinimumLimit = 2;

    /// <summary>After how many early ends in a row something is done. 5 unless told otherwise.</summary>
    public int Limit { get; init; } = 5;

    /// <summary>What is done then. It is only told, unless told otherwise.</summary>
    public CrashLoopAction Action { get; init; }

    /// <summary>
    /// How long a writer has to live not to count, without closing the arena: a minute unless told otherwise.
    /// </summary>
    public TimeSpan EarlyWithin { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>False where it cannot be.</summary>
    internal bool IsPossible => Limit >= MinimumLimit && EarlyWithin > TimeSpan.Zero && Enum.IsDefined(Action);
}

/// <summary>What is done about a crash loop.</summary>
public enum CrashLoopAction
{
    /// <summary>The attach report says so (GMF5022), and the arena is opened as it is.</summary>
    Report,

    /// <summary>
    /// The files are moved into a directory beside them (<c>aside-ID-EPOCH</c>), never deleted, and a new arena is made
    /// (GMF5023). Needs <see cref="PersistentArena.OpenOrCreate"/>, and a medium with directories.
    /// </summary>
    SetAside,

    /// <summary>The arena is opened read-only (GMF5024): what is in it can be read, and nothing changes it.</summary>
    OpenReadOnly,
}
