namespace GuestMemFs;

/// <summary>How a dump is taken.</summary>
public sealed class DumpOptions
{
    /// <summary>Replace a file that is there. It stays until the new one is whole.</summary>
    public bool Overwrite { get; init; }

    /// <summary>
    /// How long writers of a heap may wait for a dump taken beside them; 20 milliseconds where nothing is said. It is
    /// aimed at, by what a copy took before: a machine that is busy may take longer.
    /// </summary>
    public TimeSpan MaximumPause { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>Is told how far it is. Called on the thread that takes the dump.</summary>
    public IProgress<DumpProgress>? Progress { get; init; }
}

/// <summary>How far a dump or a restore is.</summary>
/// <param name="Done">Bytes of the region that are done.</param>
/// <param name="Whole">Of how many.</param>
public readonly record struct DumpProgress(long Done, long Whole)
{
    /// <summary>The same in hundredths, rounded down.</summary>
    public int Percent => Whole == 0 ? 100 : (int)(Done * (Int128)100 / Whole);
}
