namespace KvStore.Scripts;

/// <summary>A function that a library registered.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">What it says of itself; null for nothing.</param>
/// <param name="Flags">Redis's words for what it may do.</param>
internal sealed record LibraryFunction(string Name, byte[]? Description, IReadOnlyList<string> Flags)
{
    /// <summary>All flags there are, in the order in which they are listed.</summary>
    public static IReadOnlyList<string> KnownFlags { get; } =
        ["no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"];

    public bool NoWrites => Flags.Contains("no-writes");

    public bool AllowsOom => Flags.Contains("allow-oom");
}
