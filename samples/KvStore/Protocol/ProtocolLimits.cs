namespace KvStore.Protocol;

/// <summary>What a client may ask the parser to hold for it. Changed by options and CONFIG SET.</summary>
internal sealed class ProtocolLimits
{
    /// <summary>Longest single argument, in bytes.</summary>
    public long MaxBulkLength { get; set; } = 512L * 1024 * 1024;

    /// <summary>Most arguments of one command.</summary>
    public int MaxMultibulkLength { get; set; } = 1024 * 1024;

    /// <summary>Longest line: an inline command, or the line that announces a length.</summary>
    public int MaxInlineLength { get; set; } = 64 * 1024;

    /// <summary>The same two limits before AUTH, where a password is asked for: as Redis has them.</summary>
    public const int UnauthenticatedMultibulkLength = 10;

    /// <inheritdoc cref="UnauthenticatedMultibulkLength"/>
    public const int UnauthenticatedBulkLength = 16384;
}
