using System.Buffers;
using System.Buffers.Binary;

namespace GuestMemFs.Typed;

/// <summary>An instant, in the order of instants, and its offset from UTC behind that.</summary>
internal sealed class TimeSerializer : IPersistentSerializer<DateTimeOffset>
{
    private const int Size = sizeof(long) + sizeof(short);

    public string Shape => "time";

    public bool KeepsOrder => true;

    public void Write(DateTimeOffset value, IBufferWriter<byte> output)
    {
        Span<byte> bytes = output.GetSpan(Size);
        BinaryPrimitives.WriteInt64BigEndian(bytes, value.UtcTicks);
        BinaryPrimitives.WriteInt16BigEndian(bytes[sizeof(long)..], (short)value.TotalOffsetMinutes);
        output.Advance(Size);
    }

    public DateTimeOffset Read(ReadOnlySpan<byte> bytes)
    {
        Lengths.Check(bytes, Size, Shape);
        var instant = new DateTimeOffset(BinaryPrimitives.ReadInt64BigEndian(bytes), TimeSpan.Zero);
        return instant.ToOffset(TimeSpan.FromMinutes(BinaryPrimitives.ReadInt16BigEndian(bytes[sizeof(long)..])));
    }
}
