using System.Buffers;

namespace GuestMemFs.Typed;

internal sealed class BytesSerializer : IPersistentSerializer<byte[]>
{
    public string Shape => "bytes";

    public bool KeepsOrder => true;

    public void Write(byte[] value, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(value);
        output.Write(value);
    }

    public byte[] Read(ReadOnlySpan<byte> bytes) => bytes.ToArray();
}
