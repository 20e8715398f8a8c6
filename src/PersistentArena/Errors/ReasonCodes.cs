namespace GuestMemFs;

/// <summary>
/// The stable codes of everything an arena refuses, repairs or reports. 1xxx: the arena; 2xxx: room; 3xxx: regions;
/// 4xxx: extents; 5xxx: said in an <see cref="AttachReport"/>, not thrown; 6xxx: heaps; 8xxx: dumps. A code never
/// changes its meaning. The table for people is docs/reasons.md.
/// </summary>
public static class ReasonCodes
{
    /// <summary>There is no arena where one was to be opened.</summary>
    public const string ArenaNotFound = "GMF1001";

    /// <summary>There is an arena already where one was to be created.</summary>
    public const string ArenaExists = "GMF1002";

    /// <summary>Another process (or another object of this one) is the arena's writer.</summary>
    public const string ArenaInUse = "GMF1003";

    /// <summary>This writer was superseded by a newer one.</summary>
    public const string ArenaFenced = "GMF1004";

    /// <summary>The arena's metadata stands still.</summary>
    public const string ArenaFrozen = "GMF1005";

    /// <summary>The arena was opened read-only.</summary>
    public const string ArenaReadOnly = "GMF1006";

    /// <summary>The file is not this arena's, or no arena's at all.</summary>
    public const string ForeignFile = "GMF1007";

    /// <summary>The arena was written by a newer library, in a way this one cannot read.</summary>
    public const string NewerFormat = "GMF1008";

    /// <summary>The arena was written by a newer library; this one may read it and not write.</summary>
    public const string ReadOnlyFormat = "GMF1009";

    /// <summary>The superblock is damaged.</summary>
    public const string SuperblockDamaged = "GMF1010";

    /// <summary>The metadata journal is damaged.</summary>
    public const string JournalDamaged = "GMF1011";

    /// <summary>The writer changed the metadata faster than a reader could copy it.</summary>
    public const string ArenaBusy = "GMF1012";

    /// <summary>The medium is not there any more, or failed.</summary>
    public const string MediumFailed = "GMF1013";

    /// <summary>Several arenas are in one place, and none was asked for by its id.</summary>
    public const string ArenaAmbiguous = "GMF1014";

    /// <summary>The arena's memory is marked to be kept over a kexec, and cannot grow.</summary>
    public const string ArenaPreserved = "GMF1015";

    /// <summary>Files of an arena's regions are there, and its metadata is not.</summary>
    public const string MetadataMissing = "GMF1016";

    /// <summary>A path, or who answers at it, belongs to a user who is not trusted, or is open to others.</summary>
    public const string UntrustedOwner = "GMF1017";

    /// <summary>The arena's writers end early, one after the other, and it cannot be set aside.</summary>
    public const string CrashLoop = "GMF1018";

    /// <summary>The medium has no room.</summary>
    public const string OutOfSpace = "GMF2001";

    /// <summary>The metadata file has no room for more names.</summary>
    public const string MetadataFull = "GMF2002";

    /// <summary>The medium keeps no more files.</summary>
    public const string OutOfFiles = "GMF2003";

    /// <summary>A NUMA node is not there.</summary>
    public const string NumaNode = "GMF2004";

    /// <summary>There is no region of that name.</summary>
    public const string RegionNotFound = "GMF3001";

    /// <summary>The name is taken.</summary>
    public const string RegionExists = "GMF3002";

    /// <summary>The name cannot be a region's.</summary>
    public const string InvalidRegionName = "GMF3003";

    /// <summary>The region is of another kind.</summary>
    public const string RegionWrongKind = "GMF3004";

    /// <summary>The size cannot be, or is not the region's.</summary>
    public const string RegionWrongSize = "GMF3005";

    /// <summary>The region is open in this process.</summary>
    public const string RegionInUse = "GMF3006";

    /// <summary>The region is a running machine's memory.</summary>
    public const string RegionLent = "GMF3007";

    /// <summary>An extent's file is not there.</summary>
    public const string ExtentMissing = "GMF4001";

    /// <summary>An extent's file is shorter than it was made.</summary>
    public const string ExtentTruncated = "GMF4002";

    /// <summary>Two files say that they are the same extent.</summary>
    public const string ExtentDuplicated = "GMF4003";

    /// <summary>The extents of a region do not add up to it.</summary>
    public const string ExtentsInconsistent = "GMF4004";

    /// <summary>An extent's file and the metadata are of different times: one of them is an older copy.</summary>
    public const string ExtentOfOtherGeneration = "GMF4005";

    /// <summary>The arena was not closed clean.</summary>
    public const string NotClosed = "GMF5001";

    /// <summary>The journal's tail word was damaged and was worked out from the records.</summary>
    public const string TailWordRepaired = "GMF5002";

    /// <summary>The word that names the journal half in force was damaged and was worked out from the halves.</summary>
    public const string ActiveWordRepaired = "GMF5003";

    /// <summary>One copy of the superblock was damaged and was written anew from the other.</summary>
    public const string SuperblockRepaired = "GMF5004";

    /// <summary>A journal header was damaged and was written anew.</summary>
    public const string JournalHeaderRepaired = "GMF5005";

    /// <summary>The word that says open or clean was damaged.</summary>
    public const string StateWordDamaged = "GMF5006";

    /// <summary>The writer's epoch was damaged; the journal has its epoch too.</summary>
    public const string EpochRepaired = "GMF5007";

    /// <summary>Files were found under other names than their own, by the identity in their bytes.</summary>
    public const string FilesRenamed = "GMF5008";

    /// <summary>A deletion that was interrupted was finished.</summary>
    public const string DeletionFinished = "GMF5009";

    /// <summary>Files that were created and never committed were taken in or removed.</summary>
    public const string OrphansAdopted = "GMF5010";

    /// <summary>The arena was frozen under another kernel and was thawed.</summary>
    public const string Thawed = "GMF5011";

    /// <summary>A compaction of the journal that was not finished was rolled back.</summary>
    public const string CompactionRolledBack = "GMF5012";

    /// <summary>The creation of the arena had been interrupted and was done again.</summary>
    public const string CreationRepeated = "GMF5013";

    /// <summary>The identity block of the metadata file was damaged and was written anew.</summary>
    public const string MetadataIdentityRepaired = "GMF5014";

    /// <summary>Files under names of this arena's hold another arena's identity, and were left alone.</summary>
    public const string ForeignFilesIgnored = "GMF5015";

    /// <summary>The last writer ran under another kernel: the content came through a kexec or a boot.</summary>
    public const string KernelSurvived = "GMF5016";

    /// <summary>
    /// There was no arena, so one was made; says too where the medium is one that keeps nothing over a kexec.
    /// </summary>
    public const string Created = "GMF5017";

    /// <summary>Files that may hold data, and that the metadata does not know, were set aside.</summary>
    public const string FilesSetAside = "GMF5018";

    /// <summary>A region is longer than was asked for, and keeps its length.</summary>
    public const string RegionLonger = "GMF5019";

    /// <summary>Files of an open arena were removed or moved (<see cref="ArenaFilesLost"/>).</summary>
    public const string FilesLost = "GMF5020";

    /// <summary>A better place than the arena's is another user's to change, and was not taken.</summary>
    public const string PlaceTaken = "GMF5021";

    /// <summary>The last writers ended soon after their attach.</summary>
    public const string EarlyEnds = "GMF5022";

    /// <summary>The arena's files were set aside, because its writers ended early.</summary>
    public const string CrashLoopSetAside = "GMF5023";

    /// <summary>The arena was opened read-only, because its writers ended early.</summary>
    public const string CrashLoopReadOnly = "GMF5024";

    /// <summary>What is in the arena may be written to swap.</summary>
    public const string MayBeSwapped = "GMF5025";

    /// <summary>A region's NUMA policy is not what was asked for.</summary>
    public const string NumaOtherwise = "GMF5026";

    /// <summary>The heap's bytes are not what the format says.</summary>
    public const string HeapDamaged = "GMF6001";

    /// <summary>The heap was written by a newer library.</summary>
    public const string HeapFormat = "GMF6002";

    /// <summary>A root of the heap is laid out in another way than was asked for.</summary>
    public const string HeapLayout = "GMF6003";

    /// <summary>An atomic group was used after its end, by another thread, or within another one.</summary>
    public const string AtomicGroup = "GMF6005";

    /// <summary>A callback called what waits for that callback's end.</summary>
    public const string ReentrantCall = "GMF6006";

    /// <summary>A dictionary is open in this process already, with other options.</summary>
    public const string DictionaryOptions = "GMF6007";

    /// <summary>A value does not match its checksum.</summary>
    public const string ValueDamaged = "GMF6008";

    /// <summary>A typed collection holds something of another shape than asked for.</summary>
    public const string ShapeMismatch = "GMF6010";

    /// <summary>A snapshot of a heap was given up: it would have held more than it may.</summary>
    public const string SnapshotLost = "GMF6011";

    /// <summary>An index of a table is not declared, not ready, of another shape, or one too many.</summary>
    public const string TableIndex = "GMF6012";

    /// <summary>Two records would have one key in a unique index.</summary>
    public const string DuplicateIndexKey = "GMF6013";

    /// <summary>A root of the heap was deleted after it was opened.</summary>
    public const string RootDeleted = "GMF6014";

    /// <summary>A root of the heap is not deleted, as something hangs on it.</summary>
    public const string RootInUse = "GMF6015";

    /// <summary>A file lies in the arena's place that no region owns.</summary>
    public const string StrayFile = "GMF7009";

    /// <summary>A heap has changes in flight, which the next writer finishes or undoes.</summary>
    public const string HeapChangesInFlight = "GMF7010";

    /// <summary>A heap has objects of an application's that nothing leads to.</summary>
    public const string ObjectsUnreached = "GMF7014";

    /// <summary>A file is no dump, or a damaged one.</summary>
    public const string DumpDamaged = "GMF8001";

    /// <summary>A dump was written by a newer library.</summary>
    public const string DumpFormat = "GMF8002";

    /// <summary>There is a file where a dump was to be.</summary>
    public const string DumpExists = "GMF8003";

    /// <summary>A heap changes faster than it can be copied within the pause that is allowed.</summary>
    public const string DumpPause = "GMF8004";

    /// <summary>A heap is being dumped already.</summary>
    public const string DumpUnderWay = "GMF8005";

    /// <summary>A dump's file is being written by another process or thread.</summary>
    public const string DumpInUse = "GMF8006";

    /// <summary>A command that stores or fetches copies failed, or took too long.</summary>
    public const string BackupCommand = "GMF8007";
}
