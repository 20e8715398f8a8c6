using System.Runtime.CompilerServices;

namespace GuestMemFs.Format;

/// <summary>Where things are in <c>arena.meta</c>: a view of its mapping. No logic, no ownership.</summary>
internal readonly unsafe struct MetadataLayout(byte* start, Superblock superblock)
{
    /// <summary>The superblock's second copy.</summary>
    public const int SecondCopy = 0x1000;

    /// <summary>The word that names the journal half in force: its generation, sealed.</summary>
    public const int ActiveWord = 0x2000;

    /// <summary>The word that says open or clean.</summary>
    public const int StateWord = 0x2040;

    /// <summary>The writer's epoch, sealed.</summary>
    public const int EpochWord = 0x2080;

    /// <summary>Who the newest writer is: <see cref="WriterRecord"/>.</summary>
    public const int Writer = 0x20C0;

    /// <summary>The word that counts attaches whose writer ended early; older libraries leave it as it is.</summary>
    public const int AttachesWord = 0x2100;

    /// <summary>The first journal half; the second follows it.</summary>
    public const int FirstHalf = Superblock.FirstHalf;

    /// <summary>A half is at least this long.</summary>
    public const int MinimumHalf = Superblock.MinimumHalf;

    /// <summary>The smallest metadata file.</summary>
    public const long MinimumSize = 1 << 20;

    /// <summary>The largest metadata file: a half stays below what one span can hold.</summary>
    public const long MaximumSize = 1 << 30;

    /// <summary>The first byte of the file.</summary>
    public byte* Start { get; } = start;

    /// <summary>The constants.</summary>
    public Superblock Superblock { get; } = superblock;

    /// <summary>The sealed generation of the half in force.</summary>
    public ulong* Active => (ulong*)(Start + ActiveWord);

    /// <summary>The sealed open-or-clean word.</summary>
    public ulong* State => (ulong*)(Start + StateWord);

    /// <summary>The sealed epoch of the newest writer.</summary>
    public ulong* Epoch => (ulong*)(Start + EpochWord);

    /// <summary>True where this is the newest writer's epoch: no other one has taken over.</summary>
    public bool HasEpoch(uint epoch) => Words.Read(Epoch) == SealedWord.Seal(epoch, Seed(WordKind.Epoch));

    /// <summary>Writers in a row, the newest among them, that were not seen to live for long; sealed.</summary>
    public ulong* Attaches => (ulong*)(Start + AttachesWord);

    /// <summary>The writer's record.</summary>
    public byte* WriterRecord => Start + Writer;

    /// <summary>The half that a generation lives in.</summary>
    public byte* Half(uint generation) => Start + Superblock.HalfOffset + ((generation & 1) * Superblock.HalfSize);

    /// <summary>Bytes of log a half has room for.</summary>
    public int LogCapacity => (int)Superblock.HalfSize - JournalHeader.LogOffset;

    /// <summary>Seeds of the sealed words: each word has its own, so that none passes for another.</summary>
    public uint Seed(WordKind kind) => Checksum.Of((ulong)kind, Checksum.Of(Superblock.ArenaId));

    /// <summary>The size of a journal half in a metadata file of this size.</summary>
    public static ulong HalfSizeFor(long metadataSize) =>
        (ulong)((metadataSize - FirstHalf - ExtentIdentity.BlockBytes) / 2) & ~4095UL;
}

/// <summary>What a sealed word is.</summary>
internal enum WordKind : ulong
{
    Active = 1,
    Open = 2,
    Clean = 3,
    Epoch = 4,
    Attaches = 5,
}

/// <summary>Small helpers to read words that other processes may be writing.</summary>
internal static unsafe class Words
{
    /// <summary>One 8-byte load that later loads do not pass.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Read(ulong* at) => Volatile.Read(ref *at);
}
