using System.Numerics;
using System.Runtime.InteropServices;

namespace GuestMemFs.Format;

/// <summary>
/// The lab's checksum, compiled in place of the library's: the same, and can be made to leave a range's last word out
/// (a checksum over the wrong range).
/// </summary>
internal static class Checksum
{
    public const uint Start = 0xFFFF_FFFF;

    /// <summary>The deliberate fault: every range is a word too short.</summary>
    [field: ThreadStatic]
    public static bool Shortened { get; set; }

    public static uint Of(ReadOnlySpan<byte> bytes, uint seed = Start)
    {
        uint crc = seed;
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (ulong word in words[..^(Shortened && words.Length > 2 ? 1 : 0)])
        {
            crc = BitOperations.Crc32C(crc, word);
        }

        foreach (byte b in bytes[(words.Length * sizeof(ulong))..])
        {
            crc = BitOperations.Crc32C(crc, b);
        }

        return crc;
    }

    public static uint Of(ulong value, uint seed = Start) => BitOperations.Crc32C(seed, value);

    public static uint Of(Guid id, uint seed = Start)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes);
        return Of(bytes, seed);
    }
}
