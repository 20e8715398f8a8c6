using System.Buffers;

namespace GuestMemFs.Collections;

/// <summary>What collections of keys and values have in common. Thread-safe.</summary>
internal interface IByteRecords
{
    long Count { get; }

    /// <summary>Puts a value's bytes in place of what the writer has; false where there is none.</summary>
    bool TryCopy(ReadOnlySpan<byte> key, ArrayBufferWriter<byte> to);

    bool ContainsKey(ReadOnlySpan<byte> key);

    void Set(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset? expiresAt);

    bool TryAdd(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset? expiresAt);

    bool TryUpdate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ReadOnlySpan<byte> comparand);

    bool Expire(ReadOnlySpan<byte> key, DateTimeOffset? expiresAt);

    bool Remove(ReadOnlySpan<byte> key);

    /// <summary>Removes a record, and puts its value's bytes in place of what the writer has.</summary>
    bool TryTake(ReadOnlySpan<byte> key, ArrayBufferWriter<byte> to);
}
