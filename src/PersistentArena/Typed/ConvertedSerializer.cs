using System.Buffers;

namespace GuestMemFs.Typed;

/// <summary>A type that lies as another one does: a number that keeps its order.</summary>
internal sealed class ConvertedSerializer<T, TStored>(
    string shape, IPersistentSerializer<TStored> stored, Func<T, TStored> to, Func<TStored, T> from)
    : IPersistentSerializer<T>
{
    public string Shape => shape;

    public bool KeepsOrder => stored.KeepsOrder;

    public void Write(T value, IBufferWriter<byte> output) => stored.Write(to(value), output);

    public T Read(ReadOnlySpan<byte> bytes) => from(stored.Read(bytes));
}
