using System.Text;

namespace GuestMemFs.CrashLab;

/// <summary>What is done with objects that are linked, as an application does it.</summary>
internal sealed record ObjectOperation(string Name, Action<ObjectWorld> Run, Action<ObjectModel> Model)
    : LabOperation<ObjectWorld, ObjectModel>(Name, Run, Model)
{
    public override string ToString() => Name;

    /// <summary>In front of the first list; what was first stays, behind it.</summary>
    public static ObjectOperation Push(long number) => new(
        $"push {number}",
        world => world.Heap.Insert(world.Head, new ListNode { Number = number, Next = world.Head }),
        model => model.Head.Insert(0, number));

    /// <summary>The first one leaves; the one behind it takes its place.</summary>
    public static ObjectOperation Pop() => new(
        "pop",
        world =>
        {
            if (!world.Head.IsNone)
            {
                world.Heap.Remove(world.Head, world.Read(world.Head).Next);
            }
        },
        model => model.Head.RemoveRange(0, Math.Min(1, model.Head.Count)));

    /// <summary>The second one leaves.</summary>
    public static ObjectOperation PopSecond() => new(
        "pop the second",
        world =>
        {
            if (!world.Head.IsNone && !world.Read(world.Head).Next.IsNone)
            {
                ref readonly ListNode first = ref world.Heap.Read(world.Head);
                world.Heap.Remove(first.Next, world.Read(first.Next).Next);
            }
        },
        model => model.Head.RemoveRange(Math.Min(1, model.Head.Count), model.Head.Count > 1 ? 1 : 0));

    /// <summary>The lists change places, without a group: by the root.</summary>
    public static ObjectOperation Swap() => new(
        "swap",
        world => world.Root.Set(world.Root.Value with { Head = world.Other, Other = world.Head }),
        model =>
        {
            (List<long> head, List<long> other) = ([.. model.Head], [.. model.Other]);
            Refill(model.Head, other);
            Refill(model.Other, head);
        });

    /// <summary>The first one comes into the other list: within a group.</summary>
    public static ObjectOperation Move() => new(
        "move",
        world =>
        {
            if (!world.Head.IsNone)
            {
                Offset<ListNode> moved = world.Head;
                ref readonly ListNode node = ref world.Heap.Read(moved);
                world.Heap.Link(world.Head, node.Next);
                world.Heap.Link(node.Next, world.Other);
                world.Heap.Link(world.Other, moved);
            }
        },
        model =>
        {
            if (model.Head.Count > 0)
            {
                model.Other.Insert(0, model.Head[0]);
                model.Head.RemoveAt(0);
            }
        });

    /// <summary>Two come behind each other, one is allocated for nothing: within a group.</summary>
    public static ObjectOperation Allocate(long number) => new(
        $"allocate {number}",
        world =>
        {
            Offset<ListNode> inner = world.Heap.Allocate(new ListNode { Number = number, Next = world.Head });
            Offset<ListNode> outer = world.Heap.Allocate(new ListNode { Number = number + 1, Next = inner });
            world.Heap.Release(world.Heap.Allocate(new ListNode { Number = -1 }));
            world.Heap.Link(world.Head, outer);
        },
        model => model.Head.InsertRange(0, [number + 1, number]));

    /// <summary>The first one leaves, and is released, twice: within a group.</summary>
    public static ObjectOperation Release() => new(
        "release",
        world =>
        {
            if (!world.Head.IsNone)
            {
                Offset<ListNode> first = world.Head;
                world.Heap.Link(world.Head, world.Read(first).Next);
                world.Heap.Release(first);
                world.Heap.Release(first);
            }
        },
        model => model.Head.RemoveRange(0, Math.Min(1, model.Head.Count)));

    /// <summary>Bytes that replace others; none where there is nothing to say.</summary>
    public static ObjectOperation Write(string text) => new(
        $"write {text.Length} bytes",
        world =>
        {
            if (text.Length == 0)
            {
                world.Heap.Free(world.Text);
            }
            else
            {
                world.Heap.PutBytes(world.Text, Encoding.UTF8.GetBytes(text));
            }
        },
        model => model.Text = text);

    /// <summary>The last one of the other list gives way to another.</summary>
    public static ObjectOperation ReplaceLast(long number) => new(
        $"replace the last by {number}",
        world =>
        {
            ref readonly Offset<ListNode> last = ref world.Other;
            while (!last.IsNone && !world.Read(last).Next.IsNone)
            {
                last = ref world.Heap.Read(last).Next;
            }

            world.Heap.Put(last, new ListNode { Number = number });
        },
        model =>
        {
            model.Other.RemoveRange(Math.Max(0, model.Other.Count - 1), Math.Min(1, model.Other.Count));
            model.Other.Add(number);
        });

    public static ObjectOperation Set(string key, string value) => new(
        $"set {key}",
        world => world.Dictionary.Set(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value)),
        model => DictionaryOperation.Set(key, value).Model(model.Beside));

    public static ObjectOperation Group(bool commit, params ObjectOperation[] operations) => new(
        OperationGroup.Name(commit, operations.Select(operation => operation.Name)),
        world => OperationGroup.Run(world.Heap, commit,
            () => Array.ForEach(operations, operation => operation.Run(world))),
        model =>
        {
            foreach (ObjectOperation operation in commit ? operations : [])
            {
                operation.Model(model);
            }
        });

    private static void Refill(List<long> list, List<long> with)
    {
        list.Clear();
        list.AddRange(with);
    }
}
