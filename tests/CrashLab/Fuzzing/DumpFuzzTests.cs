using System.Buffers.Binary;
using GuestMemFs.Dumps;
using GuestMemFs.Format;

namespace GuestMemFs.CrashLab.Fuzzing;

/// <summary>
/// A dump is a file from anywhere: whatever it holds, reading it ends with the region's bytes or a refusal. Checksums
/// are made to fit, so that what is behind them is reached.
/// </summary>
[Trait("speed", "slow")]
public sealed class DumpFuzzTests(ITestOutputHelper output)
{
    private const int Seed = 1;

    [Fact]
    public void A_dump_is_read_or_refused()
    {
        string path = Path.Combine("/dev/shm", $"gmfs-dump-{Environment.ProcessId}-{Guid.NewGuid():N}");
        byte[][] corpus = [Dump(0, 0, []), Dump(3 << 20, 0, []), Dump(2 << 20, 100, [1]),
            Dump(4 << 20, (2 << 20) + 5, [1, 0, 1]), Dump(4 << 20, (2 << 20) + 5, [1, 0, 1], [0, 511, 1023])];
        byte[][] tokens = [new byte[8], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0x7F],
            [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], [0, 0, 0, 0x80], [1, 0, 0, 0, 0, 0, 0, 0],
            [0, 0, 0x10, 0, 0, 0, 0, 0]];
        int read = 0;
        int withPages = 0;
        byte[] whole = new byte[DumpHeader.Bytes];
        long inputs = new Fuzzer(Seed, corpus, tokens) { AllocatedAtMost = 3 << 20 }.Run(20_000, (input, random) =>
        {
            // The header is 4096 bytes of which few are used: the input is these, the rest is filled up, and what
            // follows are blocks.
            whole.AsSpan().Clear();
            int head = Math.Min(input.Length, 128);
            input.AsSpan(0, head).CopyTo(whole);
            uint crc = Checksum.Of(whole.AsSpan(0, DumpHeader.Bytes - 4));
            if (random.Next(8) != 0)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(whole.AsSpan(DumpHeader.Bytes - 4), crc);
            }

            using (FileStream file = File.Create(path))
            {
                file.Write(whole);
                WriteBlocks(file, input.AsSpan(head), crc);
            }

            try
            {
                using DumpReader reader = new(path, PathTrust.Own);
                long next = 0;
                int pages = 0;
                reader.ReadAll(
                    (at, bytes) =>
                    {
                        Assert.InRange(bytes.Length, 1, DumpHeader.BlockBytes);
                        if (next < reader.Header.Stored)
                        {
                            Assert.Equal(next, at);
                            next += bytes.Length;
                        }
                        else
                        {
                            Assert.InRange(at, 0, reader.Length - bytes.Length);
                            pages++;
                        }
                    },
                    default);
                Assert.Equal(reader.Header.Stored, next);
                withPages += pages > 0 ? 1 : 0;
                Assert.True(Enum.IsDefined(reader.Header.Kind) && Enum.IsDefined(reader.Header.Reserve),
                    "a kind that is none");
                read++;
            }
            catch (ArenaException refused) when (refused is DumpDamagedException or DumpFormatException
                && refused.Message.Contains(path, StringComparison.Ordinal))
            {
                // As it should be.
            }
        }, TimeSpan.FromSeconds(40));
        File.Delete(path);
        output.WriteLine($"{inputs} inputs, {read} read, {withPages} of them with pages, seed {Seed}");
        Assert.True(inputs > 2_000 && read > inputs / 100, $"{read} of {inputs} were read");
        Assert.True(withPages > 10, $"{withPages} of {inputs} had pages");
    }

    private static DumpTrailer Trailer => new(4 << 20, 3 << 20, DateTimeOffset.UnixEpoch, TimeSpan.Zero);

    /// <summary>
    /// Blocks from the input's own words: index and length as they stand there, a checksum that mostly fits, few bytes
    /// of data.
    /// </summary>
    private static void WriteBlocks(FileStream file, ReadOnlySpan<byte> input, uint seed)
    {
        byte[] head = new byte[DumpBlock.Bytes];
        byte[] data = new byte[DumpHeader.BlockBytes];
        while (input.Length >= 12)
        {
            ulong index = BinaryPrimitives.ReadUInt64LittleEndian(input);
            int length = BinaryPrimitives.ReadInt32LittleEndian(input[8..]);
            int given = Math.Clamp(length, 0, DumpHeader.BlockBytes);
            Trailer.WriteTo(data);
            (DumpBlock.Of(index, data.AsSpan(0, given), seed) with { Length = length }).WriteTo(head);
            file.Write(head);
            file.Write(data, 0, given);
            input = input[12..];
        }
    }

    /// <summary>
    /// An input that stands for a dump: the used part of its header, then the index and the length of each block.
    /// </summary>
    private static byte[] Dump(long length, long stored, int[] full, params ulong[] pages)
    {
        byte[] header = new byte[DumpHeader.Bytes];
        new DumpHeader(Guid.Empty, 1, DateTimeOffset.UnixEpoch, length, stored, length, 4096, RegionKind.Raw,
            RegionReserve.Full, false, false, "region") { Version = pages.Length == 0 ? 1u : 2u }.WriteTo(header);
        byte[] input = new byte[128 + (12 * (full.Length + pages.Length + 1))];
        header.AsSpan(0, 128).CopyTo(input);
        for (int i = 0; i < full.Length; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(input.AsSpan(128 + (12 * i)), i);
            BinaryPrimitives.WriteInt32LittleEndian(input.AsSpan(136 + (12 * i)),
                full[i] == 0 ? 0 : (int)Math.Min(DumpHeader.BlockBytes, stored - ((long)i * DumpHeader.BlockBytes)));
        }

        int at = 128 + (12 * full.Length);
        foreach (ulong page in pages)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(input.AsSpan(at), DumpBlock.Pages | page);
            BinaryPrimitives.WriteInt32LittleEndian(input.AsSpan(at + 8), DumpWriter.PageBytes);
            at += 12;
        }

        BinaryPrimitives.WriteUInt64LittleEndian(input.AsSpan(at), DumpBlock.End);
        BinaryPrimitives.WriteInt32LittleEndian(input.AsSpan(at + 8), pages.Length == 0 ? 0 : DumpTrailer.Bytes);
        return input;
    }
}
