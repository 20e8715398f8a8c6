using GuestMemFs.Collections;

namespace GuestMemFs;

/// <summary>
/// Goes through byte strings: elements of a <see cref="PersistentList"/>, members of a <see cref="PersistentSet"/> or
/// of what several sets make together. It keeps nobody waiting, and copies the entries of one leaf at a time.
/// </summary>
/// <remarks>
/// The collection may be changed meanwhile, by this thread too. What is there all the time is seen once; what comes or
/// goes meanwhile may be seen or not. For one thread at a time.
/// </remarks>
public abstract class ElementCursor
{
    private protected ElementCursor()
    {
    }

    /// <summary>The byte string that the cursor is at; good until the cursor moves.</summary>
    /// <exception cref="InvalidOperationException">It is at none: <see cref="MoveNext"/> was not called, or said
    /// false.</exception>
    public abstract ReadOnlySpan<byte> Current { get; }

    /// <summary>The cursor itself, for <c>foreach</c>.</summary>
    public ElementCursor GetEnumerator() => this;

    /// <summary>Goes to the next one; false where there is none.</summary>
    public abstract bool MoveNext();
}

/// <summary>Goes through the values of a map, up to so many.</summary>
internal sealed class ValueCursor(SortedMapCursor entries, long most) : ElementCursor
{
    private long _left = most;

    public override ReadOnlySpan<byte> Current => entries.Current.Value;

    public override bool MoveNext() => _left-- > 0 && entries.MoveNext();
}
