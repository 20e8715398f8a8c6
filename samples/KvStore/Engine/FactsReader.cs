using GuestMemFs;
using KvStore.Protocol;

namespace KvStore.Engine;

/// <summary>Reads what a record is, without its bytes.</summary>
internal struct FactsReader : IRecordReader
{
    private int _length;
    private bool _isLargeString;

    /// <summary>What it is to clients: a large string is a string.</summary>
    public RecordType Type { get; private set; }

    public long ExpiresAt { get; private set; }

    /// <summary>The number of the large collection, or of the chunks, that it names; 0 where it names none.</summary>
    public long Id { get; private set; }

    /// <summary>The length of the string, or of the record's value.</summary>
    /// <param name="nested">The database's; a large string is in them.</param>
    public readonly long LengthIn(NestedCollections? nested) =>
        _isLargeString ? nested!.Bytes(Id).Length : _length;

    /// <summary>Bytes of the record's value, and of the chunks of a large string.</summary>
    /// <param name="nested">The database's; a large string is in them.</param>
    public readonly long BytesIn(NestedCollections? nested) =>
        _length + (_isLargeString ? nested!.Bytes(Id).RecordBytes : 0);

    public void Read(in RecordView record)
    {
        _isLargeString = record.Type == RecordType.Bytes;
        Type = _isLargeString ? RecordType.String : record.Type;
        Id = NestedCollections.TryGetReference(record, out long id) ? id : 0;
        ExpiresAt = record.ExpiresAt;
        _length = record.IsInteger ? Numbers.Length(record.Integer) : record.Value.Length;
    }
}
