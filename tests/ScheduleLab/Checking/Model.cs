using System.Text;

namespace GuestMemFs.ScheduleLab.Checking;

/// <summary>What the heap should hold: texts by name (a key of the dictionary, "object:a", "root:r"), and the group
/// that is open. A text is the value, with "@time" behind it where it expires.</summary>
internal sealed class Model
{
    private readonly SortedDictionary<string, string> _texts;
    private readonly Stack<Undo> _undo;
    private readonly Dictionary<string, string> _notes;
    private LogState? _log;

    public Model()
    {
        _texts = new(StringComparer.Ordinal);
        _undo = new();
        _notes = [];
    }

    private Model(Model other)
    {
        _texts = new(other._texts, StringComparer.Ordinal);
        _undo = new(other._undo.Reverse());
        _notes = other._notes.Count == 0 ? [] : new(other._notes);
        GroupOf = other.GroupOf;
        _log = other._log;
        Erases = other.Erases;
    }

    // A text of before; or what a log was, which goes back in several steps.
    private readonly record struct Undo(string Name, string? Old, LogState? Log = null);

    private static readonly Undo s_mark = new("", null);

    /// <summary>Whether the heap erases what it frees.</summary>
    public bool Erases { get; init; }

    /// <summary>The thread whose group is open, or -1.</summary>
    public int GroupOf { get; private set; } = -1;

    /// <summary>How many changes of the open group can be undone.</summary>
    public int Undoable => _undo.Count;

    public IEnumerable<string> Names => _texts.Keys;

    /// <summary>What the log holds. A group notes what it was at its first change, and at the first
    /// one behind each savepoint.</summary>
    public LogState Log
    {
        get => _log ?? LogState.Empty;
        set
        {
            if (GroupOf >= 0 && !_undo.TakeWhile(undo => undo != s_mark).Any(undo => undo.Log is not null))
            {
                _undo.Push(new Undo("log", null, Log));
            }

            _log = value;
        }
    }

    /// <summary>The log as a reader sees it: without what another thread's group has done.</summary>
    /// <param name="thread">The reader's thread; -1 where it is of another process.</param>
    public LogState LogSeenBy(int thread) =>
        GroupOf < 0 || GroupOf == thread ? Log : _undo.LastOrDefault(undo => undo.Log is not null).Log ?? Log;

    public string? this[string name]
    {
        get => _texts.GetValueOrDefault(name);
        set
        {
            if (GroupOf >= 0)
            {
                _undo.Push(new Undo(name, _texts.GetValueOrDefault(name)));
            }

            Put(name, value);
        }
    }

    /// <summary>A key's value as readers see it: null where it has expired.</summary>
    public string? Value(string key) => this[key] is not { } text ? null : text.IndexOf('@') is var at
        && at < 0 ? text : HasExpired(text) ? null : text[..at];

    public static bool HasExpired(string text) => text.IndexOf('@') is >= 0 and var at
        && long.Parse(text[(at + 1)..], System.Globalization.CultureInfo.InvariantCulture) <= Scenario.Now;

    /// <summary>Another value, until the same time.</summary>
    public void Keep(string key, string value) =>
        this[key] = this[key] is { } text && text.IndexOf('@') is >= 0 and var at
            && !HasExpired(text) ? value + text[at..] : value;

    /// <summary>What a thread has come to, which is no part of what the heap holds.</summary>
    public string? NoteOf(string name) => _notes.GetValueOrDefault(name);

    public void Note(string name, string text) => _notes[name] = text;

    /// <summary>Takes a note out again; true, so that it can stand in a condition.</summary>
    public bool Forget(string name) => _notes.Remove(name) || true;

    public Model Copy() => new(this);

    public void Begin(int thread) => GroupOf = thread;

    public void End()
    {
        GroupOf = -1;
        _undo.Clear();
    }

    /// <summary>A savepoint of the open group.</summary>
    public void Mark() => _undo.Push(s_mark);

    /// <summary>True where nothing is left to undo until the last savepoint.</summary>
    public bool IsAtMark => _undo.TryPeek(out Undo last) && last == s_mark;

    public bool TryUndoOne()
    {
        bool any = _undo.Count > 0;
        if (any)
        {
            UndoOne();
        }

        return any;
    }

    /// <summary>Takes one step back.</summary>
    public void UndoOne()
    {
        Undo undo = _undo.Peek();
        if (undo.Log is { } before && Log.StepTo(before) is { } step)
        {
            _log = step;
            return;
        }

        _ = _undo.Pop();
        if (undo.Log is null)
        {
            Put(undo.Name, undo.Old);
        }
    }

    /// <summary>Another process writes from here on.</summary>
    public void ChangeWriter() => _log = _log?.OfAnotherWriter();

    public void Clear()
    {
        foreach (string key in _texts.Keys.Where(name => !name.Contains(':', StringComparison.Ordinal)).ToArray())
        {
            this[key] = null;
        }
    }

    /// <summary>What is left after a crash: a group that was not committed is undone.</summary>
    public string AfterCrash()
    {
        Model copy = Copy();
        while (copy.Undoable > 0)
        {
            copy.UndoOne();
        }

        return copy.Text();
    }

    /// <summary>All that has not expired, in one line.</summary>
    public string Text()
    {
        StringBuilder text = new();
        foreach ((string name, string value) in _texts)
        {
            if (!HasExpired(value))
            {
                text.Append(name).Append('=').Append(value).Append(' ');
            }
        }

        return text.Append(_log?.Text()).ToString();
    }

    private void Put(string name, string? value)
    {
        if (value is null)
        {
            _texts.Remove(name);
        }
        else
        {
            _texts[name] = value;
        }
    }
}
