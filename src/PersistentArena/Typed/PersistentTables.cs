using System.Runtime.CompilerServices;
using GuestMemFs.Typed;

namespace GuestMemFs;

/// <summary>Opens tables.</summary>
public static class PersistentTables
{
    private const int LongestName = 31 - 8; // ChangesSuffix

    internal const string IndexSuffix = ".index";
    internal const string ChangesSuffix = ".changes";
    internal const string IndexShape = "indexes of a table";

    // The tables of each heap that this process has open: all users of one share its indexes.
    private static readonly ConditionalWeakTable<PersistentHeap, Dictionary<string, object>> s_open = [];

    /// <summary>
    /// Opens the table of that name (1 to 23 bytes of UTF-8) in the heap, or creates it. Opened again in the same heap
    /// object, it is the same table. It takes two of the heap's roots, and a third one for the feed.
    /// </summary>
    /// <param name="heap">The heap, or that of a snapshot.</param>
    /// <param name="name">The table's name.</param>
    /// <param name="options">Serializers, and whether it keeps its changes.</param>
    /// <exception cref="PersistentShapeException">It is there, and holds something else, or is no table.</exception>
    /// <exception cref="ArgumentException">The name is too long.</exception>
    /// <exception cref="ArenaReadOnlyException">It is not there, and the arena was opened read-only.</exception>
    public static PersistentTable<TKey, TValue> OpenOrCreateTable<TKey, TValue>(
        this PersistentHeap heap, string name, PersistentTableOptions<TKey, TValue>? options = null)
        where TKey : notnull
    {
        ArgumentNullException.ThrowIfNull(heap);
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (System.Text.Encoding.UTF8.GetByteCount(name) > LongestName)
        {
            throw new ArgumentException(
                $"'{name}' has more than {LongestName} bytes: a table's name has 1 to 23.", nameof(name));
        }

        Dictionary<string, object> tables = s_open.GetOrCreateValue(heap);
        lock (tables)
        {
            if (!tables.TryGetValue(name, out object? table))
            {
                tables.Add(name, table = Open(heap, name, options ?? new PersistentTableOptions<TKey, TValue>()));
            }

            return table as PersistentTable<TKey, TValue> ?? throw new ArgumentException(
                $"Table '{name}' is open in this process as {table.GetType()}.", nameof(name));
        }
    }

    /// <summary>The roots that a table has beside the one of its name; none where it is no table.</summary>
    internal static IEnumerable<string> PartsOf(PersistentHeap heap, string name) =>
        IsTable(heap, name) ? [name + ChangesSuffix, name + IndexSuffix] : [];

    /// <summary>The table that a root is part of; null where it is of none.</summary>
    internal static string? OwnerOf(PersistentHeap heap, string name)
    {
        foreach (string suffix in (ReadOnlySpan<string>)[IndexSuffix, ChangesSuffix])
        {
            if (name.EndsWith(suffix, StringComparison.Ordinal) && IsTable(heap, name[..^suffix.Length]))
            {
                return name[..^suffix.Length];
            }
        }

        return null;
    }

    /// <summary>A table was deleted.</summary>
    internal static void Forget(PersistentHeap heap, string name)
    {
        if (s_open.TryGetValue(heap, out Dictionary<string, object>? tables))
        {
            lock (tables)
            {
                tables.Remove(name);
            }
        }
    }

    private static bool IsTable(PersistentHeap heap, string name) => name.Length > 0 && heap.HasRoot(name)
        && ShapeCatalog.Find(heap, name) is { } shape && shape.StartsWith("table of ", StringComparison.Ordinal);

    private static PersistentTable<TKey, TValue> Open<TKey, TValue>(
        PersistentHeap heap, string name, PersistentTableOptions<TKey, TValue> options)
        where TKey : notnull
    {
        IPersistentSerializer<TKey> keys = options.KeySerializer ?? PersistentSerializers.Default<TKey>();
        IPersistentSerializer<TValue> values = options.ValueSerializer ?? PersistentSerializers.Default<TValue>();
        PersistentDictionary bytes = ShapeCatalog.Open(heap, name, $"table of {keys.Shape} -> {values.Shape}",
            options.OlderShapes, () => PersistentDictionary.OpenOrCreate(heap, name));
        string indexName = name + IndexSuffix;
        PersistentSortedMap map = ShapeCatalog.Open(
            heap, indexName, IndexShape, [], () => PersistentSortedMap.OpenOrCreate(heap, indexName));
        string changesName = name + ChangesSuffix;
        bool keeps = options.KeepsChanges || heap.HasRoot(changesName);
        var changes = !keeps ? null : heap.OpenOrCreateLog(changesName,
            new PersistentLogOptions<PersistentTableChange<TKey, TValue>>
            {
                Serializer = new TableChangeSerializer<TKey, TValue>(keys, values),
            });
        return new PersistentTable<TKey, TValue>(new TableCore<TKey, TValue>(heap, name,
            new PersistentDictionary<TKey, TValue>(bytes, keys, values), map, changes, keys));
    }
}

/// <summary>Options of a table.</summary>
/// <typeparam name="TKey">The keys' type.</typeparam>
/// <typeparam name="TValue">The values' type.</typeparam>
public sealed class PersistentTableOptions<TKey, TValue>
    where TKey : notnull
{
    /// <summary>How keys lie in it; null for <see cref="PersistentSerializers.Default{T}"/>.</summary>
    public IPersistentSerializer<TKey>? KeySerializer { get; set; }

    /// <summary>How values lie in it; null for <see cref="PersistentSerializers.Default{T}"/>.</summary>
    public IPersistentSerializer<TValue>? ValueSerializer { get; set; }

    /// <summary>Shapes of it (<c>table of keys -> values</c>) whose bytes these serializers read too.</summary>
    public IReadOnlyCollection<string> OlderShapes { get; set; } = [];

    /// <summary>
    /// True to keep a log of all changes, which the application trims. Once a table keeps them, it does so whatever is
    /// asked for.
    /// </summary>
    public bool KeepsChanges { get; set; }
}
