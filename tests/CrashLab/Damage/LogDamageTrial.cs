using System.Text;
using GuestMemFs.Format;
using GuestMemFs.Heap;
using GuestMemFs.Inspection;

namespace GuestMemFs.CrashLab.Damage;

/// <summary>
/// One damage of a log's memory, and what became of it, for a process that only reads and for the next writer:
/// <c>identical</c>, <c>refused</c> with a reason code (at the heap's open, the log's open, a read or a change), or
/// <c>found by the deep check</c>, where reads give less or more than there was. All else is a failure: another
/// exception, an entry with another value, or damage that shows and that the deep check does not find.
/// </summary>
internal sealed class LogDamageTrial : IDisposable
{
    // Seen too early or too long it is another log, and yet no other value.
    private static readonly string[] s_inGroup =
        [Encoding.UTF8.GetString(LogDamageImage.InGroup), Encoding.UTF8.GetString(LogDamageImage.AlsoInGroup)];

    private readonly LogDamageImage _image;
    private readonly LabSpace _space = new(LogDamageImage.Length);
    private readonly HashSet<(LogEntryId, string)> _known = [];
    private readonly (string Text, string Problems) _read;
    private readonly (string Text, string Problems) _whole;

    public LogDamageTrial(LogDamageImage image)
    {
        _image = image;
        _space.Load(image.Image);
        _read = Recording(() => Know(LogDamageImage.Open(PersistentHeap.Open(new ReadingSpace(_space)))));
        _whole = Recording(() => Know(LogDamageImage.Open(PersistentHeap.Open(_space))));
    }

    public Span<byte> Bytes => _space.Bytes;

    /// <summary>Tries the memory as it is, then puts it back.</summary>
    public string Run() => Recording(Try);

    public void Dispose() => _space.Dispose();

    private (string Text, string Problems) Know(PersistentLog log)
    {
        _known.UnionWith(Entries(log.Read()));
        return (Text(log), Problems(log.Heap));
    }

    private string Try() => $"reader {Try(new ReadingSpace(_space), _read)}; writer {Try(_space, _whole)}";

    private string Try(IHeapSpace space, (string Text, string Problems) whole)
    {
        PersistentHeap? heap = null;
        PersistentLog log;
        try
        {
            heap = PersistentHeap.Open(space);
            log = LogDamageImage.Open(heap);
        }
        catch (ArenaException refused)
        {
            return $"refused at the {(heap is null ? "heap" : "log")}'s open {refused.ReasonCode}";
        }

        string? text = null;
        string? refusal = Refusal(() => RequireKnown(log)) ?? Refusal(() => text = Text(log));
        bool found = Problems(heap) != whole.Problems;
        if (refusal is null && text != whole.Text && !found)
        {
            string seenBy = space.IsWritable ? "writer" : "reader";
            throw new DamageFailure($"a {seenBy} sees another log, and the deep check finds nothing: {text}");
        }

        string? later = space.IsWritable ? Refusal(() => Change(log, text ?? "")) : null;
        return refusal is not null ? $"refused at use{(found ? "" : ", not found by the deep check,")} {refusal}"
            : text != whole.Text ? "found by the deep check"
            : later is not null ? $"refused at a change {later}"
            : found ? "identical, and found by the deep check" : "identical";
    }

    // Each entry that is shown is one that was appended, forwards and backwards.
    private void RequireKnown(PersistentLog log)
    {
        foreach ((LogEntryId id, string value) in Entries(log.Read()).Concat(Entries(log.ReadDescending())))
        {
            if (!_known.Contains((id, value)) && !s_inGroup.Contains(value))
            {
                throw new DamageFailure($"{id} reads as {Short((id, value))}");
            }
        }
    }

    /// <summary>Changes of its own and in groups: what they say that they have done is there.</summary>
    private static void Change(PersistentLog log, string before)
    {
        LogEntryId alone = log.Append("alone"u8);
        LogEntryId committed;
        using (AtomicGroup group = log.BeginAtomic())
        {
            committed = log.Append(new byte[700]);
            log.SetPosition("one", alone);
            group.Commit();
        }

        string now = Text(log);
        using (AtomicGroup back = log.BeginAtomic())
        {
            log.TrimToCount(1);
            log.Append("goes back"u8);
        }

        if (Text(log) != now || log.Get(alone) is not { Length: 5 } || log.Get(committed) is not { Length: 700 }
            || !log.TryGetPosition("one", out LogEntryId one) || one != alone)
        {
            throw new DamageFailure($"what was changed is not there:\n{before}\nthen\n{now}\nthen\n{Text(log)}");
        }
    }

    // A group in flight is a problem to it too: what counts is what damage adds.
    private static string Problems(PersistentHeap heap)
    {
        try
        {
            return string.Join('\n', HeapVerifier.Verify(heap));
        }
        catch (ArenaException refused)
        {
            return refused.Message;
        }
    }

    private static string? Refusal(Action action)
    {
        try
        {
            action();
            return null;
        }
        catch (ArenaException refused)
        {
            return refused.ReasonCode;
        }
    }

    private static string Text(PersistentLog log)
    {
        StringBuilder text = new();
        text.AppendLine(null, $"{log.Count} to {log.LastId}");
        text.AppendJoin(' ', Entries(log.Read()).Select(Short)).AppendLine();
        text.AppendJoin(' ', Entries(log.ReadDescending()).Select(Short)).AppendLine();
        foreach (string name in log.Positions.Order(StringComparer.Ordinal))
        {
            text.AppendLine(null, $"{name} {log.TryGetPosition(name, out LogEntryId id)} {id}");
        }

        return text.ToString();
    }

    private static string Short((LogEntryId Id, string Value) entry) =>
        $"{entry.Id}:{entry.Value[..Math.Min(1, entry.Value.Length)]}*{entry.Value.Length}";

    private static List<(LogEntryId Id, string Value)> Entries(LogCursor cursor)
    {
        List<(LogEntryId, string)> all = [];
        foreach (LogEntry entry in cursor)
        {
            all.Add((entry.Id, Encoding.Latin1.GetString(entry.Value)));
        }

        return all;
    }

    private T Recording<T>(Func<T> action)
    {
        _space.Rewind(_image.Image);
        Persist.Trace = _space;
        try
        {
            return action();
        }
        finally
        {
            Persist.Trace = null;
            _space.GoBack(0);
        }
    }
}
