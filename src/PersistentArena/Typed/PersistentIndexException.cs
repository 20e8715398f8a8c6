using GuestMemFs.Typed;

namespace GuestMemFs;

/// <summary>An index of a table cannot be used so. Nothing was changed.</summary>
public sealed class PersistentIndexException : ArenaException
{
    private PersistentIndexException(string table, string index, string message)
        : base(ReasonCodes.TableIndex, message)
    {
        Table = table;
        Index = index;
    }

    /// <summary>The table's name.</summary>
    public string Table { get; }

    /// <summary>The index's name.</summary>
    public string Index { get; }

    internal static PersistentIndexException NotDeclared(string table, string index) => new(table, index,
        $"Table '{table}' has an index '{index}' that this process has not declared: a change would leave it behind. "
        + "Nothing was changed. Declare it (Index, UniqueIndex), or drop it (DropIndex).");

    internal static PersistentIndexException NotReady(string table, string index) => new(table, index,
        $"Index '{index}' of table '{table}' does not have all records yet. Build it: BuildIndexes.");

    internal static PersistentIndexException TooMany(string table, string index, int limit) => new(table, index,
        $"No room for index '{index}' of table '{table}': a table has {limit} indexes at most. Drop one.");

    internal static PersistentIndexException OtherShape(
        string table, IndexEntry there, string shape, bool isUnique) => new(table, there.Name,
        $"Index '{there.Name}' of table '{table}' is {Describe(there.IsUnique)} and holds {there.Shape}; declared was "
        + $"{Describe(isUnique)} of {shape}. Nothing was changed. Declare it as what it is, or drop it and make it "
        + "anew.");

    private static string Describe(bool isUnique) => isUnique ? "unique" : "not unique";
}

/// <summary>Two records of a table would have one key in a unique index. Nothing was changed.</summary>
public sealed class DuplicateIndexKeyException : ArenaException
{
    internal DuplicateIndexKeyException(string table, string index, string key, string holder)
        : base(ReasonCodes.DuplicateIndexKey,
            $"Record '{key}' of table '{table}' would have the same key in unique index '{index}' as record "
            + $"'{holder}'. Nothing was changed. Change or remove one of them.")
    {
        Table = table;
        Index = index;
    }

    /// <summary>The table's name.</summary>
    public string Table { get; }

    /// <summary>The index's name.</summary>
    public string Index { get; }
}
