using GuestMemFs.Collections;

namespace GuestMemFs.Typed;

/// <summary>A record on its way to another shape.</summary>
internal readonly record struct MigratingRecord(byte[] Key, byte[] Value, DateTimeOffset? ExpiresAt);

/// <summary>Copies a collection of records, one after the other.</summary>
/// <param name="convert">
/// Puts a record into the copy; returns the key that it has there, or null where it was there already.
/// </param>
internal abstract class RecordMigration<T>(Func<MigratingRecord, T, byte[]?> convert) : IMigrationWay<T>
    where T : IByteRecords
{
    private const int MostRemoved = 256;

    private readonly Queue<byte[]> _converted = []; // some keys of the copy

    public abstract T Open(string name);

    public abstract void Copy(T source, T copy);

    public void MakeRoom(T copy)
    {
        while (_converted.TryDequeue(out byte[]? key))
        {
            copy.Remove(key);
        }
    }

    protected void Convert(in MigratingRecord record, T copy)
    {
        if (convert(record, copy) is { } key && _converted.Count < MostRemoved)
        {
            _converted.Enqueue(key);
        }
    }
}

/// <summary>Copies a dictionary.</summary>
internal sealed class DictionaryMigration(
    PersistentHeap heap, Func<MigratingRecord, IByteRecords, byte[]?> convert)
    : RecordMigration<PersistentDictionary>(convert)
{
    private const int BucketsAPage = 64;

    public override PersistentDictionary Open(string name) => PersistentDictionary.OpenOrCreate(heap, name);

    public override void Copy(PersistentDictionary source, PersistentDictionary copy)
    {
        CollectRecords visitor = new([]);
        ulong cursor = 0;
        do
        {
            visitor.Page.Clear();
            cursor = source.Scan(cursor, BucketsAPage, ref visitor);
            visitor.Page.ForEach(record => Convert(record, copy));
        }
        while (cursor != 0);
    }

    private readonly struct CollectRecords(List<MigratingRecord> page) : IRecordVisitor
    {
        public List<MigratingRecord> Page => page;

        public void Visit(in RecordView record)
        {
            DateTimeOffset? expiresAt = record.ExpiresAt == RecordView.NoExpiry ? null
                : DateTimeOffset.FromUnixTimeMilliseconds(record.ExpiresAt);
            page.Add(new(record.Key.ToArray(), CopyOut.ToBytes(record), expiresAt));
        }
    }
}

/// <summary>Copies a sorted map, or a collection that is a thin layer over one.</summary>
internal sealed class TreeMigration(
    PersistentHeap heap, TreeKind kind, Func<MigratingRecord, PersistentSortedMap, byte[]?> convert)
    : RecordMigration<PersistentSortedMap>(convert)
{
    public override PersistentSortedMap Open(string name) => PersistentSortedMap.OpenAs(heap, name, kind);

    public override void Copy(PersistentSortedMap source, PersistentSortedMap copy)
    {
        foreach (SortedEntry entry in source.Scan())
        {
            Convert(new(entry.Key.ToArray(), entry.Value.ToArray(), entry.ExpiresAt), copy);
        }
    }
}
