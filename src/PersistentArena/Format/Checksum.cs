using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GuestMemFs.Format;

/// <summary>CRC32C (Castagnoli) as it stands on the medium: started with a seed, no final inversion.</summary>
internal static class Checksum
{
    /// <summary>The seed where nothing else is said.</summary>
    public const uint Start = 0xFFFF_FFFF;

    /// <summary>The checksum of the bytes, continued from <paramref name="seed"/>.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes, uint seed = Start)
    {
        uint crc = seed;
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (ulong word in words)
        {
            crc = BitOperations.Crc32C(crc, word);
        }

        foreach (byte b in bytes[(words.Length * sizeof(ulong))..])
        {
            crc = BitOperations.Crc32C(crc, b);
        }

        return crc;
    }

    /// <summary>The checksum of one 64-bit number, continued from <paramref name="seed"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Of(ulong value, uint seed = Start) => BitOperations.Crc32C(seed, value);

    /// <summary>The checksum of an id, for use as a seed: what is sealed with it fits no other arena.</summary>
    public static uint Of(Guid id, uint seed = Start)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes);
        return Of(bytes, seed);
    }
}
