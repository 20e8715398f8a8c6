using System.Buffers.Binary;
using System.Text;
using KvStore.Rdb;

namespace KvStore.Tests.Rdb;

/// <summary>Bytes of dumps as a test writes them down: hexadecimal digits, and text in quotes.</summary>
internal static class Bytes
{
    /// <summary><c>"02 'ab' FF"</c>: four bytes.</summary>
    public static byte[] Of(string written)
    {
        List<byte> bytes = [];
        for (int i = 0; i < written.Length; i++)
        {
            if (written[i] == '\'')
            {
                int end = written.IndexOf('\'', i + 1);
                bytes.AddRange(Encoding.Latin1.GetBytes(written[(i + 1)..end]));
                i = end;
            }
            else if (written[i] is not (' ' or '\n' or '\r'))
            {
                bytes.Add(Convert.ToByte(written.Substring(i++, 2), 16));
            }
        }

        return [.. bytes];
    }

    /// <summary>A string of a dump: its length, then it.</summary>
    public static byte[] String(byte[] bytes)
    {
        byte[] length = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(length, (uint)bytes.Length);
        return [0x80, .. length, .. bytes];
    }

    /// <summary>A listpack of elements as they lie in it.</summary>
    public static byte[] Listpack(string elements, int count) => Framed(
        Of(elements), [(byte)count, (byte)(count >> 8)]);

    /// <summary>A ziplist of elements as they lie in it.</summary>
    /// <param name="elements">Elements.</param>
    /// <param name="count">How many.</param>
    /// <param name="last">How many bytes the last one has.</param>
    public static byte[] Ziplist(string elements, int count, int last)
    {
        byte[] bytes = Of(elements);
        byte[] tail = new byte[sizeof(uint)];
        BinaryPrimitives.WriteInt32LittleEndian(tail, 10 + bytes.Length - last);
        return Framed(bytes, [.. tail, (byte)count, (byte)(count >> 8)]);
    }

    /// <summary>An object with version and checksum behind it, as RESTORE takes it.</summary>
    public static byte[] Payload(byte[] content, int version = DumpPayload.Version)
    {
        byte[] payload = [.. content, (byte)version, (byte)(version >> 8)];
        byte[] checksum = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(checksum, Crc64.Append(0, payload));
        return [.. payload, .. checksum];
    }

    private static byte[] Framed(byte[] elements, byte[] header)
    {
        byte[] length = new byte[sizeof(uint)];
        BinaryPrimitives.WriteInt32LittleEndian(length, sizeof(uint) + header.Length + elements.Length + 1);
        return [.. length, .. header, .. elements, 0xFF];
    }
}
