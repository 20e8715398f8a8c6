namespace GuestMemFs.Cli.Facts;

/// <summary>The codes of what the tool itself finds, beside the library's.</summary>
internal static class FindingCodes
{
    /// <summary>The arena holds nothing: it was made anew, or never filled.</summary>
    public const string Cold = "GMF7001";

    /// <summary>The same name has an arena on another medium.</summary>
    public const string Elsewhere = "GMF7002";

    /// <summary>What is there will not survive what comes next.</summary>
    public const string Volatile = "GMF7003";

    /// <summary>The medium is nearly full.</summary>
    public const string MediumNearlyFull = "GMF7004";

    /// <summary>The metadata is nearly full.</summary>
    public const string MetadataNearlyFull = "GMF7005";

    /// <summary>A heap is nearly full.</summary>
    public const string HeapNearlyFull = "GMF7006";

    /// <summary>Pages are small.</summary>
    public const string SmallPages = "GMF7007";

    /// <summary>A better medium is here.</summary>
    public const string BetterMedium = "GMF7008";

    /// <summary>A restore was interrupted.</summary>
    public const string HalfRestored = "GMF7011";

    /// <summary>Much of a heap is free within slabs.</summary>
    public const string HeapScattered = "GMF7012";

    /// <summary>On which NUMA nodes a region lies.</summary>
    public const string NumaPlacement = "GMF7013";
}
