using GuestMemFs.Collections;

namespace GuestMemFs.Typed;

/// <summary>How keys and values lie in a map before and after its migration.</summary>
internal sealed class MapShapes<TKey, TOld, TNew>
{
    private readonly IPersistentSerializer<TKey> _oldKeys;
    private readonly IPersistentSerializer<TKey> _newKeys;
    private readonly IPersistentSerializer<TOld> _oldValues;
    private readonly IPersistentSerializer<TNew> _newValues;

    public MapShapes(
        PersistentHeap heap, string name, PersistentMapOptions<TKey, TOld>? from, PersistentMapOptions<TKey, TNew>? to)
    {
        ArgumentNullException.ThrowIfNull(heap);
        ArgumentException.ThrowIfNullOrEmpty(name);
        _oldKeys = from?.KeySerializer ?? PersistentSerializers.Default<TKey>();
        _newKeys = to?.KeySerializer ?? PersistentSerializers.Default<TKey>();
        _oldValues = from?.ValueSerializer ?? PersistentSerializers.Default<TOld>();
        _newValues = to?.ValueSerializer ?? PersistentSerializers.Default<TNew>();
    }

    public string From => $"{_oldKeys.Shape} -> {_oldValues.Shape}";

    public string To => $"{_newKeys.Shape} -> {_newValues.Shape}";

    /// <summary>Puts a record into the copy; null where it is there, by a call that was killed.</summary>
    public byte[]? Convert(in MigratingRecord record, IByteRecords copy, ValueMigration<TKey, TOld, TNew> migrate)
    {
        TKey key = _oldKeys.Read(record.Key);
        using Scratch keyBytes = Scratch.Of(_newKeys, key);
        if (copy.ContainsKey(keyBytes.Written))
        {
            return null;
        }

        using Scratch valueBytes = Scratch.Of(_newValues, migrate(key, _oldValues.Read(record.Value)));
        copy.Set(keyBytes.Written, valueBytes.Written, record.ExpiresAt);
        return keyBytes.Written.ToArray();
    }
}

/// <summary>How elements lie in a collection before and after its migration.</summary>
internal sealed class ElementShapes<TOld, TNew>
{
    private readonly PersistentHeap _heap;
    private readonly string _name;
    private readonly IPersistentSerializer<TOld> _old;
    private readonly IPersistentSerializer<TNew> _new;

    public ElementShapes(
        PersistentHeap heap, string name, IPersistentSerializer<TOld>? from, IPersistentSerializer<TNew>? to)
    {
        ArgumentNullException.ThrowIfNull(heap);
        ArgumentException.ThrowIfNullOrEmpty(name);
        _heap = heap;
        _name = name;
        _old = from ?? PersistentSerializers.Default<TOld>();
        _new = to ?? PersistentSerializers.Default<TNew>();
    }

    public string From => _old.Shape;

    public string To => _new.Shape;

    public Scratch Convert(ReadOnlySpan<byte> old, Func<TOld, TNew> migrate) =>
        Scratch.Of(_new, migrate(_old.Read(old)));

    /// <summary>Converts a collection that is a thin layer over a sorted map.</summary>
    public bool Run(TreeKind kind, Func<MigratingRecord, PersistentSortedMap, byte[]?> convert) =>
        new CollectionMigration<PersistentSortedMap>(_heap, _name, From, To, new TreeMigration(_heap, kind, convert))
            .Run();
}
