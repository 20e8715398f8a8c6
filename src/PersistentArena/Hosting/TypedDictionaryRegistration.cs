namespace GuestMemFs.Hosting;

/// <summary>A typed dictionary that <c>AddPersistentDictionary</c> registered.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Arena">The arena whose heap holds it; "" is the one without a name.</param>
/// <param name="Configure">Sets its options.</param>
internal sealed record TypedDictionaryRegistration<TKey, TValue>(
    string Name, string Arena, Action<PersistentMapOptions<TKey, TValue>>? Configure)
    : DictionaryRegistration(Name, Arena)
    where TKey : notnull
{
    /// <inheritdoc/>
    public override (Type Key, Type Value)? Types => (typeof(TKey), typeof(TValue));

    /// <inheritdoc/>
    public override object Open(PersistentHeap heap, TimeProvider time)
    {
        var options = new PersistentMapOptions<TKey, TValue> { TimeProvider = time };
        Configure?.Invoke(options);
        return heap.OpenOrCreateDictionary(Name, options);
    }

    /// <inheritdoc/>
    public override PersistentDictionary BytesOf(object opened) => ((PersistentDictionary<TKey, TValue>)opened).Bytes;
}
