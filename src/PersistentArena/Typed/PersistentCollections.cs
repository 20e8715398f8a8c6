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
    /// There is no room for a new dictionary (about 150 KiB, and as much again for the first typed collection of a
    /// heap).
    /// </exception>
    /// <exception cref="ArenaReadOnlyException">It is not there, and the arena was opened read-only.</exception>
    public static PersistentDictionary<TKey, TValue> OpenOrCreateDictionary<TKey, TValue>(
        this PersistentHeap heap, string name, PersistentMapOptions<TKey, TValue>? options = null)
        where TKey : notnull
    {
        var form = new Form<TKey, TValue>(heap, name, options);
        PersistentDictionary bytes = ShapeCatalog.Open(heap, name, form.Shape, form.Older, Open);
        return new PersistentDictionary<TKey, TValue>(bytes, form.Keys, form.Values);

        PersistentDictionary Open() => PersistentDictionary.OpenOrCreate(
            heap, name, form.Time is { } time ? new PersistentDictionaryOptions { TimeProvider = time } : null);
    }

    /// <summary>
    /// Opens the sorted map of that name (1 to 31 bytes of UTF-8) in the heap, or creates it. The shapes of its keys
    /// and values are kept with it.
    /// </summary>
    /// <param name="heap">The heap.</param>
    /// <param name="name">The map's name.</param>
    /// <param name="options">
    /// Serializers, and what else may be chosen. That of the keys has to keep their order.
    /// </param>
    /// <exception cref="ArgumentException">The serializer of the keys does not keep their order.</exception>
    /// <exception cref="PersistentShapeException">It is there, and holds something else.</exception>
    /// <exception cref="NotSupportedException">
    /// A type has no serializer that goes without saying, and the options name none.
    /// </exception>
    /// <exception cref="HeapLayoutException">The name is taken by something else.</exception>
    /// <exception cref="ArenaOutOfSpaceException">
    /// There is no room for a new map (about 150 KiB are for the first typed collection of a heap).
    /// </exception>
    /// <exception cref="ArenaReadOnlyException">It is not there, and the arena was opened read-only.</exception>
    public static PersistentSortedMap<TKey, TValue> OpenOrCreateSortedMap<TKey, TValue>(
        this PersistentHeap heap, string name, PersistentMapOptions<TKey, TValue>? options = null)
        where TKey : notnull
    {
        var form = new Form<TKey, TValue>(heap, name, options);
        if (!form.Keys.KeepsOrder)
        {
            throw new ArgumentException(
                $"Sorted map '{name}' would be in the order of its keys' bytes, and {form.Keys.Shape} does not keep "
                + "the order of the keys. Take a form that does (PersistentSerializers says which), or a dictionary.",
                nameof(options));
        }

        PersistentSortedMap bytes = ShapeCatalog.Open(heap, name, form.Shape, form.Older, Open);
        return new PersistentSortedMap<TKey, TValue>(bytes, form.Keys, form.Values);

        PersistentSortedMap Open() => PersistentSortedMap.OpenOrCreate(
            heap, name, form.Time is { } time ? new PersistentSortedMapOptions { TimeProvider = time } : null);
    }

    /// <summary>
    /// Opens the log of that name (1 to 31 bytes of UTF-8) in the heap, or creates it. The shape of its entries is kept
    /// with it.
    /// </summary>
    /// <param name="heap">The heap.</param>
    /// <param name="name">The log's name.</param>
    /// <param name="options">The serializer, and what else may be chosen.</param>
    /// <exception cref="PersistentShapeException">It is there, and holds something else.</exception>
    /// <exception cref="NotSupportedException">
    /// The type has no serializer that goes without saying, and the options name none.
    /// </exception>
    /// <exception cref="HeapLayoutException">The name is taken by something else.</exception>
    /// <exception cref="ArenaOutOfSpaceException">
    /// There is no room for a new log (about 150 KiB are for the first typed collection of a heap).
    /// </exception>
    /// <exception cref="ArenaReadOnlyException">It is not there, and the arena was opened read-only.</exception>
    public static PersistentLog<T> OpenOrCreateLog<T>(
        this PersistentHeap heap, string name, PersistentLogOptions<T>? options = null)
    {
        ArgumentNullException.ThrowIfNull(heap);
        ArgumentNullException.ThrowIfNull(name);
        IPersistentSerializer<T> serializer = options?.Serializer ?? PersistentSerializers.Default<T>();
        PersistentLog bytes =
            ShapeCatalog.Open(heap, name, serializer.Shape, options?.OlderShapes ?? [], Open);
        return new PersistentLog<T>(bytes, serializer);

        PersistentLog Open() => PersistentLog.OpenOrCreate(
            heap, name, options?.TimeProvider is { } time ? new PersistentLogOptions { TimeProvider = time } : null);
    }

    /// <summary>
    /// Opens the list of that name (1 to 31 bytes of UTF-8) in the heap, or creates it. The shape of its elements is
    /// kept with it.
    /// </summary>
    /// <param name="heap">The heap.</param>
    /// <param name="name">The list's name.</param>
    /// <param name="options">The serializer, and what else may be chosen.</param>
    /// <inheritdoc cref="OpenOrCreateLog" path="/exception"/>
    public static PersistentList<T> OpenOrCreateList<T>(
        this PersistentHeap heap, string name, PersistentElementOptions<T>? options = null)
    {
        var form = new ElementForm<T>(heap, name, options);
        PersistentList bytes = ShapeCatalog.Open(
            heap, name, form.Serializer.Shape, form.Older, () => PersistentList.OpenOrCreate(heap, name));
        return new PersistentList<T>(bytes, form.Serializer);
    }

    /// <summary>
    /// Opens the set of that name (1 to 31 bytes of UTF-8) in the heap, or creates it. The shape of its members is kept
    /// with it.
    /// </summary>
    /// <param name="heap">The heap.</param>
    /// <param name="name">The set's name.</param>
    /// <param name="options">The serializer, and what else may be chosen.</param>
    /// <inheritdoc cref="OpenOrCreateLog" path="/exception"/>
    public static PersistentSet<T> OpenOrCreateSet<T>(
        this PersistentHeap heap, string name, PersistentElementOptions<T>? options = null)
        where T : notnull
    {
        var form = new ElementForm<T>(heap, name, options);
        PersistentSet bytes = ShapeCatalog.Open(
            heap, name, form.Serializer.Shape, form.Older, () => PersistentSet.OpenOrCreate(heap, name));
        return new PersistentSet<T>(bytes, form.Serializer);
    }

    /// <summary>
    /// Opens the priority queue of that name (1 to 31 bytes of UTF-8) in the heap, or creates it. The shape of its
    /// values is kept with it.
    /// </summary>
    /// <param name="heap">The heap.</param>
    /// <param name="name">The queue's name.</param>
    /// <param name="options">The serializer, and what else may be chosen.</param>
    /// <inheritdoc cref="OpenOrCreateLog" path="/exception"/>
    public static PersistentPriorityQueue<T> OpenOrCreatePriorityQueue<T>(
        this PersistentHeap heap, string name, PersistentElementOptions<T>? options = null)
    {
        var form = new ElementForm<T>(heap, name, options);
        PersistentPriorityQueue bytes = ShapeCatalog.Open(heap, name, form.Serializer.Shape, form.Older,
            () => PersistentPriorityQueue.OpenOrCreate(heap, name, options?.TimeProvider));
        return new PersistentPriorityQueue<T>(bytes, form.Serializer);
    }

    /// <summary>What the options come to.</summary>
    private sealed class Form<TKey, TValue>
        where TKey : notnull
    {
        public Form(PersistentHeap heap, string name, PersistentMapOptions<TKey, TValue>? options)
        {
            ArgumentNullException.ThrowIfNull(heap);
            ArgumentNullException.ThrowIfNull(name);
            Keys = options?.KeySerializer ?? PersistentSerializers.Default<TKey>();
            Values = options?.ValueSerializer ?? PersistentSerializers.Default<TValue>();
            Older = options?.OlderShapes ?? [];
            Time = options?.TimeProvider;
        }

        public IPersistentSerializer<TKey> Keys { get; }

        public IPersistentSerializer<TValue> Values { get; }

        public IReadOnlyCollection<string> Older { get; }

        public TimeProvider? Time { get; }

        public string Shape => $"{Keys.Shape} -> {Values.Shape}";
    }
    private sealed class ElementForm<T>
    {
        public ElementForm(PersistentHeap heap, string name, PersistentElementOptions<T>? options)
        {
            ArgumentNullException.ThrowIfNull(heap);
            ArgumentNullException.ThrowIfNull(name);
            Serializer = options?.Serializer ?? PersistentSerializers.Default<T>();
            Older = options?.OlderShapes ?? [];
        }

        public IPersistentSerializer<T> Serializer { get; }

        public IReadOnlyCollection<string> Older { get; }
    }
}
