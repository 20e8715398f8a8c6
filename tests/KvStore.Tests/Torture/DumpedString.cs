using System.Buffers.Binary;
using KvStore.Rdb;

namespace KvStore.Tests.Torture;

/// <summary>
/// A string as RESTORE takes it: its type, a length of four bytes, its bytes, a version and a checksum.
/// </summary>
internal static class DumpedString
{
    private const int Start = 2 + sizeof(uint);
    private const int Footer = sizeof(ushort) + sizeof(ulong);
    private const byte LengthOfFourBytes = 0x80;
    private const ushort Version = 10;

    public static byte[] Make(ReadOnlySpan<byte> value)
    {
        var payload = new byte[Start + value.Length + Footer];
        payload[1] = LengthOfFourBytes;
        BinaryPrimitives.WriteInt32BigEndian(payload.AsSpan(2), value.Length);
        value.CopyTo(payload.AsSpan(Start));
        BinaryPrimitives.WriteUInt16LittleEndian(payload.AsSpan(Start + value.Length), Version);
        int end = payload.Length - sizeof(ulong);
        BinaryPrimitives.WriteUInt64LittleEndian(payload.AsSpan(end), Crc64.Append(0, payload.AsSpan(0, end)));
        return payload;
    }

    public static byte[] Read(byte[] payload) => payload[Start..^Footer];
}
