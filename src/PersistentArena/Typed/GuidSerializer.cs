using System.Buffers;

namespace GuestMemFs.Typed;

/// <summary>The 16 bytes in the order in which a Guid is written and compared.</summary>
internal sealed class GuidSerializer : IPersistentSerializer<Guid>
{
    private const int Size = 16;

    public string Shape => "guid";

    public bool KeepsOrder => true;

    public void Write(Guid value, IBufferWriter<byte> output)
    {
        value.TryWriteBytes(output.GetSpan(Size), bigEndian: true, out _);
        output.Advance(Size);
    }

    public Guid Read(ReadOnlySpan<byte> bytes)
    {
        Lengths.Check(bytes, Size, Shape);
        return new Guid(bytes, bigEndian: true);
    }
}
