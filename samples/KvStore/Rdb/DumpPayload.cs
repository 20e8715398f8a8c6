using System.Buffers.Binary;

namespace KvStore.Rdb;

/// <summary>
/// What DUMP replies: an object, then the version of the format (2 bytes), then a checksum of all before it (8 bytes).
/// </summary>
internal static class DumpPayload
{
    /// <summary>The version that Redis 7.0 reads: what is written, unless it needs a later one.</summary>
    public const int Version = 10;

    /// <summary>The version that has fields with times, and the last one that is read.</summary>
    public const int LatestVersion = 12;

    /// <summary>What stands before the text of a library of functions.</summary>
    public const byte Function = 245;

    private const int FooterLength = sizeof(ushort) + sizeof(ulong);

    /// <summary>The object's bytes; false where the footer does not fit.</summary>
    public static bool TryOpen(ReadOnlySpan<byte> payload, out ReadOnlySpan<byte> content)
    {
        content = default;
        if (payload.Length < FooterLength)
        {
            return false;
        }

        ReadOnlySpan<byte> footer = payload[^FooterLength..];
        content = payload[..^FooterLength];
        return BinaryPrimitives.ReadUInt16LittleEndian(footer) <= LatestVersion
            && BinaryPrimitives.ReadUInt64LittleEndian(footer[sizeof(ushort)..])
                == Crc64.Append(0, payload[..^sizeof(ulong)]);
    }

    /// <summary>Puts the footer behind what was written.</summary>
    public static void Close(RdbOutput output, int version)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(output.Bytes.Append(sizeof(ushort)), (ushort)version);
        output.Int64((long)Crc64.Append(0, output.Bytes.Span));
    }
}
