using System.Text;
using GuestMemFs.Collections;

namespace GuestMemFs.CrashLab;

/// <summary>A log with a dictionary beside it.</summary>
internal sealed unsafe class LogLab(string part, bool erases = false)
    : HeapLab<LogWorld, LogModel>(part, new HeapOptions { Erase = erases })
{
    private LogEntryId _seen;

    /// <summary>Whether an id that a reader has seen may not be given again by the process after the next.</summary>
    public bool ChecksIds { get; set; }

    /// <summary>Makes a further log, and explores the crashes.</summary>
    public void ExploreCreation(string name) => ExploreCreation(
        world => PersistentLog.OpenOrCreate(world.Heap, name),
        world => PersistentLog.OpenOrCreate(world.Heap, name).Append("v"u8));

    protected override LogWorld Open(PersistentHeap heap) => new(
        heap,
        PersistentLog.OpenOrCreate(heap, "log", new() { TimeProvider = DictionaryLab.StoppedTime.Instance }),
        PersistentDictionary.OpenOrCreate(
            heap, "keys", new() { TimeProvider = DictionaryLab.StoppedTime.Instance }));

    protected override PersistentHeap HeapOf(LogWorld world) => world.Heap;

    protected override void BeginStates() => _seen = default;

    protected override void BeforeAttach(LabSpace space, LogModel? before, LogModel after)
    {
        if (!space.IsFormatted)
        {
            return;
        }

        PersistentHeap heap = PersistentHeap.Open(new ReadingSpace(space));
        string difference = after.DifferenceOfEntries(PersistentLog.OpenOrCreate(heap, "log"));
        if (difference.Length > 0
            && before?.DifferenceOfEntries(PersistentLog.OpenOrCreate(heap, "log")).Length != 0)
        {
            Assert.Fail($"a reader sees neither before nor after:\n{difference}");
        }

        if (ChecksIds)
        {
            LogEntryId last = LastOfAll(heap);
            _seen = last > _seen ? last : _seen;
        }
    }

    // As a group's own thread sees it, and readers of older libraries: with what is not committed.
    private static LogEntryId LastOfAll(PersistentHeap heap)
    {
        LogRoot root = new(heap.Space.Base, heap.FindRoot("log", LogRoot.Layout));
        EntryLocation last = new LogSearch(new LogMemory(heap, root)).Last();
        return last.Segment.Exists ? last.Segment.IdAt(last.At) : LogEntryId.None;
    }

    protected override void Afterwards(Func<LogWorld> attach)
    {
        if (ChecksIds)
        {
            LogEntryId given = attach().Log.Append("afterwards"u8);
            Assert.True(given > _seen, $"{given} is given where {_seen} was seen");
        }
    }
}

/// <summary>A log and a dictionary of one heap.</summary>
internal sealed record LogWorld(PersistentHeap Heap, PersistentLog Log, PersistentDictionary Dictionary);

/// <summary>What a log, and a dictionary beside it in the same heap, should hold.</summary>
internal sealed class LogModel : ILabModel<LogWorld, LogModel>
{
    public List<(LogEntryId Id, string Value)> Entries { get; private init; } = [];

    public SortedDictionary<string, LogEntryId> Positions { get; private init; } = new(StringComparer.Ordinal);

    public LogEntryId Last { get; set; }

    public DictionaryModel Beside { get; private init; } = new();

    // All that was ever in the log, in an order that does not matter: of a heap that erases nothing else is left.
    private HashSet<string> Ever { get; init; } = new(StringComparer.Ordinal);

    public void Append(LogEntryId id, string value)
    {
        Entries.Add((id, value));
        Last = id;
        Ever.Add(value);
    }

    public LogModel Copy() => new()
    {
        Entries = [.. Entries],
        Positions = new(Positions, StringComparer.Ordinal),
        Last = Last,
        Beside = Beside.Copy(),
        Ever = [.. Ever],
    };

    public string Difference(LogWorld world)
    {
        StringBuilder text = new(Beside.Difference(world.Dictionary));
        text.Append(DifferenceOfEntries(world.Log));
        foreach (string name in world.Log.Positions.Union(Positions.Keys))
        {
            bool isThere = world.Log.TryGetPosition(name, out LogEntryId id);
            if (isThere != Positions.TryGetValue(name, out LogEntryId expected) || id != expected)
            {
                text.AppendLine(null, $"position {name} is {(isThere ? id : "absent")} instead of {expected}");
            }
        }

        return text.Append(world.Heap.Erases ? Left(world, All(world.Log.Read())) : "").ToString();
    }

    /// <summary>As <see cref="Difference"/>, of what a group shows nobody before it is committed.</summary>
    public string DifferenceOfEntries(PersistentLog log)
    {
        StringBuilder text = new();
        if (log.Count != Entries.Count || log.LastId != Last)
        {
            text.AppendLine(null, $"{log.Count} entries to {log.LastId}, not {Entries.Count} to {Last}");
        }

        List<(LogEntryId, string)> found = All(log.Read());
        if (!found.SequenceEqual(Entries))
        {
            text.AppendLine(null, $"{Names(found)} instead of {Names(Entries)}");
        }

        if (!All(log.ReadDescending()).SequenceEqual(Entries.AsEnumerable().Reverse()))
        {
            text.AppendLine("other entries backwards");
        }

        return text.ToString();
    }

    private unsafe string Left(LogWorld world, List<(LogEntryId Id, string Value)> found)
    {
        ReadOnlySpan<byte> memory = new(world.Heap.Base, (int)world.Heap.Space.Length);
        HashSet<string> there = [.. found.Select(entry => entry.Value)];
        foreach (string value in Ever)
        {
            if (value.Length > 0 && !there.Any(one => one.Contains(value, StringComparison.Ordinal))
                && memory.IndexOf(Encoding.UTF8.GetBytes(value)) >= 0)
            {
                return $"'{value[..Math.Min(20, value.Length)]}' is left in the memory\n";
            }
        }

        return "";
    }

    private static string Names(List<(LogEntryId Id, string Value)> entries) =>
        string.Join(", ", entries.Select(entry => $"{entry.Id} ({entry.Value.Length})"));

    private static List<(LogEntryId Id, string Value)> All(LogCursor cursor)
    {
        List<(LogEntryId, string)> all = [];
        foreach (LogEntry entry in cursor)
        {
            all.Add((entry.Id, Encoding.UTF8.GetString(entry.Value)));
        }

        return all;
    }
}
