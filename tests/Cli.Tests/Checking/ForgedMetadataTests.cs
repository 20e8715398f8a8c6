using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using GuestMemFs.Cli.Terminal;
using GuestMemFs.Cli.Tests.Infrastructure;
using GuestMemFs.Format;
using GuestMemFs.Journal;

namespace GuestMemFs.Cli.Tests.Checking;

/// <summary>
/// Metadata that somebody made up, with checksums that fit: each field of each structure gets every value at which
/// something overflows, divides by zero or runs for ever. A reader, a writer and the tool take it or refuse it with a
/// type, in bounded time and memory.
/// </summary>
[Trait("speed", "slow")]
public sealed class ForgedMetadataTests(ITestOutputHelper output)
{
    private const long AllocationsAtMost = 256L << 20;

    private static readonly TimeSpan s_patience = Patience.Limit;

    private static readonly ulong[] s_edges =
    [
        0, 1, 2, 3, 4, 5, 7, 255, 4095, 4096, 4097, 6144, (1 << 21) - 4096, 1 << 21, (1 << 21) + 4096, 3 << 20, 1 << 22,
        int.MaxValue, 1UL << 31, uint.MaxValue, 1UL << 32, 1UL << 40,
        1UL << 41, 1UL << 46, (1UL << 46) + 4096, 1UL << 47, 253_402_300_799_999, 253_402_300_800_000, 1UL << 62,
        long.MaxValue, 1UL << 63, (1UL << 63) + 4096, ulong.MaxValue - 4095, ulong.MaxValue,
    ];

    private static readonly (string Name, int Offset, int Width)[] s_region =
    [
        ("id", 0, 8), ("nonce", 8, 8), ("length", 16, 8), ("maximum", 24, 8), ("alignment", 32, 8), ("created", 40, 8),
        ("kind", 48, 1), ("reserve", 49, 1), ("flags", 50, 2), ("name length", 52, 4),
        ("reserved", 56, 8), ("name", 64, 1), ("name, two", 64, 2),
    ];

    private static readonly (string Name, int Offset, int Width)[] s_extent =
        [("id", 0, 8), ("nonce", 8, 8), ("file length", 16, 8), ("used", 24, 8), ("region", 32, 8), ("ordinal", 40, 4),
            ("state", 44, 4)];

    private static readonly (string Name, int Offset, int Width)[] s_state =
        [("epoch", 0, 8), ("next extent", 8, 8), ("next region", 16, 8), ("boot", 24, 8), ("flags", 40, 8)];

    private static readonly (string Name, int Offset, int Width)[] s_superblock =
    [
        ("version", 8, 4), ("size", 12, 4), ("compat", 16, 8), ("read-only compat", 24, 8), ("incompat", 32, 8),
        ("metadata size", 72, 8), ("half offset", 80, 8), ("half size", 88, 8),
        ("granularity", 96, 8), ("created", 104, 8), ("reserved", 112, 8),
    ];

    private readonly List<string> _failures = [];
    private bool _written = true;
    private readonly SortedDictionary<string, int> _outcomes = new(StringComparer.Ordinal);

    [Fact]
    public void Every_field_of_the_journal_may_be_anything() => Sweep(JournalForgeries);

    [Fact]
    public void Every_field_of_superblock_words_and_writer_may_be_anything() => Sweep(FixedForgeries);

    /// <summary>
    /// Entries that each are right and together are not: many of one kind, in the order that costs most.
    /// </summary>
    [Fact]
    public void Entries_in_an_order_that_costs_most_take_linear_time()
    {
        const int Count = 60_000;
        var backwards = new Transaction();
        var moving = new Transaction();
        var same = new Transaction();
        var region = new RegionEntry(1, 1, "r", RegionKind.Raw, RegionReserve.Full, 4096L * Count, 0, 4096, 0,
            Formatted: false);
        backwards.Put(region);
        moving.Put(region).Put(region with { Id = 2, Name = "s" });
        same.Put(region);
        for (uint i = 0; i < Count; i++)
        {
            backwards.Put(new ExtentEntry(i + 1, 1, 8192, 4096, 1, Count - i, ExtentState.InUse));
            moving.Put(new ExtentEntry(i + 1, 1, 8192, 4096, 1, i, ExtentState.InUse));
            same.Put(new ExtentEntry(1, 1, 8192, 4096, 1, 0, ExtentState.InUse));
        }

        for (uint i = 0; i < Count; i++)
        {
            moving.Put(new ExtentEntry(i + 1, 1, 8192, 4096, 2, i, ExtentState.InUse));
        }

        TimeSpan took = ThreadTime.Of(() =>
        {
            Assert.False(new MetadataTables().Apply(backwards.Operations));
            Assert.False(new MetadataTables().Apply(moving.Operations));
            Assert.True(new MetadataTables().Apply(same.Operations));
        });
        Assert.True(took < TimeSpan.FromSeconds(2), $"it took {took}");
    }

    private void Sweep(Func<byte[], IEnumerable<(string What, byte[] Metadata)>> forgeries)
    {
        using TestArena arena = Template();
        Dictionary<string, byte[]> files = Directory.GetFiles(arena.Directory).ToDictionary(path => path,
            File.ReadAllBytes);
        string metadata = arena.File("arena.meta");
        int count = 0;
        foreach ((string what, byte[] forged) in forgeries(files[metadata]))
        {
            if (_written)
            {
                Restore(arena, files); // Nothing else changes an extent.
                _written = false;
            }

            File.WriteAllBytes(metadata, forged);
            count++;
            Try(arena, what);
            if (_failures.Count > 20)
            {
                break;
            }
        }

        output.WriteLine($"{count} forgeries; " + string.Join(", ", _outcomes.Select(o => $"{o.Key} {o.Value}")));
        Assert.Empty(_failures);
        Assert.True(count > 200 && _outcomes.Count > 3, $"{count} forgeries had {_outcomes.Count} outcomes");
    }

    private static TestArena Template()
    {
        var arena = new TestArena();
        using PersistentArena library = PersistentArena.Create(
            new ArenaOptions { Directory = arena.Directory, MetadataSize = TestArena.MiB });
        using PersistentRegion heap = library.CreateRegion("carts", 4 * TestArena.MiB,
            new RegionOptions { Kind = RegionKind.Heap });
        PersistentDictionary carts = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(heap), "carts");
        carts.Set("key"u8, "value"u8);
        using PersistentRegion blob = library.CreateRegion("blob", 2 * TestArena.MiB,
            new RegionOptions { Reserve = RegionReserve.OnDemand });
        blob.Grow(6 * TestArena.MiB);
        library.CreateRegion("gone", 2 * TestArena.MiB, new RegionOptions { Reserve = RegionReserve.OnDemand })
            .Dispose();
        library.DeleteRegion("gone");
        return arena;
    }

    private static void Restore(TestArena arena, Dictionary<string, byte[]> files)
    {
        foreach (string path in Directory.GetFiles(arena.Directory))
        {
            if (!files.ContainsKey(path))
            {
                File.Delete(path);
            }
        }

        foreach ((string path, byte[] bytes) in files)
        {
            File.WriteAllBytes(path, bytes);
        }
    }

    private void Try(TestArena arena, string what)
    {
        Stopwatch watch = Stopwatch.StartNew();
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        Attempt(what + ", read-only", () =>
        {
            using PersistentArena reader = PersistentArena.Open(
                new ArenaOptions { Directory = arena.Directory, Access = ArenaAccess.ReadOnly });
            Use(reader, what + ", read-only");
        });
        foreach (string command in (string[])["check", "status", "list", "explain", "map"])
        {
            Attempt($"{what}, gmfs {command}", () =>
            {
                Answer answer = arena.Gmfs(command, "--json");
                if (answer.Code == (int)ExitCode.Usage || answer.Code > (int)ExitCode.Failed)
                {
                    _failures.Add($"{what}, gmfs {command}: exit code {answer.Code}, {answer.Error}");
                }
            });
        }

        Attempt(what + ", writer", () =>
        {
            using PersistentArena writer = PersistentArena.Open(new ArenaOptions { Directory = arena.Directory });
            _written = true;
            Use(writer, what + ", writer");
            Attempt(what + ", creating", () => writer.CreateRegion("another", 2 * TestArena.MiB).Dispose());
            Attempt(what + ", growing", () =>
            {
                using PersistentRegion blob = writer.OpenRegion("blob");
                blob.Grow(blob.Length + TestArena.MiB);
            });
            foreach (RegionInfo region in writer.ListRegions())
            {
                Attempt(what + ", deleting", () => writer.DeleteRegion(region.Name));
            }
        });
        if (watch.Elapsed > s_patience || GC.GetAllocatedBytesForCurrentThread() - allocated > AllocationsAtMost)
        {
            _failures.Add($"{what}: it took {watch.Elapsed} " +
                $"and {GC.GetAllocatedBytesForCurrentThread() - allocated} bytes");
        }
    }

    private void Use(PersistentArena arena, string what)
    {
        Attempt(what + ", space", () => arena.GetSpace());
        foreach (RegionInfo info in arena.ListRegions())
        {
            Attempt(what + ", files", () => arena.GetRegionFiles(info.Name));
            Attempt(what + ", region", () =>
            {
                using PersistentRegion region = arena.OpenRegion(info.Name);
                _ = region.AsSpan(region.Length - 1, 1)[0];
                if (region.Kind == RegionKind.Heap)
                {
                    PersistentDictionary.OpenOrCreate(PersistentHeap.Open(region), "carts").Get("key"u8);
                }
            });
            if (arena.IsReadOnly)
            {
                Attempt(what + ", borrowing", () => arena.BorrowRegion(info.Name).Dispose());
            }
        }
    }

    private void Attempt(string what, Action action)
    {
        string outcome = "taken";
        try
        {
            action();
        }
        catch (ArenaException e)
        {
            outcome = e.ReasonCode;
        }
        catch (Exception e)
        {
            outcome = "untyped";
            string? ours = e.StackTrace?.Split('\n').FirstOrDefault(line =>
                line.Contains("GuestMemFs", StringComparison.Ordinal));
            _failures.Add($"{what}: {e.GetType().Name} {e.Message} {ours}");
        }

        _outcomes[outcome] = _outcomes.GetValueOrDefault(outcome) + 1;
    }

    /// <summary>Each field of each operation in the log, with the record's checksum put right.</summary>
    private static IEnumerable<(string What, byte[] Metadata)> JournalForgeries(byte[] metadata)
    {
        Guid arena = new(metadata.AsSpan(40, 16));
        uint generation = BinaryPrimitives.ReadUInt32LittleEndian(metadata.AsSpan(MetadataLayout.ActiveWord));
        uint seed = JournalHeader.SeedOf(arena, generation);
        int half = MetadataLayout.FirstHalf + (int)((generation & 1) * MetadataLayout.HalfSizeFor(metadata.Length));
        int log = half + JournalHeader.LogOffset;
        int end = log + BinaryPrimitives.ReadInt32LittleEndian(metadata.AsSpan(half + JournalHeader.TailOffset));
        for (int record = log; record < end; record += Int(metadata, record))
        {
            int length = Int(metadata, record);
            for (int operation = record + RecordHeader.Bytes; operation < record + length; operation += Int(metadata,
                operation + 4))
            {
                var kind = (OperationKind)Int(metadata, operation);
                (string, int, int)[] fields = kind switch
                {
                    OperationKind.PutRegion => s_region,
                    OperationKind.PutExtent => s_extent,
                    OperationKind.SetState => s_state,
                    _ => [("id", 0, 8)],
                };
                foreach ((string name, int offset, int width) in (IEnumerable<(string, int, int)>)[.. fields,
                    ("kind of operation", -8, 4), ("length of operation", -4, 4)])
                {
                    foreach (byte[] forged in Edges(metadata, operation + OperationHeader.Bytes + offset, width))
                    {
                        Span<byte> bytes = forged.AsSpan(record, length);
                        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], RecordHeader.ComputeCrc(bytes, seed));
                        yield return (string.Create(CultureInfo.InvariantCulture,
                            $"{kind} at {operation - log}: {name} " +
                            $"= {Hex(forged, operation + OperationHeader.Bytes + offset, width)}"), forged);
                    }
                }
            }

            foreach (byte[] forged in Edges(metadata, record + 8, 8))
            {
                Span<byte> bytes = forged.AsSpan(record, length);
                BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], RecordHeader.ComputeCrc(bytes, seed));
                yield return ($"record at {record - log}: sequence = {Hex(forged, record + 8, 8)}", forged);
            }
        }
    }

    /// <summary>The superblock's fields in both copies, sealed words, the writer's record, a journal header.</summary>
    private static IEnumerable<(string What, byte[] Metadata)> FixedForgeries(byte[] metadata)
    {
        Guid arena = new(metadata.AsSpan(40, 16));
        foreach ((string name, int offset, int width) in s_superblock)
        {
            foreach (byte[] forged in Edges(metadata, offset, width))
            {
                BinaryPrimitives.WriteUInt32LittleEndian(forged.AsSpan(120), Checksum.Of(forged.AsSpan(0, 120)));
                forged.AsSpan(0, Superblock.Bytes).CopyTo(forged.AsSpan(MetadataLayout.SecondCopy));
                yield return ($"superblock: {name} = {Hex(forged, offset, width)}", forged);
            }
        }

        foreach ((int at, WordKind kind) in ((int, WordKind)[])[
            (MetadataLayout.ActiveWord, WordKind.Active), (MetadataLayout.EpochWord, WordKind.Epoch),
            (MetadataLayout.StateWord, WordKind.Clean), (MetadataLayout.StateWord, WordKind.Open)])
        {
            foreach (uint value in s_edges.Where(edge => edge <= uint.MaxValue).Select(edge => (uint)edge))
            {
                byte[] forged = [.. metadata];
                BinaryPrimitives.WriteUInt64LittleEndian(forged.AsSpan(at),
                    SealedWord.Seal(value, Checksum.Of((ulong)kind, Checksum.Of(arena))));
                yield return ($"word {kind} = {value}", forged);
            }
        }

        foreach (int offset in (int[])[0, 8, 16, 24, 32, 40])
        {
            foreach (byte[] forged in Edges(metadata, MetadataLayout.Writer + offset, 8))
            {
                BinaryPrimitives.WriteUInt32LittleEndian(forged.AsSpan(MetadataLayout.Writer + 48),
                    Checksum.Of(forged.AsSpan(MetadataLayout.Writer, 48)));
                yield return ($"writer: {offset} = {Hex(forged, MetadataLayout.Writer + offset, 8)}", forged);
            }
        }

        for (int half = 0; half < 2; half++)
        {
            int header = MetadataLayout.FirstHalf + (half * (int)MetadataLayout.HalfSizeFor(metadata.Length));
            foreach (int offset in (int[])[8, 32])
            {
                foreach (byte[] forged in Edges(metadata, header + offset, 8))
                {
                    BinaryPrimitives.WriteUInt64LittleEndian(forged.AsSpan(header), JournalHeader.JournalMagic);
                    arena.TryWriteBytes(forged.AsSpan(header + 16));
                    BinaryPrimitives.WriteUInt32LittleEndian(forged.AsSpan(header + 40),
                        Checksum.Of(forged.AsSpan(header, 40)));
                    yield return ($"header of half {half}: {offset} = {Hex(forged, header + offset, 8)}", forged);
                    byte[] lost = [.. forged];
                    lost[MetadataLayout.ActiveWord] ^= 1;
                    yield return ($"header of half {half} without the active word: {offset} " +
                        $"= {Hex(forged, header + offset, 8)}", lost);
                }
            }
        }
    }

    private static IEnumerable<byte[]> Edges(byte[] metadata, int at, int width)
    {
        ulong there = 0;
        for (int i = width - 1; i >= 0; i--)
        {
            there = (there << 8) | metadata[at + i];
        }

        ulong mask = width == 8 ? ulong.MaxValue : (1UL << (8 * width)) - 1;
        foreach (ulong value in s_edges.Concat([there + 1, there - 1, there * 2, there ^ (1UL << ((8 * width) - 1))])
            .Select(value => value & mask).Distinct().Where(value => value != there))
        {
            byte[] forged = [.. metadata];
            for (int i = 0; i < width; i++)
            {
                forged[at + i] = (byte)(value >> (8 * i));
            }

            yield return forged;
        }
    }

    private static string Hex(byte[] bytes, int at, int width) =>
        "0x" + Convert.ToHexStringLower([.. bytes.AsSpan(at, width).ToArray().Reverse()]);

    private static int Int(byte[] bytes, int at) => BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at));
}
