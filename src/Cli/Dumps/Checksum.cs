using System.Buffers.Binary;
using System.Numerics;

namespace GuestMemFs.Cli.Dumps;

/// <summary>The checksum of dumps: CRC32C as in docs/format.md, started with a seed, no final inversion.</summary>
internal static class Checksum
{
    private const uint Start = 0xFFFF_FFFF;

    /// <summary>The checksum of the bytes, continued from a seed.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes, uint seed = Start)
    {
        uint crc = seed;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }

        foreach (byte b in bytes)
        {
            crc = BitOperations.Crc32C(crc, b);
        }

        return crc;
    }

    /// <summary>The checksum of one number, continued from a seed.</summary>
    public static uint Of(ulong value, uint seed) => BitOperations.Crc32C(seed, value);
}
