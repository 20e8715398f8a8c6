using GuestMemFs;

namespace KvStore.Engine;

/// <summary>
/// Notes of the hashes of a database of which fields expire: a hash's earliest time, and its key. In the order of
/// times, so that the sweep reads what is due and nothing else.
/// </summary>
/// <remarks>
/// A note is no promise. It is put before the hash changes and removed after it, so each such hash has the note of its
/// earliest time, over a crash as well. One that is left over, by a crash, a rename or the removal of the key, is found
/// by a walk (<see cref="TryGetNext"/>). It lies in the sorted map of the large collections, under the number that none
/// of them has: the time (8 bytes, the high ones first), then the key; of a long key the value has the whole.
/// </remarks>
/// <param name="open">Opens the database's large collections; not inside a group where there was none.</param>
internal sealed class FieldDues(Func<NestedCollections> open)
{
    private const byte Index = 16;
    private const int LongestKey = 65_000;

    private PersistentSortedMapSection? _notes;
    private byte[] _walked = [];

    // No note is of an earlier time.
    private long _earliest = long.MaxValue;

    /// <summary>False where no hash has such fields.</summary>
    public bool Any => _earliest != long.MaxValue;

    /// <summary>True where a field may be due.</summary>
    public bool IsDue => Any && _earliest <= WallClock.Milliseconds;

    /// <summary>Sees whether there are notes.</summary>
    public void Look() => TryGetFirst(out _, out _);

    /// <summary>A hash is about to have its earliest time then.</summary>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    public void Note(long time, ReadOnlySpan<byte> key)
    {
        Notes().Set(NoteOf(time, key), key.Length > LongestKey ? key : default);
        _earliest = Math.Min(_earliest, time);
    }

    /// <summary>A hash has another earliest time, or none.</summary>
    public void Forget(long time, ReadOnlySpan<byte> key) => Notes().Remove(NoteOf(time, key));

    /// <summary>The hash whose fields are due first; false where there is none. Not in a group.</summary>
    public bool TryGetFirst(out long time, out byte[] key)
    {
        bool any = Notes().TryGetFirst(out KeyValuePair<byte[], byte[]> note);
        time = any ? FieldTimes.Of(note.Key) : FieldTimes.Never;
        key = any ? KeyIn(note.Key, note.Value) : [];
        _earliest = any ? time : long.MaxValue;
        return any;
    }

    /// <summary>The next one of all notes, from the first again behind the last; false there.</summary>
    public bool TryGetNext(out long time, out byte[] key)
    {
        bool any = Notes().TryGetCeiling(_walked, out KeyValuePair<byte[], byte[]> note);
        time = any ? FieldTimes.Of(note.Key) : FieldTimes.Never;
        key = any ? KeyIn(note.Key, note.Value) : [];
        _walked = any ? [.. note.Key, 0] : [];
        return any;
    }

    private static byte[] NoteOf(long time, ReadOnlySpan<byte> key) =>
        FieldTimes.KeyOf(time, key[..Math.Min(key.Length, LongestKey)]);

    private static byte[] KeyIn(ReadOnlySpan<byte> note, ReadOnlySpan<byte> whole) =>
        whole.IsEmpty ? note[FieldTimes.Length..].ToArray() : whole.ToArray();

    private PersistentSortedMapSection Notes() => _notes ??= open().Section(0, Index);
}
