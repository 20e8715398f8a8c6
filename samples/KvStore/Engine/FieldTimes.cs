using System.Buffers.Binary;
using GuestMemFs;

namespace KvStore.Engine;

/// <summary>How the times at which fields of hashes expire lie in bytes: milliseconds since 1970.</summary>
internal static class FieldTimes
{
    /// <summary>In place of a time: none.</summary>
    public const long Never = 0;

    /// <summary>Bytes of a time.</summary>
    public const int Length = sizeof(long);

    /// <summary>A time and the bytes that are sorted behind it.</summary>
    public static byte[] KeyOf(long time, ReadOnlySpan<byte> bytes)
    {
        byte[] key = new byte[Length + bytes.Length];
        Write(key, time);
        bytes.CopyTo(key.AsSpan(Length));
        return key;
    }

    /// <summary>The time that such a key begins with.</summary>
    public static long Of(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadInt64BigEndian(key);

    /// <summary>Puts a time where bytes begin.</summary>
    public static void Write(Span<byte> bytes, long time) => BinaryPrimitives.WriteInt64BigEndian(bytes, time);

    /// <summary>What an entry of a large hash has for a value, and when that expires.</summary>
    public static ReadOnlySpan<byte> ValueIn(ReadOnlySpan<byte> bytes, RecordType type, out long time)
    {
        bool isTimed = type == RecordType.Hash && bytes.Length >= Length;
        time = isTimed ? Of(bytes) : Never;
        return isTimed ? bytes[Length..] : bytes;
    }
}
