namespace GuestMemFs;

/// <summary>What a heap says of itself, as far as that needs no walk.</summary>
/// <remarks>
/// Beside a living writer each figure is of another instant. Where <see cref="Refusal"/> is set the heap does not open,
/// the header's numbers are shown as they stand there, and the roots are not told.
/// </remarks>
public sealed record HeapSnapshot
{
    /// <summary>The region's name.</summary>
    public required string Region { get; init; }

    /// <summary>The region's length in bytes.</summary>
    public required long LengthBytes { get; init; }

    /// <summary>The version of the heap's format.</summary>
    public required ulong FormatVersion { get; init; }

    /// <summary>Feature bits.</summary>
    public required FeatureSet Features { get; init; }

    /// <summary>
    /// Bytes that were handed out at least once; the rest is fresh. 0 where the word that says so does not check.
    /// </summary>
    public required long FrontierBytes { get; init; }

    /// <summary>Changes that were begun and not ended: exact where nobody writes. The next writer ends them.</summary>
    public int ChangesInFlight { get; init; }

    /// <summary>The named entries, in the order of their slots.</summary>
    public IReadOnlyList<HeapRootSnapshot> Roots { get; init; } = [];

    /// <summary>Why the heap does not open; null where it does.</summary>
    public ArenaException? Refusal { get; init; }
}

/// <summary>A named entry of a heap.</summary>
public sealed record HeapRootSnapshot
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>What it leads to.</summary>
    public required HeapRootKind Kind { get; init; }

    /// <summary>The hash of its layout, by which another type is refused.</summary>
    public required ulong LayoutHash { get; init; }

    /// <summary>
    /// What it holds, in words: the fields of an application's struct, or the forms of a typed collection's keys and
    /// values. Null where it has no shape, and where that is damaged.
    /// </summary>
    public string? Shape { get; init; }

    /// <summary>What a dictionary counts; null for other kinds, and where it is damaged.</summary>
    public DictionaryFigures? Dictionary { get; init; }

    /// <summary>
    /// What a sorted map counts, or one that lies under a list, a set, a queue, bytes or a bitmap; null for other
    /// kinds, and where it is damaged.
    /// </summary>
    public SortedMapFigures? SortedMap { get; init; }

    /// <summary>What a log counts; null for other kinds, and where it is damaged.</summary>
    public LogFigures? Log { get; init; }

    /// <summary>Why its figures could not be read; null where they were, or there are none.</summary>
    public HeapDamagedException? Problem { get; init; }
}

/// <summary>What a heap's root leads to.</summary>
public enum HeapRootKind
{
    /// <summary>An object of the application's (<see cref="PersistentRoot{T}"/>), or of a newer library.</summary>
    Object = 0,

    /// <summary>A <see cref="PersistentDictionary"/>.</summary>
    Dictionary = 1,

    /// <summary>A <see cref="PersistentSortedMap"/>.</summary>
    SortedMap = 2,

    /// <summary>A <see cref="PersistentLog"/>.</summary>
    Log = 3,

    /// <summary>A <see cref="PersistentList"/>.</summary>
    List = 4,

    /// <summary>A <see cref="PersistentSet"/>.</summary>
    Set = 5,

    /// <summary>A <see cref="PersistentPriorityQueue"/>.</summary>
    PriorityQueue = 6,

    /// <summary>A <see cref="PersistentBytes"/>.</summary>
    Bytes = 7,

    /// <summary>A <see cref="PersistentBitmap"/>.</summary>
    Bitmap = 8,
}

/// <summary>What a log counts.</summary>
/// <param name="Entries">Entries that were not trimmed.</param>
/// <param name="Segments">Blocks of entries, those included that were trimmed and not given back yet.</param>
/// <param name="Positions">Named positions.</param>
/// <param name="LastId">The id of the entry that was appended last, trimmed or not.</param>
public readonly record struct LogFigures(long Entries, long Segments, int Positions, LogEntryId LastId);

/// <summary>What a sorted map counts.</summary>
/// <param name="Records">Records, those included that expired and were not removed yet.</param>
/// <param name="RecordBytes">Bytes that the records' blocks take.</param>
/// <param name="Expiring">Records with an expiry time.</param>
/// <param name="Levels">Nodes from the topmost one to a leaf.</param>
public readonly record struct SortedMapFigures(long Records, long RecordBytes, long Expiring, int Levels);

/// <summary>What a dictionary counts.</summary>
/// <param name="Records">Records, those included that expired and were not removed yet.</param>
/// <param name="RecordBytes">Bytes that the records' blocks take.</param>
/// <param name="Expiring">Records with an expiry time.</param>
/// <param name="Buckets">Buckets of the index, of seven records each.</param>
/// <param name="IsClearing">True where a cleared index is still to be collected.</param>
public readonly record struct DictionaryFigures(
    long Records, long RecordBytes, long Expiring, long Buckets, bool IsClearing);
