namespace KvStore.Engine;

/// <summary>A clock that stands still: by it a snapshot's keys expire, or not, as they did at its instant.</summary>
internal sealed class StandingClock(DateTimeOffset at) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => at;
}
