using System.Buffers.Binary;
using System.Runtime.InteropServices;
using GuestMemFs.Collections;
using GuestMemFs.Format;
using GuestMemFs.Heap;
using GuestMemFs.Journal;

namespace GuestMemFs.CrashLab.Fuzzing;

/// <summary>
/// The readers of what stands on the medium, under bytes that nobody wrote. Checksums are made to fit after each
/// change, or nothing behind them would be reached.
/// </summary>
public sealed unsafe class FormatFuzzTests(ITestOutputHelper output)
{
    private static readonly int s_seed = int.Parse(Environment.GetEnvironmentVariable("GMF_FUZZ_SEED") ?? "1", null);

    private static readonly Guid s_arena = new("0f8fad5b-d9cb-469f-a165-70867728950e");

    private static readonly byte[][] s_tokens =
    [
        new byte[8], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0x7F], [0, 0, 0, 0x80],
        [0xFF, 0xFF, 0xFF, 0xFF], [1, 0, 0, 0, 8, 0, 0, 0], [2, 0, 0, 0, 16, 0, 0, 0],
        [3, 0, 0, 0, 56, 0, 0, 0], [4, 0, 0, 0, 16, 0, 0, 0], [5, 0, 0, 0, 56, 0, 0, 0], [6, 0, 0, 0, 16, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 0, 0], [0xF0, 0xFF, 0xFF, 0x7F],
    ];

    [Fact]
    public void Journal() => Report("journal", 400_000, RunJournal(s_seed, 400_000));

    [Fact]
    public void Superblock_identity_writer_and_headers() =>
        Report("superblock, identity, writer, journal header", 1_000_000, RunHeaders(s_seed, 1_000_000));

    [Fact]
    public void Page_descriptors_records_and_sealed_words() =>
        Report("descriptors, record headers, sealed words", 2_000_000, RunWords(s_seed, 2_000_000));

    /// <summary>A round of all, for the long profile.</summary>
    public static long Round(int seed, long inputs) =>
        RunJournal(seed, inputs) + RunHeaders(seed, inputs) + RunWords(seed, inputs);

    private static long RunJournal(int seed, long inputs)
    {
        const int Capacity = 4096;
        byte* half = (byte*)NativeMemory.AlignedAlloc(JournalHeader.LogOffset + Capacity, 4096);
        try
        {
            Fuzzer fuzzer = new(seed, Operations(), s_tokens) { AllocatedAtMost = 128 << 10, AllocatedPerByte = 256 };
            long whole = 0;
            long done = fuzzer.Run(inputs, (input, random) =>
            {
                int log = WriteLog(half, input, Capacity, random);
                try
                {
                    JournalImage image = JournalImage.Read(half, 7, s_arena, Capacity, "fuzz");
                    Check(image.Tail <= log && image.Tables.IsConsistent(),
                        "it read behind the log's end, or what contradicts itself");
                    foreach (RegionNode region in image.Tables.Regions)
                    {
                        Check(ReferenceEquals(image.Tables.Find(region.Entry.Name), region)
                            && ReferenceEquals(image.Tables.Find(region.Entry.Id), region),
                            "a region that is not found by its name");
                        Check(region.Extents.All(extent =>
                            extent.RegionId == region.Entry.Id && extent.State == ExtentState.InUse),
                            "an extent of another region");
                    }

                    whole++;
                }
                catch (ArenaDamagedException)
                {
                    // A refusal with a reason.
                }
            }, TimeSpan.FromMinutes(2));
            Check(whole > done / 40, $"only {whole} of {done} logs were read: nothing behind the checksums is reached");
            return done;
        }
        finally
        {
            NativeMemory.AlignedFree(half);
        }
    }

    /// <summary>Lays the input down as records whose checksums fit, mostly; returns the log's length.</summary>
    private static int WriteLog(byte* half, byte[] input, int capacity, Random random)
    {
        uint seed = JournalHeader.SeedOf(s_arena, 7);
        new Span<byte>(half, JournalHeader.LogOffset + capacity).Fill(0xA5);
        JournalHeader.Write(half, 7, s_arena, capacity);
        int at = 0;
        ulong sequence = 1;
        for (int done = 0; done < input.Length;)
        {
            int length = Math.Min(input.Length - done,
                random.Next(3) == 0 ? 8 * random.Next(1, 20) : input.Length) & ~7;
            if (length == 0 || at + RecordHeader.Bytes + length > capacity)
            {
                break;
            }

            Span<byte> record = new(half + JournalHeader.LogOffset + at, RecordHeader.Bytes + length);
            input.AsSpan(done, length).CopyTo(record[RecordHeader.Bytes..]);
            RecordHeader header = new() { Length = (uint)record.Length,
                Sequence = random.Next(50) == 0 ? 0 : sequence++ };
            MemoryMarshal.Write(record, header);
            header.Crc = random.Next(50) == 0 ? 0 : RecordHeader.ComputeCrc(record, seed);
            MemoryMarshal.Write(record, header);
            done += length;
            at += record.Length;
        }

        uint tail = random.Next(20) == 0 ? (uint)random.Next() : (uint)at;
        *(ulong*)(half + JournalHeader.TailOffset) = random.Next(20) == 0 ? 0 : SealedWord.Seal(tail, seed);
        if (random.Next(20) == 0)
        {
            half[random.Next(JournalHeader.Bytes)] ^= 1;
        }

        return at;
    }

    private static byte[][] Operations()
    {
        RegionEntry Region(ulong id, string name) => new(id, id * 7, name, RegionKind.Heap, RegionReserve.Full, 2 << 20,
            4 << 20, 2 << 20, 1234, Formatted: true);
        ExtentEntry Extent(ulong id, ulong region, uint ordinal = 0, ExtentState state = ExtentState.InUse) =>
            new(id, id * 13, 4 << 20, 2 << 20, region, ordinal, state);
        return
        [
            new Transaction().Put(Region(1, "one")).Put(Extent(1, 1)).Operations.ToArray(),
            new Transaction().Put(Region(1, "one")).Put(Region(2, "two")).Put(Extent(1, 1)).Put(Extent(2, 2))
                .Put(Extent(3, 2, 1)).Operations.ToArray(),
            new Transaction().Put(Region(1, "one")).Put(Extent(1, 1)).DropRegion(1)
                .Put(Extent(1, 0, 0, ExtentState.Dirty)).DropExtent(1).Operations.ToArray(),
            new Transaction().Set(new ArenaState(3, 5, 6, false, Guid.Empty))
                .Put(Region(4, "a name that is somewhat longer: größer")).Put(Extent(4, 4)).Operations.ToArray(),
            new Transaction().Put(Region(1, "a")).Put(Region(2, "b")).Put(Region(1, "b"))
                .Put(Region(2, "a")).Operations.ToArray(),
        ];
    }

    private static long RunHeaders(int seed, long inputs)
    {
        const int Size = 8192;
        byte* file = (byte*)NativeMemory.AlignedAlloc(Size, 4096);
        byte[] valid = new byte[256];
        try
        {
            new Span<byte>(file, Size).Clear();
            Superblock superblock = new() { Magic = Superblock.ArenaMagic, FormatVersion = 1, Size = Superblock.Bytes,
                ArenaId = s_arena, MetadataSize = 1 << 20, HalfOffset = MetadataLayout.FirstHalf,
                HalfSize = MetadataLayout.MinimumHalf, Granularity = 2 << 20 };
            superblock.WriteTo(file);
            new Span<byte>(file, 128).CopyTo(valid);
            ExtentIdentity.Write(file, Size, s_arena, 3, 4);
            new Span<byte>(file + Size - ExtentIdentity.BlockBytes, 128).CopyTo(valid.AsSpan(128));
            Fuzzer fuzzer = new(seed, [valid, new byte[256]], s_tokens) { MaximumLength = 256 };
            return fuzzer.Run(inputs, (input, random) =>
            {
                new Span<byte>(file, Size).Clear();
                input.CopyTo(new Span<byte>(file, Size));
                Superblock read = Superblock.ReadFrom(file);
                if (random.Next(2) == 0)
                {
                    read.Crc = read.ComputeCrc();
                }

                if (read.IsIntact && read.Fits(1 << 20))
                {
                    Check(read.HalfOffset + (2 * read.HalfSize) <= 1 << 20
                        && read.HalfSize >= MetadataLayout.MinimumHalf, "halves outside the file");
                }

                new Span<byte>(file, Size).Clear();
                input.AsSpan(0, Math.Min(128, input.Length)).CopyTo(
                    new Span<byte>(file + Size - ExtentIdentity.BlockBytes, 128));
                ExtentIdentity identity = ExtentIdentity.Read(file, Size);
                Check(!identity.IsIntact || identity.Magic == ExtentIdentity.IdentityMagic,
                    "an identity without its magic");
                WriterRecord.TryRead(file + Size - ExtentIdentity.BlockBytes, out _);
                JournalHeader.ReadFrom(file + Size - ExtentIdentity.BlockBytes).IsIntact(s_arena);
            });
        }
        finally
        {
            NativeMemory.AlignedFree(file);
        }
    }

    private static long RunWords(int seed, long inputs)
    {
        byte[][] corpus =
        [
            .. ((ulong[])[
                PageDescriptor.Slab(3, 1).Encode(17), PageDescriptor.Run(500).Encode(17),
                PageDescriptor.Continuation(7).Encode(17),
                RecordFormat.Header(RecordType.String, 0, 10, 100), RecordFormat.Header(RecordType.String, 3, 65_535,
                    8), RecordFormat.Header((RecordType)15, 1, 0, PersistentDictionary.MaximumValueLength),
                SealedWord.Seal(12_345, 99), SealedOffset.Seal(0x1234_5670, 4711)]).Select(BitConverter.GetBytes),
        ];
        return new Fuzzer(seed, corpus, s_tokens) { MaximumLength = 8 }.Run(inputs, (input, random) =>
        {
            Span<byte> bytes = stackalloc byte[8];
            input.AsSpan(0, Math.Min(8, input.Length)).CopyTo(bytes);
            ulong word = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            if (PageDescriptor.TryDecode(word, 17, out PageDescriptor descriptor))
            {
                Check(descriptor.Count > 0 && descriptor.SizeClass is >= 0 and < SizeClasses.Count
                    && descriptor.Encode(17) == word, "a descriptor that encodes to another");
            }

            if (RecordFormat.IsIntact(word) && RecordFormat.IsRecord(word))
            {
                int room = RecordFormat.KeyOffset(word) + RecordFormat.KeyLength(word);
                Check(room is >= 8 and <= 24 + 65_535 && RecordFormat.ValueLength(word) >= 0
                    && RecordFormat.Length(word) >= room && RecordFormat.Length(word) < (1L << 31),
                    "a record of an impossible length");
                Check(RecordFormat.Header((RecordType)(byte)word, RecordFormat.Flags(word),
                    RecordFormat.KeyLength(word), RecordFormat.ValueLength(word)) == word,
                    "a header that encodes to another");
                for (int i = 0; i < 64; i += 8)
                {
                    Check(!RecordFormat.IsIntact(word ^ ((ulong)(1 + random.Next(255)) << i)),
                        "a damaged byte of a header that does not show");
                }
            }

            Check(!SealedWord.TryOpen(word, 99, out uint value) || SealedWord.Seal(value, 99) == word,
                "a sealed word that seals to another");
            Check(!SealedOffset.TryOpen(word, 4711, out long offset)
                || (offset is >= 0 and < 1L << 48 && SealedOffset.Seal(offset, 4711) == word),
                "a sealed offset that seals to another");
        });
    }

    private void Report(string part, long asked, long done)
    {
        LabCounts.Add(LabCounts.FuzzInputs, part, done);
        output.WriteLine($"{part}: {done} inputs, seed {s_seed}");
        Assert.True(done >= asked / 8, $"only {done} inputs");
    }

    private static void Check(bool holds, string what)
    {
        if (!holds)
        {
            throw new InvalidOperationException(what);
        }
    }
}
