using GuestMemFs.Typed;

namespace GuestMemFs;

/// <summary>Typed collections in a heap.</summary>
public static class PersistentCollections
{
    /// <summary>
    /// Opens the dictionary of that name (1 to 31 bytes of UTF-8) in the heap, or creates it. The shapes of its keys
    /// and values are kept with it.
    /// </summary>
    /// <param name="heap">The heap.</param>
    /// <param name="name">The dictionary's name.</param>
    /// <param name="options">Serializers, and what else may be chosen.</param>
    /// <exception cref="PersistentShapeException">It is there, and holds something else.</exception>
    /// <exception cref="NotSupportedException">
    /// A type has no serializer that goes without saying, and the options name none.
    /// </exception>
    /// <exception cref="HeapLayoutException">The name is taken by something else.</exception>
    /// <exception cref="ArenaOutOfSpaceException">
    /// There is no room for a new dictionary (about 150 KiB, and as much again for the first typed one of a heap).
    /// </exception>
    /// <exception cref="ArenaReadOnlyException">It is not there, and the arena was opened read-only.</exception>
    public static PersistentDictionary<TKey, TValue> OpenOrCreateDictionary<TKey, TValue>(
        this PersistentHeap heap, string name, PersistentDictionaryOptions<TKey, TValue>? options = null)
        where TKey : notnull
    {
        ArgumentNullException.ThrowIfNull(heap);
        ArgumentNullException.ThrowIfNull(name);
        options ??= new PersistentDictionaryOptions<TKey, TValue>();
        IPersistentSerializer<TKey> keys = options.KeySerializer ?? PersistentSerializers.Default<TKey>();
        IPersistentSerializer<TValue> values = options.ValueSerializer ?? PersistentSerializers.Default<TValue>();
        PersistentDictionaryOptions? ofBytes =
            options.TimeProvider is { } time ? new PersistentDictionaryOptions { TimeProvider = time } : null;
        string shape = $"{keys.Shape} -> {values.Shape}";
        PersistentDictionary bytes = ShapeCatalog.Open(heap, name, shape, options.OlderShapes, ofBytes);
        return new PersistentDictionary<TKey, TValue>(bytes, keys, values);
    }
}
