using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

/// <summary>What a log should hold: a list of entries, and positions by name.</summary>
internal sealed class LogModel
{
    public List<(LogEntryId Id, byte[] Value)> Entries { get; private init; } = [];

    public Dictionary<string, LogEntryId> Positions { get; private init; } = new(StringComparer.Ordinal);

    public LogEntryId Last { get; set; }

    public LogModel Copy() => new() { Entries = [.. Entries], Positions = new(Positions), Last = Last };

    public void Append(LogEntryId id, byte[] value)
    {
        Entries.Add((id, value));
        Last = id;
    }

    public int TrimBefore(LogEntryId id) => Entries.RemoveAll(entry => entry.Id < id);

    public int TrimToCount(int count)
    {
        int trimmed = Math.Max(0, Entries.Count - count);
        Entries.RemoveRange(0, trimmed);
        return trimmed;
    }

    /// <summary>All that a log shows is as it should be, in both directions and by id.</summary>
    public void AssertSame(PersistentLog log)
    {
        Assert.Equal(Entries.Count, log.Count);
        Assert.Equal(Last, log.LastId);
        AssertEntries(Entries, All(log.Read()));
        AssertEntries(Entries.AsEnumerable().Reverse(), All(log.ReadDescending()));
        for (int i = 0; i < Entries.Count; i += Math.Max(1, Entries.Count / 17))
        {
            Assert.Equal(Entries[i].Value, log.Get(Entries[i].Id));
        }

        Assert.Equal(Positions.Keys.Order(), log.Positions.Order());
        foreach ((string name, LogEntryId id) in Positions)
        {
            Assert.True(log.TryGetPosition(name, out LogEntryId found));
            Assert.Equal(id, found);
        }
    }

    public void AssertRange(PersistentLog log, LogEntryId from, LogEntryId to)
    {
        var range = Entries.Where(entry => entry.Id >= from && entry.Id <= to).ToList();
        AssertEntries(range, All(log.Read(from, to)));
        AssertEntries(range.AsEnumerable().Reverse(), All(log.ReadDescending(from, to)));
        AssertEntries(Entries.Where(entry => entry.Id > from), All(log.ReadAfter(from)));
    }

    public static List<(LogEntryId Id, byte[] Value)> All(LogCursor cursor)
    {
        List<(LogEntryId, byte[])> all = [];
        foreach (LogEntry entry in cursor)
        {
            all.Add((entry.Id, entry.Value.ToArray()));
        }

        return all;
    }

    private static void AssertEntries(
        IEnumerable<(LogEntryId Id, byte[] Value)> expected, List<(LogEntryId Id, byte[] Value)> found)
    {
        var wanted = expected.ToList();
        Assert.Equal(wanted.Select(entry => entry.Id), found.Select(entry => entry.Id));
        for (int i = 0; i < wanted.Count; i++)
        {
            Assert.True(wanted[i].Value.AsSpan().SequenceEqual(found[i].Value), $"the value of {wanted[i].Id} differs");
        }
    }

    public static void AssertWhole(PersistentHeap heap) => Assert.Empty(HeapVerifier.Verify(heap));
}
