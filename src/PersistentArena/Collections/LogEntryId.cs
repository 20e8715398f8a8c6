using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace GuestMemFs;

/// <summary>
/// Names an entry of a <see cref="PersistentLog"/>: 128 bits that rise from entry to entry. The upper half is a time in
/// milliseconds since 1970-01-01 UTC where the log gives the id, the lower half numbers the entries of one millisecond.
/// </summary>
/// <param name="Milliseconds">The upper half.</param>
/// <param name="Sequence">The lower half.</param>
public readonly record struct LogEntryId(ulong Milliseconds, ulong Sequence)
    : IComparable<LogEntryId>, ISpanFormattable, ISpanParsable<LogEntryId>
{
    private const char Separator = '-';

    /// <summary>No entry's id: below all of them.</summary>
    public static LogEntryId None => default;

    /// <summary>The highest id.</summary>
    public static LogEntryId MaxValue => new(ulong.MaxValue, ulong.MaxValue);

    /// <summary>True where <paramref name="left"/> is below <paramref name="right"/>.</summary>
    public static bool operator <(LogEntryId left, LogEntryId right) =>
        left.Milliseconds < right.Milliseconds
        || (left.Milliseconds == right.Milliseconds && left.Sequence < right.Sequence);

    /// <summary>True where <paramref name="left"/> is above <paramref name="right"/>.</summary>
    public static bool operator >(LogEntryId left, LogEntryId right) => right < left;

    /// <summary>True where <paramref name="left"/> is not above <paramref name="right"/>.</summary>
    public static bool operator <=(LogEntryId left, LogEntryId right) => !(right < left);

    /// <summary>True where <paramref name="left"/> is not below <paramref name="right"/>.</summary>
    public static bool operator >=(LogEntryId left, LogEntryId right) => !(left < right);

    /// <summary>The lowest id that an entry of that time can have.</summary>
    public static LogEntryId At(DateTimeOffset time) => new((ulong)Math.Max(0, time.ToUnixTimeMilliseconds()), 0);

    /// <summary>Reads what <see cref="ToString()"/> wrote: two decimal numbers with a hyphen between them.</summary>
    /// <exception cref="FormatException">It is no id.</exception>
    public static LogEntryId Parse(ReadOnlySpan<char> s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out LogEntryId id)
            ? id
            : throw new FormatException($"'{s}' is no id of a log's entry: that is milliseconds-sequence, as in 5-0.");

    /// <inheritdoc cref="Parse(ReadOnlySpan{char}, IFormatProvider?)"/>
    public static LogEntryId Parse(string s, IFormatProvider? provider = null)
    {
        ArgumentNullException.ThrowIfNull(s);
        return Parse(s.AsSpan(), provider);
    }

    /// <summary>As <see cref="Parse(string, IFormatProvider?)"/>; false where it is no id.</summary>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out LogEntryId result)
    {
        int at = s.IndexOf(Separator);
        ulong sequence = 0;
        bool whole = at > 0 & TryNumber(s[..Math.Max(at, 0)], out ulong milliseconds)
            && TryNumber(s[(at + 1)..], out sequence);
        result = whole ? new(milliseconds, sequence) : default;
        return whole;
    }

    /// <inheritdoc cref="TryParse(ReadOnlySpan{char}, IFormatProvider?, out LogEntryId)"/>
    public static bool TryParse(
        [NotNullWhen(true)] string? s, IFormatProvider? provider, out LogEntryId result) =>
        TryParse(s.AsSpan(), provider, out result);

    /// <summary>Below 0, 0 or above it, as this id is below, the same as or above the other.</summary>
    public int CompareTo(LogEntryId other) => this < other ? -1 : this > other ? 1 : 0;

    /// <summary>The next id, where there is one above this.</summary>
    /// <exception cref="OverflowException">There is none.</exception>
    public LogEntryId Next() =>
        Sequence != ulong.MaxValue ? new(Milliseconds, Sequence + 1)
        : Milliseconds != ulong.MaxValue ? new(Milliseconds + 1, 0)
        : throw new OverflowException("There is no id above the highest one. Go on in a new log.");

    /// <summary>The two halves as decimal numbers with a hyphen between them.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Milliseconds}{Separator}{Sequence}");

    /// <inheritdoc cref="ToString()"/>
    public string ToString(string? format, IFormatProvider? formatProvider) => ToString();

    /// <inheritdoc/>
    public bool TryFormat(
        Span<char> destination, out int charsWritten, ReadOnlySpan<char> format, IFormatProvider? provider) =>
        destination.TryWrite(
            CultureInfo.InvariantCulture, $"{Milliseconds}{Separator}{Sequence}", out charsWritten);

    private static bool TryNumber(ReadOnlySpan<char> text, out ulong number) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
