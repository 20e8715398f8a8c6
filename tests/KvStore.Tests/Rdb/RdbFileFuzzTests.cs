using System.Buffers.Binary;
using System.Text;
using KvStore.Rdb;

namespace KvStore.Tests.Rdb;

/// <summary>
/// Whole files of dumps that were changed in a few places, with a checksum that fits or not: read to the end or
/// refused, in memory and time that their bytes allow.
/// </summary>
[Trait("speed", "slow")]
public sealed class RdbFileFuzzTests(ITestOutputHelper output)
{
    private const int Longest = 4096;
    private const int ChecksumLength = sizeof(ulong);

    private static readonly int s_seed = int.Parse(Environment.GetEnvironmentVariable("GMF_FUZZ_SEED") ?? "1", null);
    private static readonly long s_factor = long.Parse(Environment.GetEnvironmentVariable("GMF_FUZZ_FACTOR") ?? "1",
        null);

    private static readonly byte[][] s_tokens =
    [
        .. new[]
        {
            "00", "01", "FF", "FE 00", "FE 0F", "FE 81 FF FF FF FF FF FF FF FF", "FD 01 00 00 00",
            "FC FF FF FF FF FF FF FF FF", "FB 02 01", "FB 81 FF FF FF FF FF FF FF FF 00", "FA 01 'a' 01 'b'", "F9 05",
            "F8 07", "F8 81 FF FF FF FF FF FF FF FF", "F7 81 01 02 03 04 05 06 07 08 02 02 00", "F6", "F5 04 'text'",
            "F4 01 02 03", "F3", "80 7F FF FF FF", "80 1F FF FF FF", "81 7F FF FF FF FF FF FF FF", "C0", "C1", "C2",
            "C3 05 80 1F FF FF FF", "40 00", "7F FF", "00 01 'k' 01 'v'", "00 01 'k' C3 04 08 02 'ab' E0 00",
        }.Select(Bytes.Of),
    ];

    [Fact]
    public void A_changed_file_is_read_or_refused_within_what_its_bytes_allow()
    {
        long whole = 0;
        long keys = 0;
        Fuzzer fuzzer = new(s_seed, [.. Corpus()], s_tokens)
        {
            // A buffer of 64 KiB and an exception's way up; a compressed string may have 88 bytes for each of its own.
            AllocatedAtMost = 512 << 10,
            AllocatedPerByte = 512,
            MaximumLength = Longest,
        };
        long inputs = fuzzer.Run(100_000 * s_factor, (input, random) =>
        {
            byte[] file = random.Next(8) == 0 ? input : Sealed(input);
            try
            {
                using RdbFileReader reader = new(new MemoryStream(file), file.Length);
                while (reader.ReadNext() is not null)
                {
                    keys++;
                    Assert.InRange(reader.Content.Span.Length, 0, file.Length);
                    Assert.InRange(reader.Key.Span.Length, 0, 512L * file.Length);
                }

                whole++;
            }
            catch (RdbFormatException wrong) when (wrong.Message.Length > 10)
            {
                // As it should be.
            }
        });

        output.WriteLine($"{inputs} files, {whole} of them read, {keys} keys, seed {s_seed}");
        Assert.InRange(whole, inputs / 100, inputs);
        Assert.InRange(keys, inputs / 10, long.MaxValue);
    }

    // Files of one object each, and of all kinds of items.
    private static IEnumerable<byte[]> Corpus()
    {
        yield return File("0011", Bytes.Of("FA 01 'a' 01 'b' FE 00 FB 02 01 F4 01 02 03 F5 04 'text' " +
            "00 01 'k' 01 'v' FD 01000000 00 01 'l' 01 'v' FC 0200000000000000 F8 07 00 01 'm' 01 'v' " +
            "FE 03 F9 09 00 01 'n' C0 05"));
        yield return File("0010", Bytes.Of("F7 81 0102030405060708 02 02 05 04 'more' 01 05 02 05 03 00000000 " +
            "04 0000000000000000 00 00 01 'k' 01 'v'"));
        foreach (OldObject each in OldObject.All.Where(it => it.Content.Length < Longest / 2))
        {
            yield return File("0012", [.. Bytes.Of("FE 01 FC 0200000000000000"), each.Content[0],
                .. Bytes.Of("03 'key'"), .. each.Content[1..]]);
        }
    }

    private static byte[] File(string version, byte[] content) =>
        Sealed([.. Encoding.ASCII.GetBytes("REDIS" + version), .. content, 0xFF, .. new byte[ChecksumLength]]);

    /// <summary>The same with a checksum that fits in its last bytes.</summary>
    private static byte[] Sealed(byte[] file)
    {
        byte[] copy = [.. file];
        if (copy.Length > ChecksumLength)
        {
            ulong checksum = Crc64.Append(0, copy.AsSpan(..^ChecksumLength));
            BinaryPrimitives.WriteUInt64LittleEndian(copy.AsSpan(^ChecksumLength..), checksum);
        }

        return copy;
    }
}
