namespace GuestMemFs.Hosting;

/// <summary>A table that <c>AddPersistentTable</c> registered.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Arena">The arena whose heap holds it; "" is the one without a name.</param>
/// <param name="Configure">Sets its options.</param>
/// <param name="Declare">Declares its indexes.</param>
internal sealed record TableRegistration<TKey, TValue>(
    string Name,
    string Arena,
    Action<PersistentTableOptions<TKey, TValue>>? Configure,
    Action<PersistentTable<TKey, TValue>>? Declare)
    : DictionaryRegistration(Name, Arena)
    where TKey : notnull
{
    /// <inheritdoc/>
    public override (Type Key, Type Value)? Types => (typeof(TKey), typeof(TValue));

    /// <inheritdoc/>
    public override string Kind => "table";

    /// <inheritdoc/>
    public override object Open(PersistentHeap heap, TimeProvider time)
    {
        var options = new PersistentTableOptions<TKey, TValue>();
        Configure?.Invoke(options);
        PersistentTable<TKey, TValue> table = heap.OpenOrCreateTable(Name, options);
        Declare?.Invoke(table);
        return table;
    }

    /// <inheritdoc/>
    public override PersistentDictionary BytesOf(object opened) => ((PersistentTable<TKey, TValue>)opened).Bytes;
}
