namespace GuestMemFs.Typed;

/// <summary>Copies a log: entries under their ids, then positions.</summary>
/// <param name="heap">The heap.</param>
/// <param name="convert">Appends an entry's value to the copy.</param>
internal sealed class LogMigration(PersistentHeap heap, Action<LogEntryId, byte[], PersistentLog> convert)
    : IMigrationWay<PersistentLog>
{
    public PersistentLog Open(string name) => PersistentLog.OpenOrCreate(heap, name);

    public void Copy(PersistentLog source, PersistentLog copy)
    {
        foreach (LogEntry entry in source.ReadAfter(copy.LastId))
        {
            convert(entry.Id, entry.Value.ToArray(), copy);
        }

        if (copy.LastId < source.LastId)
        {
            copy.Append(source.LastId, default); // it has no entry any more, and the next id comes behind its last one
        }

        copy.TrimToCount(source.Count);
        foreach (string position in source.Positions)
        {
            if (source.TryGetPosition(position, out LogEntryId id))
            {
                copy.SetPosition(position, id);
            }
        }
    }

    public void MakeRoom(PersistentLog copy)
    {
        copy.Clear();
        while (copy.CollectGarbage(1))
        {
            // Each turn gives a segment back.
        }
    }
}
