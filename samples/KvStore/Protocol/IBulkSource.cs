namespace KvStore.Protocol;

/// <summary>Gives the bytes of a bulk string that is too long, or too scattered, for one span.</summary>
internal interface IBulkSource
{
    /// <summary>Fills a span with what comes next.</summary>
    void Read(Span<byte> to);
}
