using GuestMemFs;
using KvStore.Protocol;

namespace KvStore.Engine;

/// <summary>A record's value as the text that clients see.</summary>
internal static class RecordText
{
    /// <summary>
    /// The value's bytes; an integer is written into <paramref name="scratch"/>
    /// (<see cref="Numbers.MaxIntegerLength"/>) first.
    /// </summary>
    public static ReadOnlySpan<byte> Of(in RecordView record, Span<byte> scratch) =>
        record.IsInteger ? scratch[..Numbers.Format(record.Integer, scratch)] : record.Value;

    /// <summary>The value's length.</summary>
    public static int Length(in RecordView record) =>
        record.IsInteger ? Numbers.Length(record.Integer) : record.Value.Length;

    /// <summary>True where there is a record, and it is no string.</summary>
    public static bool IsWrong(in RecordView record) => record.Exists && record.Type != RecordType.String;

    /// <summary>Writes the value as a bulk string.</summary>
    public static void Reply(RespWriter reply, in RecordView record)
    {
        if (record.IsInteger)
        {
            reply.BulkInteger(record.Integer);
        }
        else
        {
            reply.Bulk(record.Value);
        }
    }
}

/// <summary>Reads what a record is, without its bytes.</summary>
internal struct FactsReader : IRecordReader
{
    public RecordType Type { get; private set; }

    public long ExpiresAt { get; private set; }

    public int Length { get; private set; }

    /// <summary>The number of the large collection that it names; 0 where it names none.</summary>
    public long Id { get; private set; }

    public void Read(in RecordView record)
    {
        Type = record.Type;
        Id = NestedCollections.TryGetReference(record, out long id) ? id : 0;
        ExpiresAt = record.ExpiresAt;
        Length = RecordText.Length(record);
    }
}
