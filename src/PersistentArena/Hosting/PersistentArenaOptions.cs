using System.ComponentModel.DataAnnotations;
using GuestMemFs.Hosting;
using Microsoft.Extensions.Options;

namespace GuestMemFs;

/// <summary>
/// Options of an arena that <c>AddPersistentArena</c> registers, by code or by a section of the configuration. Checked
/// when the host starts.
/// </summary>
public sealed class PersistentArenaOptions
{
    /// <summary>The smallest <see cref="HeapSize"/>: 2 MiB.</summary>
    public const long MinimumHeapSize = RegionOptions.MinimumLength;

    /// <summary>The largest <see cref="HeapSize"/>: 256 TiB, what an offset of 48 bits reaches.</summary>
    public const long MaximumHeapSize = 1L << 48;

    /// <summary>
    /// The arena's directory, made where it is not there. Left out: a directory of the arena's name on the best medium
    /// that is really there.
    /// </summary>
    [DirectoryPath]
    public string? Directory { get; set; }

    /// <summary>
    /// Users, by name or number, whose directory and files it may be, besides root's and this process's own.
    /// </summary>
    public IList<string> TrustedOwners { get; } = [];

    /// <summary>
    /// A group, by name or number, whose members may read the arena (<see cref="ArenaSharing.ReadableBy"/>); nobody
    /// where nothing is said.
    /// </summary>
    public string? ReadersGroup { get; set; }

    /// <summary>
    /// The heap's size, in bytes, a multiple of 4 KiB: 1 GiB unless told otherwise. The heap is made when it, or a
    /// dictionary in it, is first asked for. A smaller heap that is there already grows to it at the next start; a
    /// larger one keeps its size, which the log and the attach report say.
    /// </summary>
    [ByteSize(MinimumHeapSize, MaximumHeapSize)]
    public long HeapSize { get; set; } = 1L << 30;

    /// <summary>
    /// When the medium's space for the heap is taken: as it fills (the default; a full medium is then an exception of
    /// the change that found it full), or all at once. Decided when the heap is made.
    /// </summary>
    public RegionReserve HeapReserve { get; set; } = RegionReserve.OnDemand;

    /// <summary>
    /// Size of a new arena's metadata, in bytes, 1 MiB to 1 GiB: 8 MiB unless told otherwise, enough for more than
    /// 10,000 regions. It cannot grow later.
    /// </summary>
    [ByteSize(1L << 20, 1L << 30)]
    public long MetadataSize { get; set; } = ArenaOptions.DefaultMetadataSize;

    /// <summary>
    /// How long the host's start waits for another process that has the arena (the one that this one replaces) to end.
    /// Zero, the default, does not wait.
    /// </summary>
    [Duration]
    public TimeSpan WaitForWriter { get; set; }

    /// <summary>
    /// What is done about an arena whose processes end early, <see cref="CrashLoopLimit"/> times in a row: told (the
    /// default), set aside for a new one, or opened read-only.
    /// </summary>
    public CrashLoopAction CrashLoopAction { get; set; }

    /// <summary>After how many early ends in a row that is done, 2 to 1000; 5 unless told otherwise.</summary>
    [Range(CrashLoopPolicy.MinimumLimit, 1000)]
    public int CrashLoopLimit { get; set; } = 5;

    /// <summary>
    /// The arena that is meant: one with another id is refused. Needed only where several arenas' files may lie in one
    /// directory.
    /// </summary>
    public Guid? ArenaId { get; set; }

    /// <summary>
    /// The file of the heap's newest copy; the older ones lie beside it, with <c>.1</c>, <c>.2</c> behind their names.
    /// Its directory has to be there, best on another medium. Left out: no copies are taken, and none is restored.
    /// </summary>
    [FilePath]
    public string? BackupFile { get; set; }

    /// <summary>
    /// A command that gets each copy on its standard input once its file is whole, and keeps it elsewhere: a program's
    /// absolute path, then its arguments; no shell starts it. Empty, the default, for none. What
    /// <see cref="GuestMemFs.BackupCommand"/> says of <c>{slot}</c> holds here; there are
    /// <see cref="BackupCount"/> slots.
    /// </summary>
    [CommandWords]
    public IList<string> BackupCommand { get; } = [];

    /// <summary>The command that gives such a copy on its standard output. Both are named, or neither.</summary>
    [CommandWords]
    public IList<string> RestoreCommand { get; } = [];

    /// <summary>How long one run of these commands may take; an hour unless told otherwise.</summary>
    [Duration]
    public TimeSpan BackupCommandTimeout { get; set; } = TimeSpan.FromHours(1);

    /// <summary>
    /// How often a copy is taken while the host runs, up to a day. Zero, the default: only by the application, with
    /// <see cref="RegionBackups"/>.
    /// </summary>
    [Duration]
    public TimeSpan BackupEvery { get; set; }

    /// <summary>How many copies are kept, 1 to 1000; 2 unless told otherwise.</summary>
    [Range(1, 1000)]
    public int BackupCount { get; set; } = 2;

    /// <summary>
    /// How long writers may wait for a copy; 20 milliseconds unless told otherwise. Aimed at, not held.
    /// </summary>
    [Duration]
    public TimeSpan BackupMaximumPause { get; set; } = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// Whether a heap that is not there (the medium came up empty) is made from the newest copy that is whole; true
    /// unless told otherwise. A heap that is there is left as it is, and where all copies are damaged the start fails:
    /// it does not start empty by itself.
    /// </summary>
    public bool RestoreLostHeap { get; set; } = true;
}

/// <summary>Checks <see cref="PersistentArenaOptions"/>.</summary>
[OptionsValidator]
internal sealed partial class PersistentArenaOptionsValidator : IValidateOptions<PersistentArenaOptions>;
