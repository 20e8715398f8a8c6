using System.Buffers.Binary;
using System.Text;
using KvStore.Rdb;

namespace KvStore.Tests.Rdb;

/// <summary>What stands in a file of dumps between its objects, and files that are none.</summary>
public sealed class RdbFileTests
{
    private const string ModuleFacts =
        "F7 81 0102030405060708 02 02 05 04 'more' 01 05 02 05 03 00000000 04 0000000000000000 00";

    [Fact]
    public void Each_key_has_its_database_its_time_and_how_it_was_used()
    {
        string[] items = Read(File("0011", "FA 01 'a' 01 'b' FE 00 FB 02 01 F4 01 02 03 F5 04 'text' " +
            "00 01 'k' 01 'v' FD 01000000 00 01 'l' 01 'v' FC 0200000000000000 F8 07 00 01 'm' 01 'v' " +
            "FE 03 F9 09 00 01 'n' C0 05"));

        Assert.Equal([
            "library text", "0 k never - - 000176", "0 l 1000 - - 000176", "0 m 2 7 - 000176", "3 n never - 9 00C005",
        ], items);
    }

    [Fact]
    public void What_modules_have_of_no_key_is_skipped()
    {
        byte[] file = File("0010", ModuleFacts + " 00 01 'k' 01 'v'");

        Assert.Equal(["0 k never - - 000176"], Read(file));
    }

    [Theory]
    [InlineData("0001", false)]
    [InlineData("0004", false)]
    [InlineData("0005", true)]
    [InlineData("0012", true)]
    public void Versions_have_a_checksum_from_the_fifth_on(string version, bool hasChecksum)
    {
        byte[] file = File(version, "00 01 'k' 01 'v'");
        Assert.Equal(["0 k never - - 000176"], Read(hasChecksum ? file : file[..^8]));
        file[^1] ^= 1;
        Assert.Equal(!hasChecksum, Record.Exception(() => Read(hasChecksum ? file : file[..^8])) is null);
        file.AsSpan(^8).Clear(); // None was computed.
        Assert.Single(Read(file));
    }

    [Theory]
    [InlineData("0000", "")]
    [InlineData("0013", "")]
    [InlineData("00x1", "")]
    [InlineData("0010", "F6 01 'a'")] // a library of a candidate
    [InlineData("0010", "F3 01 'a'")] // an object whose type is not known
    [InlineData("0010", "FF")] // the end, and then no checksum that fits
    [InlineData("0010", "F7 01 02 00 06 00")]
    [InlineData("0010", "00 01 'k'")]
    public void What_is_no_file_is_refused(string version, string content) =>
        Assert.Throws<RdbFormatException>(() => Read(File(version, content)));

    [Fact]
    public void A_file_that_ends_anywhere_is_refused()
    {
        byte[] file = File("0010", "FE 00 FC 0200000000000000 00 01 'k' 01 'v' 02 01 's' 02 01 'a' 01 'b'");
        for (int length = 0; length < file.Length; length++)
        {
            Assert.Throws<RdbFormatException>(() => Read(file[..length]));
        }
    }

    private static byte[] File(string version, string content)
    {
        byte[] bytes = [.. Encoding.ASCII.GetBytes("REDIS" + version), .. Bytes.Of(content), 0xFF];
        byte[] checksum = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(checksum, Crc64.Append(0, bytes));
        return [.. bytes, .. checksum];
    }

    private static string[] Read(byte[] file)
    {
        using RdbFileReader reader = new(new MemoryStream(file), file.Length);
        List<string> items = [];
        while (reader.ReadNext() is { } item)
        {
            string key = Encoding.Latin1.GetString(reader.Key.Span);
            items.Add(item == RdbItem.Function ? $"library {key}"
                : $"{reader.Database} {key} {reader.ExpiresAt?.ToString() ?? "never"} " +
                    $"{reader.IdleSeconds?.ToString() ?? "-"} {reader.Frequency?.ToString() ?? "-"} " +
                    Convert.ToHexString(reader.Content.Span));
        }

        return [.. items];
    }
}
