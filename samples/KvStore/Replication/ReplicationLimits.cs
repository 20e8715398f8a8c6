namespace KvStore.Replication;

/// <summary>What a replica may leave unread, and for how long.</summary>
internal sealed record ReplicationLimits
{
    /// <summary>Unread bytes after which it is closed; 0: however many.</summary>
    public long Hard { get; init; } = 256L << 20;

    /// <summary>Unread bytes after which it is closed where it leaves so many for <see cref="SoftSeconds"/>.</summary>
    public long Soft { get; init; } = 64L << 20;

    public long SoftSeconds { get; init; } = 60;

    public override string ToString() => $"replica {Hard} {Soft} {SoftSeconds}";
}
