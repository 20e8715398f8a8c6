namespace KvStore.HandOver;

/// <summary>A hand-over was not completed; the message says why.</summary>
/// <param name="message">Why.</param>
/// <param name="isClosed">True where the other side is gone, and did not say why.</param>
internal sealed class HandOverException(string message, bool isClosed = false) : Exception(message)
{
    /// <summary>True where the other side may have died.</summary>
    public bool IsClosed { get; } = isClosed;
}
