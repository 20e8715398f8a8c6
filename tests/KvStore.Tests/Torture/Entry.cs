namespace KvStore.Tests.Torture;

/// <summary>What a key holds, as the checker knows it.</summary>
/// <param name="Value">The value; never changed once it is here.</param>
/// <param name="Expiry">When it expires, or null.</param>
internal sealed record Entry(byte[] Value, Instant? Expiry = null);

/// <summary>
/// An instant in Unix milliseconds that is known only to lie between two others: the server took the time somewhere
/// between question and answer.
/// </summary>
internal readonly record struct Instant(long Earliest, long Latest)
{
    public static Instant Exactly(long milliseconds) => new(milliseconds, milliseconds);

    public static long Now => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    public Instant Plus(long milliseconds) => new(Earliest + milliseconds, Latest + milliseconds);

    public bool Contains(Instant other) => Earliest <= other.Earliest && other.Latest <= Latest;

    /// <summary>
    /// Whether it is after another; throws where that cannot be known (the load chooses times so far apart that it
    /// always can).
    /// </summary>
    public bool IsAfter(Instant other) =>
        Earliest > other.Latest ? true
        : Latest <= other.Earliest ? false
        : throw new InvalidOperationException($"{this} and {other} overlap: the load must not compare such times.");
}
