using System.Runtime.InteropServices;
using System.Text;

namespace GuestMemFs.CrashLab;

/// <summary>Collections that lie in sorted maps, two of a kind in one heap.</summary>
internal sealed class ElementLab(string kind, bool erases = false)
    : HeapLab<ElementWorld, ElementModel>(erases ? $"{kind}, erasing" : kind, new HeapOptions { Erase = erases })
{
    /// <summary>Makes a further one of the kind, and explores the crashes.</summary>
    public void ExploreAnother() => ExploreCreation(world => MakeAnother(world), world => MakeAnother(world).Use());

    protected override ElementWorld Open(PersistentHeap heap) => new(heap, kind, kind);

    protected override PersistentHeap HeapOf(ElementWorld world) => world.Heap;

    private ElementWorld MakeAnother(ElementWorld world) => new(world.Heap, kind, "another");
}

/// <summary>The collection of a kind; of sets another one beside it.</summary>
internal sealed class ElementWorld
{
    public ElementWorld(PersistentHeap heap, string kind, string name)
    {
        Heap = heap;
        List = kind == "list" ? PersistentList.OpenOrCreate(heap, name) : null!;
        Set = kind == "set" ? PersistentSet.OpenOrCreate(heap, name) : null!;
        Other = kind == "set" ? PersistentSet.OpenOrCreate(heap, "other") : null!;
        Queue = kind == "queue" ? PersistentPriorityQueue.OpenOrCreate(heap, name, Clock) : null!;
        Bytes = kind == "bytes" ? PersistentBytes.OpenOrCreate(heap, name) : null!;
        Bitmap = kind == "bitmap" ? PersistentBitmap.OpenOrCreate(heap, name) : null!;
    }

    public PersistentHeap Heap { get; }

    public LabClock Clock { get; } = new();

    public PersistentList List { get; }

    public PersistentSet Set { get; }

    public PersistentSet Other { get; }

    public PersistentPriorityQueue Queue { get; }

    public PersistentBytes Bytes { get; }

    public PersistentBitmap Bitmap { get; }

    /// <summary>Changes it somehow: one that was just made has to be of use.</summary>
    public void Use()
    {
        List?.AddLast("used"u8);
        Set?.Add("used"u8);
        Queue?.Enqueue(1, "used"u8);
        Bytes?.Append("used"u8);
        Bitmap?.Set(1, true);
    }

    /// <summary>What it holds, in words.</summary>
    public List<string> Show()
    {
        if (Queue is { } queue)
        {
            IEnumerable<string> waiting = queue.Select(entry =>
                $"{entry.Id.Priority} {Encoding.UTF8.GetString(entry.Payload)} {entry.Deliveries}");
            IEnumerable<string> leased = queue.GetLeases().Select(lease =>
                $"{lease.Entry.Id.Priority} {Encoding.UTF8.GetString(lease.Entry.Payload)} {lease.Entry.Deliveries} "
                + $"for {(lease.UntilUnixMilliseconds - Clock.Milliseconds) / 1_000}");
            return [.. waiting, $"{queue.Count} waiting, {queue.LeasedCount} leased", .. leased];
        }

        if (Bytes is { } bytes)
        {
            byte[] all = new byte[bytes.Length];
            bytes.Read(0, all);
            return [ElementModel.Brief(all)];
        }

        return List is { } list ? [.. Texts(list.Scan()), $"{list.Count}"]
            : Set is { } set ? [.. Texts(set.Scan()), $"{set.Count}", "/", .. Texts(Other.Scan())]
            : Bits();
    }

    private static List<string> Texts(ElementCursor cursor)
    {
        List<string> texts = [];
        foreach (ReadOnlySpan<byte> element in cursor)
        {
            texts.Add(Encoding.UTF8.GetString(element));
        }

        return texts;
    }

    private List<string> Bits()
    {
        List<string> bits = [$"{Bitmap.Count()}"];
        for (long from = 0; Bitmap.TryGetNext(from, out long bit); from = bit + 1)
        {
            bits.Add($"{bit}");
        }

        return bits;
    }
}

/// <summary>What it should hold: plain .NET collections.</summary>
internal sealed class ElementModel : ILabModel<ElementWorld, ElementModel>
{
    public List<string> List { get; private init; } = [];

    public SortedSet<string> Set { get; private init; } = new(StringComparer.Ordinal);

    public SortedSet<string> Other { get; private init; } = new(StringComparer.Ordinal);

    /// <summary>Entries of the queue in the order of their numbers; leased ones have a time.</summary>
    public List<(long Priority, string Payload, int Deliveries, long Until)> Queue { get; private init; } = [];

    public List<byte> Bytes { get; private init; } = [];

    public SortedSet<long> Bits { get; private init; } = [];

    public ElementModel Copy() => new()
    {
        List = [.. List],
        Set = new(Set, StringComparer.Ordinal),
        Other = new(Other, StringComparer.Ordinal),
        Queue = [.. Queue],
        Bytes = [.. Bytes],
        Bits = [.. Bits],
    };

    /// <summary>Where the first entry of the queue is that waits; -1 where there is none.</summary>
    public int First(long highest)
    {
        int first = -1;
        for (int i = 0; i < Queue.Count; i++)
        {
            bool isCandidate = Queue[i].Until == 0 && Queue[i].Priority <= highest;
            first = isCandidate && (first < 0 || Queue[i].Priority < Queue[first].Priority) ? i : first;
        }

        return first;
    }

    /// <summary>Where the entry of the queue is whose lease passes first; -1 where there is none.</summary>
    public int FirstLeased()
    {
        int first = -1;
        for (int i = 0; i < Queue.Count; i++)
        {
            first = Queue[i].Until != 0 && (first < 0 || Queue[i].Until < Queue[first].Until) ? i : first;
        }

        return first;
    }

    public string Difference(ElementWorld world)
    {
        List<string> found = world.Show();
        List<string> wanted = Show(world);
        return found.SequenceEqual(wanted) ? ""
            : $"{string.Join(" | ", found)}\ninstead of {string.Join(" | ", wanted)}\n";
    }

    /// <summary>Bytes in words: how often which comes.</summary>
    public static string Brief(ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new();
        while (!bytes.IsEmpty)
        {
            int run = bytes.IndexOfAnyExcept(bytes[0]) is >= 0 and var end ? end : bytes.Length;
            text.Append(null, $"{run} times {bytes[0]}, ");
            bytes = bytes[run..];
        }

        return text.ToString();
    }

    private List<string> Show(ElementWorld world)
    {
        if (world.Queue is not null)
        {
            var waiting = Queue.Where(entry => entry.Until == 0).OrderBy(entry => entry.Priority).ToList();
            return
            [
                .. waiting.Select(entry => $"{entry.Priority} {entry.Payload} {entry.Deliveries}"),
                $"{waiting.Count} waiting, {Queue.Count - waiting.Count} leased",
                .. Queue.Where(entry => entry.Until != 0).OrderBy(entry => entry.Until).Select(entry =>
                    $"{entry.Priority} {entry.Payload} {entry.Deliveries} for {entry.Until}"),
            ];
        }

        return world.Bytes is not null ? [Brief(CollectionsMarshal.AsSpan(Bytes))]
            : world.List is not null ? [.. List, $"{List.Count}"]
            : world.Set is not null ? [.. Set, $"{Set.Count}", "/", .. Other]
            : [$"{Bits.Count}", .. Bits.Select(bit => $"{bit}")];
    }
}
