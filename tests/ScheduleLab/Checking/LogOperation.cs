using System.Globalization;
using System.Text;
using GuestMemFs.Collections;
using GuestMemFs.ScheduleLab.Running;

namespace GuestMemFs.ScheduleLab.Checking;

/// <summary>The public operations of a log, on the library and on the model alike.</summary>
/// <remarks>A walk is a row of operations, a step each. A step has a moment at which it saw the next entry, or none. So
/// no walk may miss an entry, or see one that was trimmed before the step.</remarks>
internal static class LogOperation
{
    private const string PositionPrefix = "log-position:";
    private const string NoEntry = "none";
    private const string Refused = "refused";
    private const string Ended = "ended";

    private static readonly LogRange s_all = new(0, long.MaxValue, Descends: false);

    /// <summary>The log of a beginning.</summary>
    public static Part Part { get; } = new(
        "log",
        (world, heap, elsewhere) =>
        {
            PersistentLogOptions options = new() { TimeProvider = StoppedTime.Instance };
            world.Log = PersistentLog.OpenOrCreate(heap, "log", options);
            world.LogElsewhere = PersistentLog.OpenOrCreate(elsewhere, "log", options);
        },
        (world, texts) => AddContent(world.Log!, texts))
    {
        Successors =
        [
            [Append("next")],
            [Trim(3), Append("succ1"), Append("succ2"), Append("succ3")],
            [SetPosition("c", 9), SetPosition("successor", 1)],
        ],
    };

    public static Operation Append(string value)
    {
        byte[] v = Bytes(value);
        return new($"log-append {value}", world => Text(world.Log!.Append(v)), (model, _, result) =>
        {
            long id = model.Log.Highest is { } highest ? highest + 1
                : result == Operation.Any ? model.Log.Last + 1 : Number(result);
            bool rises = id > model.Log.Last;
            model.Log = model.Log.With(id, value);
            return rises && Operation.Is(result, Text(id));
        });
    }

    /// <summary>Under an id of the caller's.</summary>
    public static Operation TryAppend(long id, string value)
    {
        byte[] v = Bytes(value);
        return new($"log-append-at {id} {value}", world => Text(world.Log!.TryAppend(Id(id), v)), (model, _, result) =>
        {
            bool rises = id > model.Log.Last;
            if (rises)
            {
                model.Log = model.Log.With(id, value);
            }

            return Operation.Is(result, Text(rises));
        });
    }

    public static Operation Get(long id, bool elsewhere = false) => Read("get", elsewhere, $" {id}", log =>
        log.Get(Id(id)) is { } value ? Encoding.UTF8.GetString(value) : NoEntry, state =>
            state.Present.Where(entry => entry.Id == id).Select(entry => entry.Value).FirstOrDefault());

    public static Operation Count(bool elsewhere = false) => Read("count", elsewhere, "", log => Text(log.Count),
        state => Text(state.Count));

    public static Operation LastId(bool elsewhere = false) => Read("last-id", elsewhere, "", log => Text(log.LastId),
        state => Text(state.Last));

    /// <summary>So many steps from one end of a range towards the other. At the upper end it looks again for what has
    /// come.</summary>
    public static Operation[] Walk(int steps, LogRange? range = null, bool elsewhere = false)
    {
        LogRange of = range ?? s_all;
        LogEntryId from = Id(of.From), to = of.To == long.MaxValue ? LogEntryId.MaxValue : Id(of.To);
        return [.. Enumerable.Range(0, steps).Select(step => Step(of, elsewhere, step == 0, log =>
            of.Descends ? log.ReadDescending(from, to) : log.Read(from, to)))];
    }

    public static Operation Trim(long before) => TrimWith($"trim {before}", log => log.TrimBefore(Id(before)), state =>
        state.Entries.TakeWhile(entry => entry.Id < before).Count());

    public static Operation TrimToCount(int count) => TrimWith($"trim-to {count}", log => log.TrimToCount(count),
        state => state.Entries.Count - count);

    public static Operation Collect(int segments) => new($"log-collect {segments}", world =>
    {
        _ = world.Log!.CollectGarbage(segments);
        return "ok";
    }, (_, _, _) => true, Writes: false);

    public static Operation SetPosition(string name, long id) => new($"log-set-position {name} {id}", world =>
    {
        world.Log!.SetPosition(name, Id(id));
        return "ok";
    }, (model, _, result) =>
    {
        model[PositionPrefix + name] = Text(id);
        return Operation.Is(result, "ok");
    });

    public static Operation RemovePosition(string name) => new($"log-remove-position {name}", world =>
        Text(world.Log!.RemovePosition(name)), (model, _, result) =>
    {
        bool there = model[PositionPrefix + name] is not null;
        if (there)
        {
            model[PositionPrefix + name] = null;
        }

        return Operation.Is(result, Text(there));
    });

    public static Operation GetPosition(string name, bool elsewhere = false) => new(
        $"log-position{Where(elsewhere)} {name}",
        world => Log(world, elsewhere).TryGetPosition(name, out LogEntryId id) ? Text(id) : NoEntry,
        (model, _, result) => Operation.Is(result, model[PositionPrefix + name]), Writes: false) { Reads = true };

    /// <summary>The names of all positions, at one moment.</summary>
    public static Operation Positions(bool elsewhere = false) => new($"log-positions{Where(elsewhere)}", world =>
        string.Join(' ', Log(world, elsewhere).Positions.Order(StringComparer.Ordinal)), (model, _, result) =>
            Operation.Is(result, string.Join(' ', model.Names.Where(name =>
                name.StartsWith(PositionPrefix, StringComparison.Ordinal)).Select(name =>
                    name[PositionPrefix.Length..]))), Writes: false) { Reads = true };

    /// <summary>Clears what may be in a segment, in a copy of the memory: all but the values of trimmed entries, and
    /// what lies behind the last one.</summary>
    public static void ClearPresent(World world, LogSegment segment, byte[] copy)
    {
        LogCursor cursor = world.Log!.Read();
        long first = cursor.MoveNext() ? cursor.Current.Index : long.MaxValue;
        _ = segment.TryFirst(out long index) & segment.TryTail(out long used, out int count);
        Span<byte> bytes = copy.AsSpan((int)segment.Offset, (int)segment.Size);
        bytes[..LogSegment.HeadLength].Clear();
        bytes[^(int)LogSegment.MarksOf(count)..].Clear();
        int at = LogSegment.HeadLength;
        for (int i = 0; i < count && segment.TryLength(at, used, out int length); i++)
        {
            bytes.Slice(at, LogSegment.EntryHeadLength + (index + i >= first ? length : 0)).Clear();
            at += (int)LogSegment.Taken(length);
        }
    }

    // What sees the log at one moment.
    private static Operation Read(string name, bool elsewhere, string more, Func<PersistentLog, string> run,
        Func<LogState, string?> expected) => new($"log-{name}{Where(elsewhere)}{more}", world =>
            run(Log(world, elsewhere)), (model, thread, result) =>
                Operation.Is(result, expected(Seen(model, thread, elsewhere))), Writes: false)
        {
            Reads = true,
        };

    private static Operation TrimWith(string name, Func<PersistentLog, long> run, Func<LogState, int> first) => new(
        $"log-{name}", world => Trimmed(world, run), (model, thread, result) =>
        {
            LogState log = model.Log;
            LogState trimmed = log.TrimmedTo(first(log));
            if (trimmed.First != log.First && model.Erases && model.GroupOf == thread)
            {
                return Operation.Is(result, Refused);
            }

            if (trimmed.First != log.First)
            {
                model.Log = trimmed;
            }

            return Operation.Is(result, Text(trimmed.First - log.First));
        });

    // A group of a heap that erases does not trim.
    private static string Trimmed(World world, Func<PersistentLog, long> run)
    {
        try
        {
            return Text(run(world.Log!));
        }
        catch (AtomicGroupException) when (world.Heap.Erases)
        {
            return Refused;
        }
    }

    private static Operation Step(LogRange range, bool elsewhere, bool begins, Func<PersistentLog, LogCursor> begin) =>
        new($"log-step{(range.Descends ? "-down" : "")}{Where(elsewhere)} {range.From}", world =>
        {
            ref LogCursor? cursor = ref world.Cursors[Seam.Points.Thread];
            cursor = begins ? begin(Log(world, elsewhere)) : cursor;
            if (cursor is null)
            {
                return Ended;
            }

            bool found = cursor.MoveNext();
            string result = found ? TextOf(cursor) : NoEntry;
            cursor = found || !range.Descends ? cursor : null; // its other end does not move away
            return result;
        }, (model, thread, result) =>
        {
            string note = $"walk:{thread}";
            if (result is Ended or Operation.Any)
            {
                return true;
            }

            string? at = begins ? null : model.NoteOf(note);
            string? next = Seen(model, thread, elsewhere).Next(range, at is null ? range.Start : Number(at));
            if (next is not null)
            {
                model.Note(note, next.Split('=')[0]);
            }

            return Operation.Is(result, next);
        }, Writes: false) { Reads = true };

    // Each entry is the same up, down and by its id; and there are as many as the log counts.
    private static string? AddContent(PersistentLog log, SortedDictionary<string, string> texts)
    {
        List<string> up = [], down = [];
        long first = -1, next = -1;
        foreach (LogEntry entry in log.Read())
        {
            first = first < 0 ? entry.Index : first;
            if (next >= 0 && entry.Index != next)
            {
                return $"the log's entry {entry.Index} comes after {next - 1}";
            }

            next = entry.Index + 1;
            up.Add($"{Text(entry.Id)}={Encoding.UTF8.GetString(entry.Value)}");
            if (log.Get(entry.Id) is not { } value || !value.AsSpan().SequenceEqual(entry.Value))
            {
                return $"the log's entry {Text(entry.Id)} is another one where it is asked for by its id";
            }
        }

        for (LogCursor cursor = log.ReadDescending(); cursor.MoveNext();)
        {
            down.Insert(0, TextOf(cursor));
        }

        if (!up.SequenceEqual(down) || up.Count != log.Count)
        {
            return $"the log counts {log.Count}, has {string.Join(';', up)}, and downwards {string.Join(';', down)}";
        }

        foreach (string name in log.Positions)
        {
            if (!log.TryGetPosition(name, out LogEntryId id) || !texts.TryAdd(PositionPrefix + name, Text(id)))
            {
                return $"the position {name} is there twice, or not there";
            }
        }

        long last = Number(Text(log.LastId));
        if (last >= 0)
        {
            texts.Add(LogState.Name, LogState.TextOf(last, first, up));
        }

        return null;
    }

    private static LogState Seen(Model model, int thread, bool elsewhere) => model.LogSeenBy(elsewhere ? -1 : thread);

    private static string Where(bool elsewhere) => elsewhere ? "-elsewhere" : "";

    private static PersistentLog Log(World world, bool elsewhere) => elsewhere ? world.LogElsewhere! : world.Log!;

    private static LogEntryId Id(long number) => new((ulong)Scenario.Now, (ulong)number);

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static string TextOf(LogCursor cursor) =>
        $"{Text(cursor.Current.Id)}={Encoding.UTF8.GetString(cursor.Current.Value)}";

    // -1 for none; what is of another time cannot be.
    private static string Text(LogEntryId id) => id == LogEntryId.None ? Text(-1)
        : id.Milliseconds == (ulong)Scenario.Now ? Text((long)id.Sequence) : id.ToString();

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Text(bool yes) => yes ? "true" : "false";

    private static long Number(string text) =>
        long.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out long number) ? number : -1;
}
