namespace GuestMemFs.Collections;

/// <summary>Copies a key into a room, and tells the value's length.</summary>
internal ref struct CopyKey(Span<byte> room) : IRecordReader
{
    private readonly Span<byte> _room = room;
    private int _length;

    public int ValueLength { get; private set; }

    public readonly ReadOnlySpan<byte> Key => _room[.._length];

    // A look that does not hold may see a key of any length.
    public void Read(in RecordView record)
    {
        ReadOnlySpan<byte> key = record.Key;
        _length = Math.Min(key.Length, _room.Length);
        key[.._length].CopyTo(_room);
        ValueLength = record.Value.Length;
    }
}
