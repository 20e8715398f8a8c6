namespace GuestMemFs.Media;

/// <summary>Memory that a machine or a control group allows, in bytes.</summary>
/// <param name="Limit">All of it.</param>
/// <param name="Available">What can still be had.</param>
internal readonly record struct MemoryRoom(long Limit, long Available)
{
    private const long LeastShare = 4L << 20;
    private const long LargestShare = 256L << 20;

    /// <summary>No limit.</summary>
    public static MemoryRoom Unlimited => new(long.MaxValue, long.MaxValue);

    /// <summary>
    /// What arenas may take of it: an eighth of the limit, from 4 to 256 MiB, is left to the process itself. Its
    /// heap, its buffers, what its compiler takes and its next start come out of the same limit, and beyond that the
    /// kernel ends it: a sixteenth of 256 MiB was too little for a .NET process on a busy machine.
    /// </summary>
    public long ForArenas => Math.Max(0, Available - Math.Clamp(Limit / 8, LeastShare, LargestShare));
}
