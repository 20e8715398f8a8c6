using GuestMemFs;

namespace Objects;

/// <summary>An undirected graph: vertices in a list, and each one's edges in a list of its own.</summary>
internal sealed class Graph(PersistentHeap heap, string name)
{
    private readonly PersistentRoot<Vertices> _root = heap.OpenOrCreateRoot<Vertices>(name);

    /// <summary>Makes an edge, and the vertices that are not there yet: all of it or nothing.</summary>
    public string Join(long one, long other)
    {
        using AtomicGroup group = heap.BeginAtomic();
        Offset<Vertex> first = FindOrAdd(one);
        Offset<Vertex> second = FindOrAdd(other);
        AddEdge(first, second);
        AddEdge(second, first);
        group.Commit();
        return $"{one}-{other}";
    }

    /// <summary>Takes a vertex out, and every edge to it.</summary>
    public bool Leave(long number)
    {
        ref readonly Offset<Vertex> field = ref Find(number);
        if (field.IsNone)
        {
            return false;
        }

        Offset<Vertex> gone = field;
        using AtomicGroup group = heap.BeginAtomic();
        for (Offset<Vertex> at = _root.Value.First; !at.IsNone; at = heap.Read(at).Next)
        {
            RemoveEdges(at, to => at == gone || to == gone);
        }

        heap.Remove(field, heap.Read(gone).Next);
        group.Commit();
        return true;
    }

    /// <summary>The vertices that paths lead to from this one, itself among them.</summary>
    public IReadOnlyCollection<long> Reach(long number)
    {
        var reached = new HashSet<long>();
        var waiting = new Stack<Offset<Vertex>>([Find(number)]);
        while (waiting.TryPop(out Offset<Vertex> at))
        {
            if (!at.IsNone && reached.Add(heap.Read(at).Number))
            {
                for (Offset<Edge> edge = heap.Read(at).Edges; !edge.IsNone; edge = heap.Read(edge).Next)
                {
                    waiting.Push(heap.Read(edge).To.As<Vertex>());
                }
            }
        }

        return reached;
    }

    private ref readonly Offset<Vertex> Find(long number)
    {
        ref readonly Offset<Vertex> field = ref _root.Value.First;
        while (!field.IsNone && heap.Read(field).Number != number)
        {
            field = ref heap.Read(field).Next;
        }

        return ref field;
    }

    private Offset<Vertex> FindOrAdd(long number)
    {
        ref readonly Offset<Vertex> field = ref Find(number);
        if (field.IsNone)
        {
            heap.Put(field, new Vertex { Number = number });
        }

        return field;
    }

    private void AddEdge(Offset<Vertex> from, Offset<Vertex> to)
    {
        ref readonly Vertex vertex = ref heap.Read(from);
        heap.Insert(vertex.Edges, new Edge { To = to.As<byte>(), Next = vertex.Edges });
    }

    private void RemoveEdges(Offset<Vertex> from, Predicate<Offset<Vertex>> isGone)
    {
        ref readonly Offset<Edge> field = ref heap.Read(from).Edges;
        while (!field.IsNone)
        {
            ref readonly Edge edge = ref heap.Read(field);
            if (isGone(edge.To.As<Vertex>()))
            {
                heap.Remove(field, edge.Next);
            }
            else
            {
                field = ref edge.Next;
            }
        }
    }

    private struct Vertices
    {
        public Offset<Vertex> First;
    }

    private struct Vertex
    {
        public long Number;
        public Offset<Vertex> Next;
        public Offset<Edge> Edges;
    }

    private struct Edge
    {
        public Offset<byte> To; // a Vertex: the runtime cannot load two structs that are generic over each other
        public Offset<Edge> Next;
    }
}
