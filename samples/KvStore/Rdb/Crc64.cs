using System.Buffers.Binary;

namespace KvStore.Rdb;

/// <summary>The checksum of dumps: CRC-64 with the polynomial of Jones, its bits reflected, from 0.</summary>
internal static class Crc64
{
    private const ulong Polynomial = 0x95AC_9329_AC4B_C9B5;
    private const int BytesAtOnce = sizeof(ulong);

    // Row n is for a byte with n bytes behind it.
    private static readonly ulong[] s_rows = Rows();

    /// <summary>The checksum of what one was made of, and these bytes behind it.</summary>
    public static ulong Append(ulong checksum, ReadOnlySpan<byte> bytes)
    {
        ulong[] rows = s_rows;
        for (; bytes.Length >= BytesAtOnce; bytes = bytes[BytesAtOnce..])
        {
            ulong word = checksum ^ BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            checksum = 0;
            for (int i = 0; i < BytesAtOnce; i++)
            {
                checksum ^= rows[((BytesAtOnce - 1 - i) << 8) + (int)((word >> (8 * i)) & 0xFF)];
            }
        }

        foreach (byte one in bytes)
        {
            checksum = rows[(byte)(checksum ^ one)] ^ (checksum >> 8);
        }

        return checksum;
    }

    private static ulong[] Rows()
    {
        ulong[] rows = new ulong[BytesAtOnce << 8];
        for (int i = 0; i < 256; i++)
        {
            ulong value = (ulong)i;
            for (int bit = 0; bit < 8; bit++)
            {
                value = (value >> 1) ^ ((value & 1) != 0 ? Polynomial : 0);
            }

            rows[i] = value;
        }

        for (int i = 256; i < rows.Length; i++)
        {
            rows[i] = rows[(byte)rows[i - 256]] ^ (rows[i - 256] >> 8);
        }

        return rows;
    }
}
