namespace GuestMemFs.Collections;

/// <summary>Removes a record and keeps its value.</summary>
internal struct TakeValue : IRecordMutation
{
    public byte[]? Value { get; private set; }

    public RecordChange Decide(in RecordView current)
    {
        Value = current.Exists ? current.Value.ToArray() : null;
        return RecordChange.Remove();
    }

    public readonly void Write(in RecordView current, Span<byte> value)
    {
        // A removal writes nothing.
    }
}
