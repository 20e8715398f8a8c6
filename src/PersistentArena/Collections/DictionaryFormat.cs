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

    /// <summary>What the dictionary was made with; 0 before there were options. The key's checksum covers it.</summary>
    public const int OptionsOffset = 48;
    public const int Size = 64;

    /// <summary>
    /// Option: each value carries a checksum. <see cref="Heap.HeapFormat.ValueChecksums"/> goes with it.
    /// </summary>
    public const ulong ValueChecksums = 1;

    /// <summary>All options that this library knows.</summary>
    public const ulong KnownOptions = ValueChecksums;

    public static ulong SeedCheck(ulong seed0, ulong seed1, ulong options)
    {
        uint crc = BitOperations.Crc32C(BitOperations.Crc32C(0x5345_4544, seed0), seed1);
        return (options == 0 ? crc : BitOperations.Crc32C(crc, options)) | (1UL << 32);
    }

    /// <summary>True where the hash's key and the options check, and this library knows the options.</summary>
    public static unsafe bool IsIntact(byte* root)
    {
        ulong options = *(ulong*)(root + OptionsOffset);
        return *(ulong*)(root + SeedCheckOffset)
                == SeedCheck(*(ulong*)(root + Seed0Offset), *(ulong*)(root + Seed1Offset), options)
            && (options & ~KnownOptions) == 0;
    }

    /// <summary>True where each value carries a checksum.</summary>
    public static unsafe bool HasValueChecksums(byte* root) =>
        (*(ulong*)(root + OptionsOffset) & ValueChecksums) != 0;
}
