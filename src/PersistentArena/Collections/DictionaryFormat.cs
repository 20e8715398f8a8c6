using System.Numerics;

namespace GuestMemFs.Collections;

/// <summary>The dictionary's root object (docs/format.md).</summary>
internal static class DictionaryFormat
{
    /// <summary>Layout hash of the root: changes when another layout needs another library.</summary>
    public const ulong Layout = 0x0001_5443_4944_4D47;

    public const int CurrentOffset = 8;
    public const int GarbageOffset = 16;
    public const int Seed0Offset = 24;
    public const int Seed1Offset = 32;

    /// <summary>A checksum of the hash's key: with another one no key would be found.</summary>
    public const int SeedCheckOffset = 40;
    public const int Size = 64;

    public static ulong SeedCheck(ulong seed0, ulong seed1) => BitOperations.Crc32C(BitOperations.Crc32C(0x5345_4544, seed0), seed1) | (1UL << 32);
}
