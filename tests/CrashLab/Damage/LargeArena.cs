using System.Globalization;
using System.Text;
using GuestMemFs.Collections;
using GuestMemFs.Format;
using GuestMemFs.Heap;
using GuestMemFs.Arena;

namespace GuestMemFs.CrashLab.Damage;

/// <summary>
/// An arena of hundreds of regions, some of them striped over several extents, with a heap of thousands of keys (a
/// table of several segments, values that have runs of pages of their own), and a journal that was compacted again and
/// again; its writer was killed. All of it, names, sizes and values, comes from a seed.
/// </summary>
internal sealed unsafe class LargeArena : IDisposable
{
    public const string Heap = "heap";

    private const long MiB = 1 << 20;
    private const int SmallRegions = 230;
    private const int StripedRegions = 12;
    private const int Keys = 12_000;

    private readonly Dictionary<string, long> _regions = new(StringComparer.Ordinal);

    public LargeArena(int seed)
    {
        Seed = seed;
        World = new LabWorld(WorldKind.Kind, 2040 * MiB);
        Persist.Trace = World;
        using ArenaProcess process = new(World);
        process.Open();
        Random random = new(seed);
        MakeRegions(process, random);
        MakeHeap(process, random);
        for (int i = 0; i < 5; i++)
        {
            process.Compact();
            Churn(process, random, i);
        }

        Description = ArenaModel.Describe(process.Arena);
        Generation = 1 + 5;
        MapMetadata(process);
        MapHeap(process);
        process.Kill();
        World.Begin();
    }

    public int Seed { get; }

    public LabWorld World { get; }

    /// <summary>Names, kinds and sizes of all regions.</summary>
    public string Description { get; }

    /// <summary>Of the journal's half in force, at least.</summary>
    public int Generation { get; }

    /// <summary>Regions that are known by their words.</summary>
    public IReadOnlyDictionary<string, long> Regions => _regions;

    /// <summary>The heap's keys, with the length of each value.</summary>
    public List<byte[]> HeapKeys { get; } = [];

    /// <summary>Where metadata lies in the world's memory, by what it is.</summary>
    public Dictionary<string, List<(long Start, int Length)>> Metadata { get; } = new(StringComparer.Ordinal);

    public static ulong WordAt(string name, long place) =>
        ((ulong)place + (ulong)name.Sum(letter => letter * 31L) + 1) * 0x9E37_79B9_7F4A_7C15;

    public static IEnumerable<long> Places(long length)
    {
        for (long place = 0; place < length; place += MiB)
        {
            yield return place;
        }

        yield return length - sizeof(ulong);
    }

    /// <summary>The value of a key: a large object now and then.</summary>
    public byte[] ValueOf(int key)
    {
        byte[] value = new byte[key % 1000 == 7 ? 200_000 : key % 97];
        value.AsSpan().Fill((byte)(key + Seed));
        return value;
    }

    public static PersistentDictionary Open(ArenaProcess process) =>
        PersistentDictionary.OpenOrCreate(PersistentHeap.Open(process.Region(Heap)), "keys");

    public void Dispose()
    {
        Persist.Trace = null;
        World.Dispose();
    }

    private void MakeRegions(ArenaProcess process, Random random)
    {
        for (int i = 0; i < SmallRegions + StripedRegions; i++)
        {
            string name = string.Create(CultureInfo.InvariantCulture,
                $"tenant-{i}/{new string((char)('a' + random.Next(26)), random.Next(1, 40))}");
            long length = i < SmallRegions ? random.Next(2, 4) * MiB : random.Next(9, 15) * MiB;
            PersistentRegion region = process.Arena.CreateRegion(name, length,
                new RegionOptions { Kind = random.Next(4) == 0 ? RegionKind.GuestRam : RegionKind.Raw });
            Write(region, name);
            process.Keep(region);
            _regions.Add(name, length);
            process.Release(name);
        }
    }

    private static void Write(PersistentRegion region, string name)
    {
        foreach (long place in Places(region.Length))
        {
            Persist.Publish((ulong*)(region.Address + (nint)place), WordAt(name, place));
        }
    }

    private void MakeHeap(ArenaProcess process, Random random)
    {
        process.Keep(process.Arena.CreateRegion(Heap, 48 * MiB, new RegionOptions { Kind = RegionKind.Heap }));
        PersistentDictionary dictionary = Open(process);
        for (int i = 0; i < Keys; i++)
        {
            HeapKeys.Add(Encoding.UTF8.GetBytes($"key {i} {random.Next()}"));
            dictionary.Set(HeapKeys[i], ValueOf(i));
        }
    }

    /// <summary>What a life leaves in the journal: regions that came and went, and had other names.</summary>
    private void Churn(ArenaProcess process, Random random, int turn)
    {
        for (int i = 0; i < 8; i++)
        {
            string name = $"passing {turn} {i}";
            process.Arena.CreateRegion(name, 2 * MiB).Dispose();
            process.Arena.RenameRegion(name, name + " by");
            if (random.Next(4) != 0)
            {
                process.Arena.DeleteRegion(name + " by");
            }
        }
    }

    private void MapMetadata(ArenaProcess process)
    {
        LabFile file = File(ExtentFiles.MetadataName);
        long half = (long)MetadataLayout.HalfSizeFor(file.Length);
        int used = JournalHeader.LogOffset + process.Journal.Length;
        (long inForce, long other) = (Generation & 1) != 0 ? (half, 0L) : (0L, half);
        Add("superblock", file.Start, Superblock.Bytes);
        Add("superblock", file.Start + MetadataLayout.SecondCopy, Superblock.Bytes);
        Add("words of the metadata", file.Start + MetadataLayout.ActiveWord, 0x100);
        Add("journal header", file.Start + MetadataLayout.FirstHalf + inForce, JournalHeader.LogOffset);
        Add("journal", file.Start + MetadataLayout.FirstHalf + inForce + JournalHeader.LogOffset,
            used - JournalHeader.LogOffset);
        Add("journal's other half", file.Start + MetadataLayout.FirstHalf + other, used);
        Add("identity of the metadata", file.Start + file.Length - ExtentIdentity.BlockBytes,
            OwnerHint.Offset + OwnerHint.Bytes);
        foreach (LabFile extent in World.Files.Where(one => one != file))
        {
            Add("identity of an extent", extent.Start + extent.Length - ExtentIdentity.BlockBytes,
                OwnerHint.Offset + OwnerHint.Bytes);
        }
    }

    private void MapHeap(ArenaProcess process)
    {
        PersistentRegion region = process.Region(Heap);
        ulong id = process.Tables.Extents.First(extent =>
            process.Tables.Find(extent.RegionId)?.Entry.Name == Heap).RegionId;
        var extents = process.Tables.Extents.Where(extent => extent.RegionId == id).OrderBy(extent => extent.Ordinal)
            .ToList();
        void AddHeap(string what, long offset, long length)
        {
            long at = offset;
            foreach (var extent in extents)
            {
                if (at < extent.Used)
                {
                    Add(what, File(ExtentFiles.NameOf(extent.Id)).Start + at, (int)Math.Min(length, extent.Used - at));
                    return;
                }

                at -= extent.Used;
            }
        }

        byte* start = (byte*)region.Address;
        RegionHeapSpace space = new(region);
        PageTable table = new(space);
        long frontier = new HeapFrontier(space).Read();
        AddHeap("heap header", 0, HeapFormat.FrontierOffset + 8);
        AddHeap("heap roots", HeapFormat.RootsOffset, 2 * HeapFormat.RootLength);
        AddHeap("heap lanes", HeapFormat.LanesOffset, HeapFormat.LaneCount * HeapFormat.LaneLength);
        AddHeap("heap page table", PageTable.TableOf(0).Offset + (HeapFormat.FirstPage * 8),
            (frontier - HeapFormat.FirstPage) * 8);
        foreach ((long offset, long length) in HeapBlocks.Find(space))
        {
            ulong header = *(ulong*)(start + offset);
            (string what, long bytes) = BlockHeader.TypeOf(header) switch
            {
                BlockHeader.TypeTable => ("heap table", length),
                BlockHeader.TypeSegment => ("heap segment", length),
                BlockHeader.TypeDictionary => ("heap dictionary", DictionaryFormat.Size),
                BlockHeader.TypeOverflow => ("heap overflow block", length),
                _ => ("heap record", RecordFormat.KeyOffset(header) + RecordFormat.KeyLength(header)),
            };
            AddHeap(what, offset, bytes);
        }
    }

    private LabFile File(string name) => World.Files.Find(file => file.Name == name)
        ?? throw new InvalidOperationException($"There is no file {name}.");

    private void Add(string what, long start, int length)
    {
        if (!Metadata.TryGetValue(what, out var parts))
        {
            Metadata.Add(what, parts = []);
        }

        parts.Add((start, length));
    }
}
