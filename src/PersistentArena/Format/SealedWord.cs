namespace GuestMemFs.Format;

/// <summary>
/// A 32-bit value and its checksum in one 8-byte word: it changes with one store, and stale or flipped bits do not pass
/// for a value. The value is the lower half; the upper half is CRC32C of it, seeded with what the word belongs to.
/// </summary>
internal static class SealedWord
{
    /// <summary>The word that carries a value.</summary>
    public static ulong Seal(uint value, uint seed) => value | ((ulong)Checksum.Of(value, seed) << 32);

    /// <summary>The value, where the word is intact.</summary>
    public static bool TryOpen(ulong word, uint seed, out uint value)
    {
        value = (uint)word;
        return (uint)(word >> 32) == Checksum.Of(value, seed);
    }
}
