using System.Collections;
using GuestMemFs;

namespace Objects;

/// <summary>A list that grows and shrinks in front: each change is one store.</summary>
internal sealed class LinkedStack(PersistentHeap heap, string name) : IEnumerable<long>
{
    private readonly PersistentRoot<Head> _root = heap.OpenOrCreateRoot<Head>(name);

    private ref readonly Offset<Node> First => ref _root.Value.First;

    public long Push(long number)
    {
        heap.Insert(First, new Node { Number = number, Next = First });
        return number;
    }

    public long? Pop()
    {
        if (First.IsNone)
        {
            return null;
        }

        Node first = heap.Read(First);
        heap.Remove(First, first.Next);
        return first.Number;
    }

    public IEnumerator<long> GetEnumerator()
    {
        for (Offset<Node> at = First; !at.IsNone; at = heap.Read(at).Next)
        {
            yield return heap.Read(at).Number;
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private struct Head
    {
        public Offset<Node> First;
    }

    private struct Node
    {
        public long Number;
        public Offset<Node> Next;
    }
}
