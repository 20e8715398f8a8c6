namespace GuestMemFs.Typed;

/// <summary>What this process knows of an index. Replaced while no other writer is in the heap.</summary>
internal sealed class IndexState(IndexEntry entry)
{
    private IndexEntry _entry = entry;

    public IndexEntry Entry
    {
        get => Volatile.Read(ref _entry);
        set => Volatile.Write(ref _entry, value);
    }
}

/// <summary>An index of a table as its writers see it: which key in the index's part of the map a value has.</summary>
/// <param name="state">What all that declare it in this process share.</param>
internal abstract class TableIndex<TValue>(IndexState state)
{
    public IndexState State => state;

    /// <summary>What the table's catalog knows of it.</summary>
    public IndexEntry Entry => state.Entry;

    /// <summary>The bytes of a value's index key; null where the value is not in the index.</summary>
    public abstract byte[]? KeyOf(TValue value);
}

/// <inheritdoc cref="TableIndex{TValue}"/>
/// <param name="state">What all that declare it in this process share.</param>
/// <param name="of">Gives a value's index key, or null.</param>
/// <param name="serializer">How index keys lie in the map.</param>
internal sealed class TableIndex<TValue, TIndex>(
    IndexState state, Func<TValue, TIndex?> of, IPersistentSerializer<TIndex> serializer)
    : TableIndex<TValue>(state)
{
    public IPersistentSerializer<TIndex> Serializer => serializer;

    /// <summary>True where that is what a value has.</summary>
    public bool Is(TValue value, ReadOnlySpan<byte> key) => KeyOf(value) is { } bytes && key.SequenceEqual(bytes);

    public override byte[]? KeyOf(TValue value) => of(value) is { } key ? BytesOf(key) : null;

    /// <summary>The bytes of an index key.</summary>
    public byte[] BytesOf(TIndex key)
    {
        using Scratch bytes = Scratch.Of(serializer, key);
        return bytes.Written.ToArray();
    }
}
