namespace GuestMemFs.Collections;

/// <summary>Copies a value into a span where it fits, and tells its length.</summary>
internal ref struct CopyInto(Span<byte> to) : IRecordReader
{
    private readonly Span<byte> _to = to;

    public int Length { get; private set; }

    public void Read(in RecordView record)
    {
        Length = record.Value.Length;
        record.Value.TryCopyTo(_to);
    }
}
