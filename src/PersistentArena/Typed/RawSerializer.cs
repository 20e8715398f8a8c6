using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GuestMemFs.Typed;

internal sealed class RawSerializer<T>(string shape) : IPersistentSerializer<T>
    where T : unmanaged
{
    public string Shape => shape;

    public void Write(T value, IBufferWriter<byte> output) =>
        output.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));

    public T Read(ReadOnlySpan<byte> bytes)
    {
        Lengths.Check(bytes, Unsafe.SizeOf<T>(), shape);
        return MemoryMarshal.Read<T>(bytes);
    }
}
