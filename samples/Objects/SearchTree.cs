using System.Collections;
using GuestMemFs;

namespace Objects;

/// <summary>A binary search tree. A key comes with one store, and goes with one, or with a group.</summary>
internal sealed class SearchTree(PersistentHeap heap, string name) : IEnumerable<long>
{
    private readonly PersistentRoot<Top> _root = heap.OpenOrCreateRoot<Top>(name);

    public bool Add(long key)
    {
        ref readonly Offset<Node> field = ref Find(key);
        if (!field.IsNone)
        {
            return false;
        }

        heap.Put(field, new Node { Key = key });
        return true;
    }

    public bool Remove(long key)
    {
        ref readonly Offset<Node> field = ref Find(key);
        if (field.IsNone)
        {
            return false;
        }

        Node node = heap.Read(field);
        if (node.Left.IsNone || node.Right.IsNone)
        {
            heap.Remove(field, node.Left.IsNone ? node.Right : node.Left);
        }
        else
        {
            ReplaceByNext(field);
        }

        return true;
    }

    public IEnumerator<long> GetEnumerator() => From(_root.Value.First).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    // Of a node with two children: the smallest key of the right one takes its place.
    private void ReplaceByNext(in Offset<Node> field)
    {
        Offset<Node> removed = field;
        ref readonly Offset<Node> smallest = ref heap.Read(removed).Right;
        while (!heap.Read(smallest).Left.IsNone)
        {
            smallest = ref heap.Read(smallest).Left;
        }

        Offset<Node> next = smallest;
        using AtomicGroup group = heap.BeginAtomic();
        heap.Link(smallest, heap.Read(next).Right);
        heap.Link(heap.Read(next).Left, heap.Read(removed).Left);
        heap.Link(heap.Read(next).Right, heap.Read(removed).Right);
        heap.Link(field, next);
        heap.Release(removed);
        group.Commit();
    }

    // The field that points to the key's node, or where it would.
    private ref readonly Offset<Node> Find(long key)
    {
        ref readonly Offset<Node> field = ref _root.Value.First;
        while (!field.IsNone && heap.Read(field).Key != key)
        {
            ref readonly Node node = ref heap.Read(field);
            field = ref key < node.Key ? ref node.Left : ref node.Right;
        }

        return ref field;
    }

    private IEnumerable<long> From(Offset<Node> node)
    {
        if (node.IsNone)
        {
            return [];
        }

        Node here = heap.Read(node);
        return [.. From(here.Left), here.Key, .. From(here.Right)];
    }

    private struct Top
    {
        public Offset<Node> First;
    }

    private struct Node
    {
        public long Key;
        public Offset<Node> Left;
        public Offset<Node> Right;
    }
}
