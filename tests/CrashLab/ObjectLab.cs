using System.Runtime.InteropServices;
using System.Text;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.CrashLab;

/// <summary>Objects of an application, linked to two lists, with a dictionary beside them.</summary>
internal sealed unsafe class ObjectLab(bool erases = false)
    : HeapLab<ObjectWorld, ObjectModel>("objects", new HeapOptions { Erase = erases })
{
    /// <summary>Makes a further root, and explores the crashes.</summary>
    public void ExploreFurtherRoot() => ExploreCreation(
        world => world.Heap.OpenOrCreateRoot("further", 7L),
        world =>
        {
            PersistentRoot<long> further = world.Heap.OpenOrCreateRoot("further", 7L);
            Assert.Equal(7, further.Value);
            further.Set(8);
        });

    protected override ObjectWorld Open(PersistentHeap heap) => new(
        heap,
        heap.OpenOrCreateRoot<Heads>("heads"),
        PersistentDictionary.OpenOrCreate(
            heap, "keys", new() { TimeProvider = DictionaryLab.StoppedTime.Instance }));

    protected override PersistentHeap HeapOf(ObjectWorld world) => world.Heap;

    // What leads to an object is known to the application alone: so is a leak.
    protected override void RequireNow(ObjectWorld world, LabSpace space)
    {
        long objects = HeapBlocks.Find(space).Keys.Count(block =>
            BlockHeader.TypeOf(*(ulong*)(space.Base + block)) == BlockHeader.TypeBlob);
        long roots = 2 * (world.Heap.Roots.Count - 1); // with their shapes; the dictionary's is not one
        long reached = roots + (world.Text.IsNone ? 0 : 1) + world.Nodes(world.Head).Count()
            + world.Nodes(world.Other).Count();
        Assert.True(objects == reached, $"{objects} objects are in use, {reached} are reached");
        foreach (Lane lane in world.Heap.Lanes)
        {
            Assert.True(IsMarked(space) || !HasLink(space, lane), "a log has links, and the header does not say so");
        }
    }

    private static bool IsMarked(LabSpace space) =>
        (*(ulong*)(space.Base + HeapFormat.IncompatOffset) & HeapFormat.LinkedObjects) != 0;

    // What an ended group left in its log counts too.
    private static bool HasLink(LabSpace space, Lane lane)
    {
        if (!GroupLog.Exists(lane))
        {
            return false;
        }

        GroupLog log = GroupLog.Open(space, lane);
        ulong* words = (ulong*)(space.Base + log.Offset + GroupLog.EntriesOffset);
        for (int i = 0; i < log.Capacity; i++)
        {
            if (SealedOffset.TryOpen(words[(3 * i) + 2], (3 * i) + 2, out long owner)
                && new GroupEntry(0, 0, owner).KeepsAny)
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>The root: where both lists begin.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Heads
{
    public Offset<ListNode> Head;
    public Offset<ListNode> Other;
    public Offset<byte> Text;
}

[StructLayout(LayoutKind.Sequential)]
internal struct ListNode
{
    public long Number;
    public Offset<ListNode> Next;
}

/// <summary>The heap, its root, and a dictionary.</summary>
internal sealed record ObjectWorld(PersistentHeap Heap, PersistentRoot<Heads> Root, PersistentDictionary Dictionary)
{
    public ref readonly Offset<ListNode> Head => ref Root.Value.Head;

    public ref readonly Offset<ListNode> Other => ref Root.Value.Other;

    public ref readonly Offset<byte> Text => ref Root.Value.Text;

    public ListNode Read(Offset<ListNode> node) => Heap.Read(node);

    public IEnumerable<long> Nodes(Offset<ListNode> first)
    {
        for (Offset<ListNode> at = first; !at.IsNone; at = Read(at).Next)
        {
            yield return Read(at).Number;
        }
    }
}

/// <summary>What the lists and the dictionary should hold.</summary>
internal sealed class ObjectModel : ILabModel<ObjectWorld, ObjectModel>
{
    public List<long> Head { get; private init; } = [];

    public List<long> Other { get; private init; } = [];

    public string Text { get; set; } = "";

    public DictionaryModel Beside { get; private init; } = new();

    public ObjectModel Copy() =>
        new() { Head = [.. Head], Other = [.. Other], Text = Text, Beside = Beside.Copy() };

    public string Difference(ObjectWorld world)
    {
        string head = string.Join(' ', world.Nodes(world.Head));
        string other = string.Join(' ', world.Nodes(world.Other));
        string lists = head == string.Join(' ', Head) && other == string.Join(' ', Other) ? ""
            : $"{head} and {other}, not {string.Join(' ', Head)} and {string.Join(' ', Other)}\n";
        string text = Encoding.UTF8.GetString(world.Heap.ReadBytes(world.Text));
        lists += text == Text ? "" : $"'{text}' and not '{Text}'\n";
        return lists + Beside.Difference(world.Dictionary);
    }
}
