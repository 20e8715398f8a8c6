namespace GuestMemFs;

/// <summary>How a region is made from a dump.</summary>
public sealed class RestoreOptions
{
    /// <summary>The region's name; the dump's where nothing is said.</summary>
    public string? Region { get; init; }

    /// <summary>Address space to keep for its growth, in bytes; as before where nothing is said.</summary>
    public long? MaximumLength { get; init; }

    /// <summary>From which NUMA nodes its memory is taken; null for where it is touched first.</summary>
    public NumaPolicy? Numa { get; init; }

    /// <summary>Who may have written the dump; root and this process's user where nothing is said.</summary>
    public PathTrust Trust { get; init; } = PathTrust.Own;

    /// <summary>Is told how far it is. Called on the thread that restores.</summary>
    public IProgress<DumpProgress>? Progress { get; init; }
}
