namespace GuestMemFs.Collections;

/// <summary>The key of any entry, each as likely as the others.</summary>
internal readonly struct RandomMember : IKeyChoice
{
    public bool TryChoose(SortedMapReader map, Span<byte> room, out ReadOnlySpan<byte> key)
    {
        SortedBatch found = map.Select(Random.Shared.NextInt64(Math.Max(1, map.Count)));
        key = found.Count > 0 ? found.Key(0) : default;
        return found.Count > 0;
    }
}

/// <summary>Removes a record and keeps its key.</summary>
internal struct TakeKey : IRecordMutation
{
    public byte[]? Key { get; private set; }

    public RecordChange Decide(in RecordView current)
    {
        Key = current.Exists ? current.Key.ToArray() : null;
        return RecordChange.Remove();
    }

    public readonly void Write(in RecordView current, Span<byte> value)
    {
        // A removal writes nothing.
    }
}
