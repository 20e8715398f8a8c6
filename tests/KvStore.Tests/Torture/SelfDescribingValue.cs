using System.Globalization;
using System.Numerics;
using System.Text;

namespace KvStore.Tests.Torture;

/// <summary>Values that say of themselves whose they are, which write made them and how long they are, with a checksum:
/// so that a failure can tell a torn value from a lost or a misplaced one. Longer than that is noise, CR LF and zero
/// bytes included.</summary>
internal static class SelfDescribingValue
{
    public static byte[] Make(Random random, string key, long sequence)
    {
        int length = random.Next(100) switch
        {
            < 10 => random.Next(0, 4),
            < 70 => random.Next(8, 121),
            < 95 => random.Next(121, 8_000),
            < 99 => random.Next(8_000, 64_000),
            _ => random.Next(64_000, 400_000),
        };
        var value = new byte[length];
        random.NextBytes(value);
        byte[] header = Header(key, sequence, length);
        if (header.Length + sizeof(uint) <= length)
        {
            header.CopyTo(value, 0);
            BitConverter.TryWriteBytes(value.AsSpan(length - sizeof(uint)),
                Checksum(value.AsSpan(0, length - sizeof(uint))));
        }
        else if (length > 0)
        {
            // Never a number, so that INCR must refuse it.
            value[0] = (byte)'<';
        }

        return value;
    }

    /// <summary>What a value says of itself, for a message.</summary>
    public static string Explain(ReadOnlySpan<byte> value)
    {
        int end = value.IndexOf((byte)'>');
        if (value.Length < 8 || value[0] != (byte)'<' || end < 0 || end > 64)
        {
            return "says nothing of itself";
        }

        string[] parts = Encoding.ASCII.GetString(value[1..end]).Split('|');
        if (parts.Length != 3 || !int.TryParse(parts[2], CultureInfo.InvariantCulture, out int length)
            || length < sizeof(uint))
        {
            return "says nothing of itself";
        }

        string origin = $"was made for {parts[0]} by write {parts[1]} with {length} bytes";
        return length > value.Length ? $"{origin}: torn"
            : BitConverter.ToUInt32(value[(length - sizeof(uint))..length]) != Checksum(
                value[..(length - sizeof(uint))]) ? $"{origin}; its checksum does not fit"
            : $"{origin}; its checksum fits";
    }

    private static byte[] Header(string key, long sequence, int length) =>
        Encoding.ASCII.GetBytes($"<{key}|{sequence}|{length}>");

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc = BitOperations.Crc32C(crc, b);
        }

        return crc;
    }
}
