using System.Buffers;

namespace GuestMemFs.Typed;

/// <summary>A change of a table: its kind in a byte, then the key and the value as a pair, or the key alone.</summary>
internal sealed class TableChangeSerializer<TKey, TValue>(
    IPersistentSerializer<TKey> keys, IPersistentSerializer<TValue> values)
    : IPersistentSerializer<PersistentTableChange<TKey, TValue>>
    where TKey : notnull
{
    private readonly PairSerializer<TKey, TValue> _pair = new(keys, values);

    public string Shape { get; } = $"change of {keys.Shape} -> {values.Shape}";

    public void Write(PersistentTableChange<TKey, TValue> value, IBufferWriter<byte> output)
    {
        output.Write<byte>([(byte)value.Kind]);
        if (value.Kind == PersistentTableChangeKind.Set)
        {
            _pair.Write((value.Key, value.Value!), output);
        }
        else
        {
            keys.Write(value.Key, output);
        }
    }

    public PersistentTableChange<TKey, TValue> Read(ReadOnlySpan<byte> bytes)
    {
        var kind = (PersistentTableChangeKind)(bytes.IsEmpty ? 0 : bytes[0]);
        if (kind == PersistentTableChangeKind.Set)
        {
            (TKey key, TValue value) = _pair.Read(bytes[1..]);
            return new(kind, key, value);
        }

        return kind == PersistentTableChangeKind.Removed
            ? new(kind, keys.Read(bytes[1..]), default)
            : throw new FormatException($"These {bytes.Length} bytes are no {Shape}.");
    }
}
