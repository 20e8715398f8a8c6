namespace GuestMemFs.Heap;

/// <summary>
/// A clock that stands still: in a snapshot, what had expired at its instant has, and nothing else does.
/// </summary>
/// <param name="now">The instant.</param>
internal sealed class StoppedClock(DateTimeOffset now) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => now;
}
