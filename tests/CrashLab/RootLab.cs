using System.Runtime.InteropServices;
using System.Text;
using GuestMemFs.Collections;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.CrashLab;

/// <summary>Roots of all kinds, which come and are deleted.</summary>
internal sealed unsafe class RootLab(bool erases = false)
    : HeapLab<RootWorld, RootModel>("roots", new HeapOptions { Erase = erases })
{
    protected override RootWorld Open(PersistentHeap heap) => new(heap);

    protected override PersistentHeap HeapOf(RootWorld world) => world.Heap;

    // Objects that nothing leads to are no leak to the verifier.
    protected override void RequireNow(RootWorld world, LabSpace space)
    {
        long objects = HeapBlocks.Find(space).Keys.Count(block =>
            BlockHeader.TypeOf(*(ulong*)(space.Base + block)) == BlockHeader.TypeBlob);
        long roots = new HeapRoots(space).All().Count(root =>
            BlockHeader.TypeOf(*(ulong*)(space.Base + root.Offset)) == BlockHeader.TypeBlob);
        Assert.True(objects == 2 * roots, $"{objects} objects are in use, {roots} are roots, with a shape each");
    }

    // What a kill left of a deleted root is given back.
    protected override bool Upkeep(RootWorld world)
    {
        foreach (string name in world.Show().Keys.Where(it => it.StartsWith("typed", StringComparison.Ordinal)))
        {
            world.MigrateTyped(name);
            world.RequireTyped(name);
        }

        DroppedRoots.Of(world.Heap).FreeAll();
        Assert.DoesNotContain(new HeapRoots(world.Heap.Space).All(), root => root.State == RootState.Dropped);
        return true;
    }
}

/// <summary>A heap.</summary>
internal sealed record RootWorld(PersistentHeap Heap)
{
    /// <summary>Makes a root with so many things in it.</summary>
    public void Make(string name, int count)
    {
        string kind = KindOf(name);
        for (int i = 0; i < Math.Max(1, count); i++)
        {
            byte[] key = Encoding.UTF8.GetBytes($"key {i}");
            switch (kind)
            {
                case "object":
                    Heap.OpenOrCreateRoot(name, new RootPair { First = count, Second = -1 });
                    break;
                case "dictionary":
                    Change(count, PersistentDictionary.OpenOrCreate(Heap, name), it => it.Set(key, "value"u8));
                    break;
                case "typed":
                    Change(count, Heap.OpenOrCreateDictionary<int, int>(name), it => it[i] = i);
                    break;
                case "typedlist":
                    Change(count, Heap.OpenOrCreateList<int>(name), it => it.AddLast(i));
                    break;
                case "typedset":
                    Change(count, Heap.OpenOrCreateSet<int>(name), it => it.Add(i));
                    break;
                case "typedqueue":
                    Change(count, Heap.OpenOrCreatePriorityQueue<int>(name), it => it.Enqueue(i, i));
                    break;
                case "typedlog":
                    Change(count, Heap.OpenOrCreateLog<int>(name), it =>
                    {
                        it.Append(i);
                        it.Bytes.SetPosition("reader", it.LastId);
                    });
                    break;
                case "map":
                    Change(count, PersistentSortedMap.OpenOrCreate(Heap, name), it => it.Set(key, "value"u8));
                    break;
                case "list":
                    Change(count, PersistentList.OpenOrCreate(Heap, name), it => it.AddLast(key));
                    break;
                case "log":
                    Change(count, PersistentLog.OpenOrCreate(Heap, name), it =>
                    {
                        it.Append(new byte[300]);
                        it.SetPosition($"reader {i % 2}", it.LastId);
                    });
                    break;
            }
        }
    }

    /// <summary>Converts a root of an object.</summary>
    public bool Migrate(string name) => Heap.MigrateRoot(
        name, (in RootPair old) => new RootTriple { First = old.First, Third = old.Second });

    /// <summary>What there is.</summary>
    public Dictionary<string, int> Show() => Heap.Roots
        .Where(name => name[0] != '.' && !name.EndsWith(".new", StringComparison.Ordinal))
        .ToDictionary(name => name, CountOf);

    /// <summary>Converts the values of a typed collection, or continues with it.</summary>
    public void MigrateTyped(string name) => _ = KindOf(name) switch
    {
        "typedlist" => Heap.MigrateList<int, long>(name, null, null, More),
        "typedset" => Heap.MigrateSet<int, long>(name, null, null, More),
        "typedqueue" => Heap.MigratePriorityQueue<int, long>(name, null, null, More),
        "typedlog" => Heap.MigrateLog<int, long>(name, null, null, More),
        _ => Heap.MigrateDictionary<int, int, long>(name, null, null, (_, old) => More(old)),
    };

    /// <summary>Looks at the values of a typed collection that was converted: they rise from 0 on.</summary>
    public void RequireTyped(string name)
    {
        IEnumerable<long> values = KindOf(name) switch
        {
            "typedlist" => Heap.OpenOrCreateList<long>(name),
            "typedset" => Heap.OpenOrCreateSet<long>(name),
            "typedqueue" => Heap.OpenOrCreatePriorityQueue<long>(name).Select(it => it.Value),
            "typedlog" => Heap.OpenOrCreateLog<long>(name).Select(it => it.Value),
            _ => Heap.OpenOrCreateDictionary<int, long>(name).OrderBy(it => it.Key).Select(it => it.Value),
        };
        long[] found = [.. values];
        Assert.Equal(Enumerable.Range(0, found.Length).Select(More), found);
        if (KindOf(name) == "typedlog")
        {
            PersistentLog log = PersistentLog.OpenOrCreate(Heap, name);
            Assert.True(log.TryGetPosition("reader", out LogEntryId position));
            Assert.Equal(log.LastId, position);
        }
    }

    private static long More(int old) => old + (1L << 40);

    private static string KindOf(string name) => name[..name.IndexOf(' ', StringComparison.Ordinal)];

    private static void Change<T>(int count, T collection, Action<T> change)
    {
        if (count > 0)
        {
            change(collection);
        }
    }

    private int CountOf(string name) => KindOf(name) switch
    {
        "object" => Heap.RootShapeOf(name)!.Type.EndsWith("Triple", StringComparison.Ordinal)
            ? 1000 + (int)Heap.OpenOrCreateRoot<RootTriple>(name).Value.First
            : (int)Heap.OpenOrCreateRoot<RootPair>(name).Value.First,
        "dictionary" => Enumerable.Range(0, 100).Count(i => PersistentDictionary.OpenOrCreate(Heap, name)
            .ContainsKey(Encoding.UTF8.GetBytes($"key {i}"))),
        "typed" => (int)PersistentDictionary.OpenOrCreate(Heap, name).Count,
        "typedlist" => (int)PersistentList.OpenOrCreate(Heap, name).Count,
        "typedset" => (int)PersistentSet.OpenOrCreate(Heap, name).Count,
        "typedqueue" => (int)PersistentPriorityQueue.OpenOrCreate(Heap, name).Count,
        "map" => Walk(PersistentSortedMap.OpenOrCreate(Heap, name).Scan()),
        "list" => Elements(PersistentList.OpenOrCreate(Heap, name).Scan()),
        _ => (int)PersistentLog.OpenOrCreate(Heap, name).Count,
    };

    private static int Walk(SortedMapCursor cursor)
    {
        int count = 0;
        while (cursor.MoveNext())
        {
            count++;
        }

        return count;
    }

    private static int Elements(ElementCursor cursor)
    {
        int count = 0;
        foreach (ReadOnlySpan<byte> element in cursor)
        {
            count += element.Length > 0 ? 1 : 0;
        }

        return count;
    }
}

[StructLayout(LayoutKind.Sequential)]
internal struct RootPair
{
    public long First;
    public long Second;
}

[StructLayout(LayoutKind.Sequential)]
internal struct RootTriple
{
    public long First;
    public long Second;
    public long Third;
}

/// <summary>The roots that should be there, with how many things are in each.</summary>
internal sealed class RootModel : ILabModel<RootWorld, RootModel>
{
    public Dictionary<string, int> Roots { get; private init; } = [];

    public RootModel Copy() => new() { Roots = new(Roots) };

    public string Difference(RootWorld world)
    {
        string found = Text(world.Show());
        string should = Text(Roots);
        return found == should ? "" : $"{found}, not {should}\n";
    }

    private static string Text(Dictionary<string, int> roots) =>
        string.Join(", ", roots.OrderBy(it => it.Key, StringComparer.Ordinal).Select(it => $"{it.Key}: {it.Value}"));
}
