using System.Text;
using GuestMemFs.Collections;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.CrashLab.Damage;

/// <summary>An application's root object: a number and bytes that hang on it.</summary>
internal struct AppRoot(long number)
{
    public long Number = number;
    public Offset<byte> Text = default;
}

/// <summary>
/// A small heap with one of everything: values of all sizes, a chain of overflow blocks, integers, expiry times, a
/// cleared table that is half taken apart, a second dictionary, an application's own objects; or the same, killed in
/// the middle of one operation.
/// </summary>
internal sealed unsafe class DamageImage
{
    public const long Length = 4 << 20;
    public const long Later = 2_000_000;
    public const string AtRest = "at rest";
    public const string CheckedValue = "value with a checksum";
    public const string MapKey = "map ";
    public const string InOpenGroup = "in an open group";

    private DamageImage(string name, Image image)
    {
        Name = name;
        Image = image;
    }

    public string Name { get; }

    public Image Image { get; }

    /// <summary>
    /// What each key of "keys" holds; two values where the operation that was cut may be there or not (null: absent).
    /// </summary>
    public SortedDictionary<string, string?[]> Keys { get; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, string?[]> Others { get; } = new(StringComparer.Ordinal);

    /// <summary>What each key of the sorted map holds.</summary>
    public SortedDictionary<string, string?[]> Sorted { get; } = new(StringComparer.Ordinal);

    /// <summary>The metadata, part by part.</summary>
    public List<DamagedPart> Metadata { get; } = [];

    /// <summary>The image at rest, and those killed in an operation.</summary>
    public static IEnumerable<string> Names => [AtRest, .. s_cuts.Keys];

    // An operation that is cut, and how many stores before its end.
    private static readonly Dictionary<string, (int FromEnd, Action<DamageImage, PersistentDictionary> Run)> s_cuts =
        new()
    {
        ["in an update that happened"] = (4, (image, keys) =>
            image.Set(keys, "plain 3", "another value, a bit longer than before")),
        ["in an update that did not happen"] = (7,
            (image, keys) => image.Set(keys, "plain 3", "another value, a bit longer than before")),
        ["in an insert with an overflow block"] = (3, (image, keys) => image.Set(keys, Same(13), "one more")),
        ["in a removal from a chain"] = (5, (image, keys) => image.Remove(keys, Same(2))),
        [InOpenGroup] = (0, (image, keys) => image.Group(keys, commit: false)),
        ["in a committed group"] = (8, (image, keys) => image.Group(keys, commit: true)),
    };

    public static DamageImage Build(string name)
    {
        using LabSpace space = new(Length);
        space.MakeStale();
        Persist.Trace = space;
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary keys = Open(heap, "keys");
        PersistentDictionary others = Open(heap, "others");
        PersistentSortedMap sorted = OpenMap(heap);
        DamageImage draft = new(name, space.Capture());
        draft.Fill(heap, keys, others);
        draft.FillMap(sorted);
        if (s_cuts.TryGetValue(name, out var cut))
        {
            cut.Run(draft, keys);
            space.GoBack(cut.FromEnd == 0 ? draft._keep : space.Mark - cut.FromEnd);
        }

        Persist.Trace = null;
        Image image = space.Capture();
        DamageImage built = new(name, image);
        foreach ((string key, string?[] values) in draft.Keys)
        {
            built.Keys.Add(key, values);
        }

        foreach ((string key, string?[] values) in draft.Others)
        {
            built.Others.Add(key, values);
        }

        foreach ((string key, string?[] values) in draft.Sorted)
        {
            built.Sorted.Add(key, values);
        }

        space.Load(image);
        built.Map(space);
        return built;
    }

    /// <summary>Opens a dictionary or makes it; "others" has checksums.</summary>
    public static PersistentDictionary Open(PersistentHeap heap, string name) => PersistentDictionary.OpenOrCreate(
        heap,
        name,
        new PersistentDictionaryOptions
        {
            TimeProvider = DictionaryLab.StoppedTime.Instance,
            Checksums = name == "others",
        });

    /// <summary>Opens the sorted map or makes it.</summary>
    public static PersistentSortedMap OpenMap(PersistentHeap heap) => PersistentSortedMap.OpenOrCreate(
        heap, "sorted", new PersistentSortedMapOptions { TimeProvider = DictionaryLab.StoppedTime.Instance });

    /// <summary>Keys of one bucket.</summary>
    public static string Same(int index) => DictionaryCrashTests.SameKeys[index];

    private int _keep;

    private void Fill(PersistentHeap heap, PersistentDictionary keys, PersistentDictionary others)
    {
        for (int i = 0; i < 13; i++)
        {
            Set(keys, Same(i), "value " + i, certain: true);
        }

        for (int i = 0; i < 12; i++)
        {
            Set(keys, "plain " + i, new string((char)('a' + i), i * i * 3), certain: true);
        }

        Set(keys, "expiring", "until later", certain: true, Later);
        Set(keys, "expiring too", "until later", certain: true, Later + 5);
        Set(keys, "large", new string('L', 40_000), certain: true);
        Set(keys, "run", new string('R', 70_000), certain: true);
        for (int i = 0; i < 3; i++)
        {
            keys.Increment(Encoding.UTF8.GetBytes("number " + i), 1000 + i);
            Keys["number " + i] = ["" + (1000 + i)];
        }

        for (int i = 0; i < 10; i++)
        {
            others.Set(Encoding.UTF8.GetBytes("old " + i), "cleared"u8);
        }

        others.Clear();
        others.CollectGarbage(500);
        for (int i = 0; i < 4; i++)
        {
            byte[] key = Encoding.UTF8.GetBytes("other " + i);
            others.Set(key, Encoding.UTF8.GetBytes("of the other " + i));
            Others["other " + i] = ["of the other " + i];
        }

        PersistentRoot<AppRoot> root = heap.OpenOrCreateRoot<AppRoot>("application", new AppRoot(77));
        heap.PutBytes(in root.Value.Text, "hangs on the root"u8);
        using AtomicGroup group = keys.BeginAtomic(); // so that there is a group's log
        keys.Set("plain 0"u8, ""u8);
        group.Commit();
    }

    // A branch and some leaves, which share the beginning of their keys.
    private void FillMap(PersistentSortedMap sorted)
    {
        for (int i = 0; i < 40; i++)
        {
            string key = $"{MapKey}{i * 7 % 40:00}, in the place of {i * 7 % 40}";
            Sorted[key] = ["in order " + i];
            sorted.Set(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes("in order " + i));
        }
    }

    private void Set(PersistentDictionary keys, string key, string value, bool certain = false, long expiresAt = 0)
    {
        Note(key, value, certain);
        keys.Set(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value),
            expiresAt == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(expiresAt));
    }

    private void Remove(PersistentDictionary keys, string key)
    {
        Note(key, null, certain: false);
        keys.Remove(Encoding.UTF8.GetBytes(key));
    }

    private void Group(PersistentDictionary keys, bool commit)
    {
        using AtomicGroup group = keys.BeginAtomic();
        Set(keys, "plain 5", "in a group");
        Set(keys, "new in a group", "new");
        Remove(keys, "plain 6");
        Set(keys, Same(4), "in a group too");
        _keep = ((LabSpace)Persist.Trace!).Mark;
        if (commit)
        {
            group.Commit();
        }
    }

    private void Note(string key, string? value, bool certain) =>
        Keys[key] = certain ? [value] : [.. Keys.GetValueOrDefault(key, [null]), value];

    private void Map(LabSpace space)
    {
        Add("header", 0, HeapFormat.CrcOffset + 8, Promise.HeapOpen);
        Add("header", HeapFormat.CrcOffset + 8, HeapFormat.FrontierOffset - HeapFormat.CrcOffset - 8);
        Add("header", HeapFormat.FrontierOffset, 8, Promise.HeapOpen);
        for (int root = HeapFormat.RootsOffset; root
            < HeapFormat.RootsOffset + (6 * HeapFormat.RootLength); root += HeapFormat.RootLength)
        {
            bool used = Word(space, root + HeapPlaces.RootOffset) != 0;
            Add(used ? "root" : "root not used", root, HeapPlaces.RootCheck, used ? Promise.HeapOpen : Promise.Nothing);
            Add(used ? "root" : "root not used", root + HeapPlaces.RootCheck, 16, Promise.HeapOpen);
            Add(used ? "root" : "root not used", root + HeapPlaces.RootOffset + 8,
                HeapFormat.RootLength - HeapPlaces.RootOffset - 8);
        }

        MapLane(space, 0);
        MapLane(space, HeapFormat.LaneCount - 1);
        PageTable table = new(space);
        long frontier = new HeapFrontier(space).Read();
        long descriptors = PageTable.TableOf(0).Offset;
        for (long page = HeapFormat.FirstPage; page < frontier;)
        {
            PageDescriptor descriptor = table[page];
            Add("page table", descriptors + (page * 8), 8, Promise.Use);
            Add("page table", descriptors + ((page + 1) * 8), (int)(descriptor.Count - 1) * 8);
            long start = page << HeapFormat.PageShift;
            int free = 0;
            for (int i = 0; i < descriptor.Blocks; i++, start += descriptor.BlockSize)
            {
                MapBlock(space, start, ref free);
            }

            page += descriptor.Count;
        }

        Add("page table", descriptors + (frontier * 8), 16);
    }

    private void MapLane(LabSpace space, int index)
    {
        long lane = HeapFormat.LanesOffset + (index * HeapFormat.LaneLength);
        ulong operation = Word(space, lane);
        for (int word = 0; word < HeapFormat.LaneLength / 8; word++)
        {
            bool counts = word switch
            {
                IntentWord.Operation or IntentWord.GroupLog or IntentWord.GroupState => true,
                _ when operation == 0 => false,
                >= IntentWord.Slot and <= IntentWord.Old => true,
                >= IntentWord.Keys and <= IntentWord.Counters => (operation & IntentWord.HasCounters) != 0,
                IntentWord.SecondSlot or IntentWord.SecondValue => (operation & IntentWord.HasSecondSlot) != 0,
                >= IntentWord.MoreOld and < IntentWord.GroupLog =>
                    word < IntentWord.MoreOld + (int)((uint)operation >> IntentWord.MoreOldShift),
                _ => word >= IntentWord.MoreNew
                    && word < IntentWord.MoreNew + ((int)(operation >> IntentWord.MoreNewShift) & 0xFF),
            };
            Add("lane " + index, lane + (word * 8), 8, counts ? Promise.HeapOpen : Promise.Nothing);
        }
    }

    private void MapBlock(LabSpace space, long start, ref int free)
    {
        ulong header = Word(space, start);
        // Killed in an operation, some are nobody's any more.
        Promise reached = Name == AtRest ? Promise.Use : Promise.Nothing;
        switch (BlockHeader.TypeOf(header))
        {
            case 0 or BlockHeader.TypeReserved:
                if (free++ < 3)
                {
                    Add("free block", start, 8);
                }

                break;
            case BlockHeader.TypeTable:
                Add("table", start, 8, Promise.Open);
                Add("table", start + 8, HeapPlaces.Buckets - 8);
                Add("table", start + HeapPlaces.Buckets, 16, Promise.Open);
                Add("table", start + HeapPlaces.Buckets + 16, HeapPlaces.Segments - HeapPlaces.Buckets - 16);
                Add("table", start + HeapPlaces.Segments, Table.Size - HeapPlaces.Segments, Promise.Open);
                break;
            case BlockHeader.TypeSegment:
                Add("segment", start, 8, Promise.Use);
                Add("segment", start + 8, (int)Table.SegmentBytes(0) - 8);
                break;
            case BlockHeader.TypeDictionary:
                const int checkedLength = DictionaryFormat.OptionsOffset + 8;
                Add("dictionary", start, checkedLength, Promise.Open);
                Add("dictionary", start + checkedLength, DictionaryFormat.Size - checkedLength);
                break;
            case BlockHeader.TypeSortedMap or BlockHeader.TypeBranch or BlockHeader.TypeLeaf:
                Add("sorted map", start, (int)BlockHeader.SizeOf(header));
                break;
            case BlockHeader.TypeOverflow:
                Add("overflow block", start, 8, reached);
                Add("overflow block", start + 8, Table.BucketLength - 8);
                break;
            case BlockHeader.TypeOwnedGroupLog:
                Add("group log", start, 1, Promise.HeapOpen);
                // The length's low byte: a log of some entries less fits the same block, and is as right as this one.
                Add("group log", start + 1, 1);
                Add("group log", start + 2, 6, Promise.HeapOpen);
                Add("group log", start + 8, 8, Promise.HeapOpen); // that its entries name their owners
                Add("group log", start + 16, (int)GroupLog.BlockSize(6) - 16);
                break;
            case BlockHeader.TypeBlob when IsShape(space, start):
                // What a root's struct is called: looked at where another is asked for, and by the deep check.
                Add("shape", start, (int)BlockHeader.SizeOf(header));
                break;
            case BlockHeader.TypeBlob:
                // A root says how long it is; of another object nobody but its header knows.
                bool root = BlockHeader.SizeOf(header) == 24;
                Add("object", start, root ? 8 : 1, Promise.Use);
                Add("object", start + (root ? 8 : 1), root ? 16 : 7);
                break;
            case var _ when RecordFormat.Key(space.Base + start, header).StartsWith(Encoding.UTF8.GetBytes(MapKey)):
                // As much of the key as a leaf's slice has. The rest of it has no check: it is data.
                Add("record of a map", start, RecordFormat.KeyOffset(header) + sizeof(ulong));
                break;
            default:
                bool cleared = RecordFormat.Key(space.Base + start, header).StartsWith("old "u8);
                Add("record", start, 8, cleared ? Promise.Nothing : reached);
                Add("key", start + RecordFormat.KeyOffset(header), RecordFormat.KeyLength(header),
                    cleared ? Promise.Nothing : reached);
                if (RecordFormat.Key(space.Base + start, header).StartsWith("other "u8))
                {
                    long value = start + RecordFormat.KeyOffset(header) + RecordFormat.KeyLength(header);
                    Add(CheckedValue, value, RecordFormat.ValueLength(header), reached);
                }

                break;
        }
    }

    private static bool IsShape(LabSpace space, long block)
    {
        HeapRoots roots = new(space);
        return roots.All().Exists(root => roots.ShapeOf(root.Slot) == block
            && BlockHeader.TypeOf(Word(space, root.Offset)) == BlockHeader.TypeBlob);
    }

    private static ulong Word(LabSpace space, long offset) => *(ulong*)(space.Base + offset);

    // What an operation in flight changes the meaning of; the rest is as in the image at rest.
    private void Add(string what, long offset, int length, Promise promise = Promise.Nothing)
    {
        if (length > 0
            && (Name == AtRest || what is "lane 0" or "group log" or "dictionary" or "record" or "overflow block"))
        {
            Metadata.Add(new DamagedPart(what, offset, length, promise));
        }
    }
}
