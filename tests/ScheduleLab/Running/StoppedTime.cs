namespace GuestMemFs.ScheduleLab.Running;

/// <summary>A clock that stands still.</summary>
internal sealed class StoppedTime : TimeProvider
{
    public static StoppedTime Instance { get; } = new();

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(Scenario.Now);
}
