using System.Globalization;
using GuestMemFs.Heap;
using GuestMemFs.Inspection;

namespace GuestMemFs.ScheduleLab.Checking;

/// <summary>The root of the lab's linked objects.</summary>
internal struct NodeList
{
    public Offset<Node> Head;
    public Offset<Node> Spare;
}

/// <summary>One of the lab's linked objects.</summary>
internal struct Node
{
    public long Number;
    public Offset<Node> Next;
}

/// <summary>Changes of an application's objects: a list of nodes, one beside it, and a root that is set whole. What
/// reads a field before it changes it, does both in a group.</summary>
internal static class NodeOperation
{
    private const string List = "node:list";
    private const string Spare = "node:spare";
    private const string Root = "node:root";

    /// <summary>The objects of a beginning.</summary>
    public static Part Part { get; } = new("nodes", (world, heap, _) =>
    {
        world.Nodes = heap.OpenOrCreateRoot<NodeList>("nodes");
        world.Number = heap.OpenOrCreateRoot<long>("number");
    }, AddContent) { MoreRoots = ["number"] };

    /// <summary>A node in front of the first one; within a group.</summary>
    public static Operation Push(long number) => new($"node-push {number}", world =>
    {
        ref readonly NodeList nodes = ref world.Nodes.Value;
        world.Heap.Insert(in nodes.Head, new Node { Number = number, Next = nodes.Head });
        return "ok";
    }, (model, _, result) => Change(model, List, Joined([Text(number), .. Split(model[List])]), result));

    /// <summary>Takes the first one out; within a group.</summary>
    public static Operation Pop() => new("node-pop", world =>
    {
        ref readonly NodeList nodes = ref world.Nodes.Value;
        if (nodes.Head.IsNone)
        {
            return "none";
        }

        long number = world.Heap.Read(nodes.Head).Number;
        world.Heap.Remove(in nodes.Head, world.Heap.Read(nodes.Head).Next);
        return Text(number);
    }, (model, _, result) =>
    {
        string[] numbers = Split(model[List]);
        return numbers.Length == 0 ? Operation.Is(result, null)
            : Change(model, List, Joined(numbers[1..]), result, numbers[0]);
    });

    /// <summary>Another one in the place of the one beside the list; within a group.</summary>
    public static Operation Exchange(long number) => new($"node-exchange {number}", world =>
    {
        ref readonly NodeList nodes = ref world.Nodes.Value;
        Offset<Node> old = nodes.Spare;
        Offset<Node> made = world.Heap.Allocate(new Node { Number = number });
        world.Heap.Link(in nodes.Spare, made);
        if (!old.IsNone)
        {
            world.Heap.Release(old);
        }

        return "ok";
    }, (model, _, result) => Change(model, Spare, Text(number), result));

    /// <summary>The list's first node and the one beside it change places; within a group.</summary>
    public static Operation Swap() => new("node-swap", world =>
    {
        ref readonly NodeList nodes = ref world.Nodes.Value;
        Offset<Node> first = nodes.Head, spare = nodes.Spare;
        if (first.IsNone || spare.IsNone)
        {
            return "none";
        }

        world.Heap.Link(in world.Heap.Read(spare).Next, world.Heap.Read(first).Next);
        world.Heap.Link(in nodes.Head, spare);
        world.Heap.Link(in world.Heap.Read(first).Next, default);
        world.Heap.Link(in nodes.Spare, first);
        return "ok";
    }, (model, _, result) =>
    {
        string[] numbers = Split(model[List]);
        if (numbers.Length == 0 || model[Spare] is not { } spare)
        {
            return Operation.Is(result, null);
        }

        return Change(model, List, Joined([spare, .. numbers[1..]]), result)
            && Change(model, Spare, numbers[0], result);
    });

    public static Operation Put(long number) => new($"node-put {number}", world =>
    {
        world.Heap.Put(in world.Nodes.Value.Spare, new Node { Number = number });
        return "ok";
    }, (model, _, result) => Change(model, Spare, Text(number), result));

    public static Operation Free() => new("node-free", world =>
    {
        world.Heap.Free(in world.Nodes.Value.Spare);
        return "ok";
    }, (model, _, result) => Change(model, Spare, null, result));

    public static Operation SetRoot(long number) => new($"node-set-root {number}", world =>
    {
        world.Number.Set(number);
        return "ok";
    }, (model, _, result) => Change(model, Root, Text(number), result));

    /// <summary>What stands there; within a group, since nothing else keeps others from freeing it.</summary>
    public static Operation Read() => new("node-read", world => Described(world), (model, _, result) =>
        Operation.Is(result, $"{model[Root]} {model[Spare] ?? "none"} {model[List]}"));

    private static bool Change(Model model, string name, string? value, string result, string expected = "ok")
    {
        model[name] = value;
        return Operation.Is(result, expected);
    }

    private static string Described(World world)
    {
        ref readonly NodeList nodes = ref world.Nodes.Value;
        string spare = nodes.Spare.IsNone ? "none" : Text(world.Heap.Read(nodes.Spare).Number);
        return $"{Text(world.Number.Value)} {spare} {Joined([.. Numbers(world)])}";
    }

    private static List<string> Numbers(World world)
    {
        List<string> numbers = [];
        for (Offset<Node> at = world.Nodes.Value.Head; !at.IsNone && numbers.Count < 20; at = world.Heap.Read(at).Next)
        {
            numbers.Add(Text(world.Heap.Read(at).Number));
        }

        return numbers;
    }

    // No object that nothing leads to: the verifier does not know an application's fields.
    private static unsafe string? AddContent(World world, SortedDictionary<string, string> texts)
    {
        List<string> numbers = Numbers(world);
        ref readonly NodeList nodes = ref world.Nodes.Value;
        ref readonly Objects objects = ref world.Objects.Value;
        // A root has its object, and its struct in words.
        int lead = (2 * world.Heap.Roots.Count(root => root != "keys")) + numbers.Count
            + (nodes.Spare.IsNone ? 0 : 1) + (objects.A.IsNone ? 0 : 1) + (objects.B.IsNone ? 0 : 1);
        int there = HeapBlocks.Find(world.Heap.Space).Count(found =>
            BlockHeader.TypeOf(*(ulong*)(world.Heap.Space.Base + found.Key)) == BlockHeader.TypeBlob);
        if (numbers.Count > 0)
        {
            texts.Add(List, string.Join(',', numbers));
        }

        if (!nodes.Spare.IsNone)
        {
            texts.Add(Spare, Text(world.Heap.Read(nodes.Spare).Number));
        }

        if (world.Number.Value != 0)
        {
            texts.Add(Root, Text(world.Number.Value));
        }

        return there == lead ? null : $"{there} objects are there, and {lead} of them are led to";
    }

    private static string? Joined(string[] numbers) => numbers.Length == 0 ? null : string.Join(',', numbers);

    private static string[] Split(string? numbers) => numbers?.Split(',') ?? [];

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
