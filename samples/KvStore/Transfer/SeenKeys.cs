using System.Buffers.Binary;
using System.Security.Cryptography;

namespace KvStore.Transfer;

/// <summary>Which keys there were, by 16 bytes of their hash each: a client cannot make two that are one.</summary>
internal sealed class SeenKeys
{
    private readonly HashSet<UInt128> _hashes = [];

    /// <summary>True where there was none of the kind.</summary>
    public bool TryAdd(byte[] key) =>
        _hashes.Add(BinaryPrimitives.ReadUInt128LittleEndian(SHA256.HashData(key)));
}
