using GuestMemFs.Arena;
using System.Runtime.CompilerServices;
using GuestMemFs.Journal;

namespace GuestMemFs.CrashLab;

/// <summary>A process that uses an arena: what is gone when it is killed.</summary>
internal sealed class ArenaProcess(LabWorld world) : IDisposable
{
    private static readonly HashSet<string> s_repairs =
    [
        ReasonCodes.ActiveWordRepaired, ReasonCodes.JournalHeaderRepaired, ReasonCodes.TailWordRepaired,
        ReasonCodes.EpochRepaired, ReasonCodes.StateWordDamaged, ReasonCodes.SuperblockRepaired,
        ReasonCodes.MetadataIdentityRepaired,
    ];

    private readonly Dictionary<string, PersistentRegion> _regions = new(StringComparer.Ordinal);
    private PersistentArena? _arena;

    public PersistentArena Arena => _arena ?? throw new InvalidOperationException("no arena is open");

    public bool IsOpen => _arena is not null;

    public LabWorld World => world;

    /// <summary>Attaches; a crash damages nothing, so nothing may have been repaired.</summary>
    /// <param name="creating">It may be in the middle of its creation, where one copy of the superblock is finished
    /// before the other.</param>
    public void Open(bool creating = false)
    {
        OpenDamaged();
        foreach (AttachReason reason in Arena.AttachReport.Reasons)
        {
            if (s_repairs.Contains(reason.Code) && !(creating && reason.Code == ReasonCodes.SuperblockRepaired))
            {
                throw new LabException($"something was repaired that a crash does not damage: {reason}");
            }
        }
    }

    /// <summary>Attaches to what may be damaged.</summary>
    public void OpenDamaged(CrashLoopPolicy? policy = null) => _arena = PersistentArena.OpenOrCreate(new ArenaOptions
    {
        Medium = new LabMedium(world),
        MetadataSize = LabWorld.BlockSize,
        CrashLoop = policy ?? new CrashLoopPolicy(),
        TimeProvider = WithoutTimers.Instance,
    });

    /// <summary>A region, opened once for as long as the arena is.</summary>
    public PersistentRegion Region(string name)
    {
        if (!_regions.TryGetValue(name, out PersistentRegion? region))
        {
            _regions.Add(name, region = Arena.OpenRegion(name));
        }

        return region;
    }

    public void Keep(PersistentRegion region) => _regions[region.Name] = region;

    /// <summary>Lets go of a region, so that it can be deleted.</summary>
    public void Release(string name)
    {
        if (_regions.Remove(name, out PersistentRegion? region))
        {
            region.Dispose();
        }
    }

    public void Renamed(string from, string to)
    {
        if (_regions.Remove(from, out PersistentRegion? region))
        {
            _regions.Add(to, region);
        }
    }

    public void Close()
    {
        _arena?.Dispose();
        End();
    }

    public void Kill()
    {
        _arena?.Abandon();
        End();
        world.EndProcess();
    }

    public void Compact() => WriterJournal.Compact();

    /// <summary>How much of the journal's half in force is used.</summary>
    public (int Length, int Capacity) Journal => (WriterJournal.LogLength, WriterJournal.LogCapacity);

    public void Dispose() => Kill();

    /// <summary>What the arena knows of its extents.</summary>
    public MetadataTables Tables => TableOf(Arena).Now;

    private MetadataJournal WriterJournal => TableOf(Arena).Journal!;

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_table")]
    private static extern ref RegionTable TableOf(PersistentArena arena);

    private void End()
    {
        foreach (PersistentRegion region in _regions.Values)
        {
            region.Dispose();
        }

        _regions.Clear();
        _arena = null;
    }

    /// <summary>A fault is of one thread: a timer would make the store on another one.</summary>
    private sealed class WithoutTimers : TimeProvider, ITimer
    {
        public static WithoutTimers Instance { get; } = new();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            this;

        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
