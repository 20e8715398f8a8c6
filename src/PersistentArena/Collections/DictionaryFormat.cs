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
    public const int Size = 64;
}
