namespace KvStore.Rdb;

/// <summary>A dump's bytes are not what they have to be.</summary>
internal sealed class RdbFormatException(string message) : Exception(message)
{
    /// <summary>True where the bytes are right, and an element is longer than what the store takes.</summary>
    public bool IsTooLong { get; init; }

    /// <summary>Throws where an element has more bytes than the store takes.</summary>
    public static void ThrowIfLonger(ReadOnlySpan<byte> element, int most)
    {
        if (element.Length > most)
        {
            throw new RdbFormatException("An element is too long.") { IsTooLong = true };
        }
    }
}
