using GuestMemFs;

namespace KvStore.Engine;

/// <summary>How large a new store is where nobody said it.</summary>
internal static class StoreSize
{
    /// <summary>
    /// A medium with less room is passed over, where another is there. A container's <c>/dev/shm</c> of 64 MiB is
    /// taken.
    /// </summary>
    public const long Least = 32L << 20;

    private const long Most = 4L << 30;
    private const long Smallest = 4L << 20;

    /// <summary>
    /// What medium, machine and control group have, less an eighth for the process itself (its heap, buffers for
    /// clients, the next start), and at most 4 GiB.
    /// </summary>
    public static long For(ArenaSpace space)
    {
        long size = Math.Clamp(space.Free - (space.Free / 8), Smallest, Most);
        return size / RegionOptions.MinimumLength * RegionOptions.MinimumLength;
    }
}
