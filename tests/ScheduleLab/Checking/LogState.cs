using System.Globalization;

namespace GuestMemFs.ScheduleLab.Checking;

/// <summary>What a log holds, in the model. An id is its sequence number: the time stands still.</summary>
/// <param name="First">How many entries were trimmed in the log's whole life.</param>
/// <param name="Entries">All entries, trimmed or not.</param>
/// <param name="Highest">The highest id that was given; -1 for none, null where another process may know.</param>
internal sealed record LogState(int First, IReadOnlyList<LogState.Entry> Entries, long? Highest)
{
    public static LogState Empty { get; } = new(0, [], -1);

    /// <summary>An entry's id and its value.</summary>
    public readonly record struct Entry(long Id, string Value)
    {
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Id}={Value}");
    }

    /// <summary>The entries that were not trimmed.</summary>
    public IEnumerable<Entry> Present => Entries.Skip(First);

    public int Count => Entries.Count - First;

    /// <summary>The last entry's id, trimmed or not; -1 for none.</summary>
    public long Last => Entries.Count == 0 ? -1 : Entries[^1].Id;

    public LogState With(long id, string value) =>
        this with { Entries = [.. Entries, new Entry(id, value)], Highest = Math.Max(Highest ?? id, id) };

    public LogState TrimmedTo(int first) => this with { First = Math.Max(first, First) };

    /// <summary>One step of a rollback: first trims go back, then entries, the last one first; null where none is
    /// left.</summary>
    public LogState? StepTo(LogState before) =>
        First != before.First ? this with { First = before.First }
        : Entries.Count > before.Entries.Count ? this with { Entries = [.. Entries.SkipLast(1)] }
        : null;

    /// <summary>Which ids a writer gave and took back, the next one does not know.</summary>
    public LogState OfAnotherWriter() => this with { Highest = null };

    /// <summary>The entry that a walk comes to next; null for none.</summary>
    public string? Next(LogRange range, long at)
    {
        IEnumerable<Entry> left = Present.Where(entry => entry.Id >= range.From && entry.Id <= range.To
            && (range.Descends ? entry.Id < at : entry.Id > at));
        return (range.Descends ? left.Reverse() : left).Select(entry => entry.ToString()).FirstOrDefault();
    }

    /// <summary>As a content has it; empty for a log that never had an entry.</summary>
    public string Text() => Entries.Count == 0 ? ""
        : $"{Name}={TextOf(Last, First, Present.Select(entry => entry.ToString()))} ";

    /// <summary>Stands behind all other names.</summary>
    public const string Name = "~log";

    /// <summary>The last id, the number of the first entry that is there, and the entries.</summary>
    public static string TextOf(long last, long first, IEnumerable<string> present) =>
        string.Create(CultureInfo.InvariantCulture, $"{last} {string.Join(';', present)}")
        + (present.Any() ? string.Create(CultureInfo.InvariantCulture, $" from {first}") : "");
}

/// <summary>A walk's range, and where it begins.</summary>
internal sealed record LogRange(long From, long To, bool Descends)
{
    public long Start => Descends ? long.MaxValue : -1;
}
