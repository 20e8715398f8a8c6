namespace GuestMemFs.Architecture;

/// <summary>
/// Finds circles: sets of which each member reaches each other (Tarjan's strongly connected components).
/// </summary>
internal sealed class Circles
{
    private readonly ILookup<string, string> _edges;
    private readonly Dictionary<string, int> _index = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _low = new(StringComparer.Ordinal);
    private readonly Stack<string> _open = new();
    private readonly HashSet<string> _isOpen = new(StringComparer.Ordinal);
    private readonly List<IReadOnlyList<string>> _found = [];

    private Circles(IEnumerable<(string From, string To)> edges) =>
        _edges = edges.Where(edge => edge.From != edge.To).Distinct().ToLookup(edge => edge.From, edge => edge.To,
            StringComparer.Ordinal);

    /// <summary>The circles of two or more members, each in alphabetical order.</summary>
    public static IReadOnlyList<IReadOnlyList<string>> Of(IEnumerable<(string From, string To)> edges)
    {
        var circles = new Circles(edges);
        foreach (string from in circles._edges.Select(group => group.Key).Order(StringComparer.Ordinal))
        {
            if (!circles._index.ContainsKey(from))
            {
                circles.Visit(from);
            }
        }

        return circles._found;
    }

    private void Visit(string node)
    {
        _index[node] = _low[node] = _index.Count;
        _open.Push(node);
        _isOpen.Add(node);
        foreach (string next in _edges[node])
        {
            if (!_index.TryGetValue(next, out int at))
            {
                Visit(next);
                _low[node] = Math.Min(_low[node], _low[next]);
            }
            else if (_isOpen.Contains(next))
            {
                _low[node] = Math.Min(_low[node], at);
            }
        }

        if (_low[node] == _index[node])
        {
            Close(node);
        }
    }

    private void Close(string node)
    {
        var circle = new List<string>();
        string member;
        do
        {
            member = _open.Pop();
            _isOpen.Remove(member);
            circle.Add(member);
        }
        while (member != node);

        if (circle.Count > 1)
        {
            _found.Add([.. circle.Order(StringComparer.Ordinal)]);
        }
    }
}
