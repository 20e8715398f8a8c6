namespace GuestMemFs.Heap;

/// <summary>
/// Where things lie in a heap region. The bytes are documented in docs/format.md; nothing here may change without a
/// feature bit.
/// </summary>
/// <remarks>
/// A zone is 4 GiB and begins with its page table; zone 0 begins with the heap's header page. Pages are 64 KiB. All
/// offsets are from the region's first byte.
/// </remarks>
internal static class HeapFormat
{
    public const ulong Magic = 0x3130_5041_4548_4D47; // "GMHEAP01"
    public const uint Version = 2;

    public const int PageShift = 16;
    public const long PageSize = 1L << PageShift;
    public const int ZoneShift = 32;
    public const int PagesPerZoneShift = ZoneShift - PageShift;
    public const long PagesPerZone = 1L << PagesPerZoneShift;
    public const int TablePages = (int)(PagesPerZone * sizeof(ulong) / PageSize);
    public const int HeaderPages = 1;

    // Header page: constant part (checked by its CRC), then words that change, each group in a cache line of its own.
    public const int MagicOffset = 0;
    public const int VersionOffset = 8;
    public const int CompatOffset = 16;
    public const int ReadOnlyCompatOffset = 24;
    public const int IncompatOffset = 32;
    public const int NonceOffset = 40;
    public const int ArenaIdOffset = 48;
    public const int CrcOffset = 64;
    public const int ConstantLength = 64;
    public const int FrontierOffset = 128;

    /// <summary>
    /// Epoch of the last writer that found changes in flight. Readers of other processes, which may have begun under
    /// the writer before it, look at it again.
    /// </summary>
    public const int RecoveredOffset = 192;

    /// <summary>Sealed offset of the first block of further roots; 0 for none.</summary>
    public const int MoreRootsOffset = 200;

    /// <summary>1 once what was free when <see cref="Erasing"/> began is zeroed too. A plain word.</summary>
    public const int SweptOffset = 256;

    /// <summary>Incompatible feature: the logs of atomic groups may name an owner for each entry.</summary>
    public const ulong GroupsOfSeveral = 1;

    /// <summary>Incompatible feature: there are sorted maps, and intents that name further old blocks.</summary>
    public const ulong SortedMaps = 2;

    /// <summary>Incompatible feature: the root of a dictionary may say that its values carry checksums.</summary>
    public const ulong ValueChecksums = 4;

    /// <summary>
    /// Incompatible feature: what is freed is zeroed. A library that does not know it would leave it readable.
    /// </summary>
    public const ulong Erasing = 8;

    /// <summary>
    /// Incompatible feature: records of a dictionary may own entries of a sorted map. A library that does not know it
    /// would copy such a record, and leave the entries behind of one that it removes.
    /// </summary>
    public const ulong NestedCollections = 32;

    /// <summary>Incompatible feature: there are logs.</summary>
    public const ulong Logs = 16;

    /// <summary>
    /// Incompatible feature: a group's log may have changes of words that free nothing. A library that does not know
    /// them would free what is still led to.
    /// </summary>
    public const ulong LinkedObjects = 128;

    /// <summary>
    /// Incompatible feature: there are lists, sets, priority queues, bytes or bitmaps, whose roots are those of sorted
    /// maps under other layouts. A library that does not know them would take them for an application's objects.
    /// </summary>
    public const ulong TreeKinds = 64;

    /// <summary>
    /// Incompatible feature: roots were deleted, or there are more than the header page has room for. A library that
    /// does not know it would not find the latter, and take the former for damage.
    /// </summary>
    public const ulong ManyRoots = 256;

    /// <summary>
    /// Incompatible feature: records of a dictionary may own bytes in chunks. A program that does not know them would
    /// take a string that lies so for a value of another type.
    /// </summary>
    public const ulong NestedBytes = 512;

    /// <summary>All incompatible features that this library knows.</summary>
    public const ulong KnownIncompatible = GroupsOfSeveral | SortedMaps | ValueChecksums | Erasing | Logs
        | NestedCollections | LinkedObjects | TreeKinds | ManyRoots | NestedBytes;

    public const int RootsOffset = 0x1000;
    public const int RootLength = 64;
    public const int RootCount = 64;

    public const int LanesOffset = 0x4000;
    public const int LaneLength = 256;
    public const int LaneCount = 64;

    /// <summary>First page that can be handed out: behind the header page and the page table of zone 0.</summary>
    public const long FirstPage = HeaderPages + TablePages;

    /// <summary>Smallest region that a heap fits into.</summary>
    public const long MinimumLength = 2 * 1024 * 1024;

    /// <summary>Longest block: 512 MB and room for a key and headers.</summary>
    public const long MaximumBlock = (512L << 20) + (1 << 17);
}

/// <summary>
/// The first 8 bytes of every block. The low byte is the type, and the only truth about allocation: 0 is free, 0xFF is
/// held in a volatile cache by the attach whose epoch the other 56 bits carry (free, once that epoch is over), all else
/// is allocated and the other bits are the owner's.
/// </summary>
internal static class BlockHeader
{
    public const ulong Free = 0;
    public const byte TypeReserved = 0xFF;

    /// <summary>A record of a dictionary: 1 to 15, the value of <see cref="RecordType"/>.</summary>
    public const byte LastRecordType = 15;

    public const byte TypeBlob = 0x10;
    public const byte TypeOverflow = 0x20;
    public const byte TypeTable = 0x21;
    public const byte TypeDictionary = 0x22;
    public const byte TypeSegment = 0x23;
    public const byte TypeGroupLog = 0x24;
    public const byte TypeOwnedGroupLog = 0x25;
    public const byte TypeSortedMap = 0x26;
    public const byte TypeLeaf = 0x27;
    public const byte TypeBranch = 0x28;
    public const byte TypeLog = 0x29;
    public const byte TypeLogSegment = 0x2A;
    public const byte TypeLogDirectory = 0x2B;
    public const byte TypeLogPosition = 0x2C;
    public const byte TypeLogNote = 0x2D;
    public const byte TypeRoots = 0x2E;

    public static ulong Reserved(ulong epoch) => (epoch << 8) | TypeReserved;

    /// <summary>Header of a block whose size in bytes stands in the header itself.</summary>
    public static ulong Sized(byte type, long size) => ((ulong)size << 8) | type;

    public static long SizeOf(ulong header) => (long)(header >> 8);

    public static byte TypeOf(ulong header) => (byte)header;

    /// <summary>True where nobody has the block: free, or held by an attach that is over.</summary>
    public static bool IsFree(ulong header, ulong epoch) =>
        (byte)header == 0 || ((byte)header == TypeReserved && header != Reserved(epoch));

    /// <summary>True for the log of an atomic group, of either form.</summary>
    public static bool IsGroupLog(ulong header) => TypeOf(header) is TypeGroupLog or TypeOwnedGroupLog;

    /// <summary>True where the block holds something, whoever asks.</summary>
    public static bool IsAllocated(ulong header) => (byte)header is not 0 and not TypeReserved;
}
