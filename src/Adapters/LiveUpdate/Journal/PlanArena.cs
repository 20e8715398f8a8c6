using GuestMemFs.Holding;

namespace GuestMemFs.LiveUpdate.Journal;

/// <summary>
/// The arena that a plan is about, which another process may have as its writer all the while: what has to be written
/// is borrowed, and what only the writer can do is done by whoever that is.
/// </summary>
internal sealed class PlanArena : IDisposable
{
    private readonly string? _directory; // null where a holder has it
    private Medium? _held;
    private PersistentArena? _reader;

    /// <summary>In a directory.</summary>
    public PlanArena(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        _directory = directory;
    }

    /// <summary>In memory that a holder has, and that the kernel itself keeps.</summary>
    public PlanArena(string holder, string store)
    {
        ArgumentException.ThrowIfNullOrEmpty(holder);
        ArgumentException.ThrowIfNullOrEmpty(store);
        Holder = holder;
        Store = store;
    }

    /// <summary>Where it is, for people: the directory, or the name and its holder.</summary>
    public string Text => _directory ?? $"{Store} at {Holder}";

    /// <summary>Who has its memory; null where it is in a directory.</summary>
    public string? Holder { get; }

    /// <summary>Whose directory or holder it may be.</summary>
    public PathTrust Trust { get; set; } = PathTrust.Own;

    /// <summary>Its name at the holder.</summary>
    public string? Store { get; }

    /// <summary>For looking. What it shows follows its writer.</summary>
    public PersistentArena Reader => _reader ??= PersistentArena.Open(
        Options(_held ??= OpenHeld(), ArenaAccess.ReadOnly));

    /// <summary>The arena of a plan.</summary>
    public static PlanArena Of(LiveUpdatePlan plan) =>
        plan.Holder is { } holder ? new PlanArena(holder, plan.Arena) : new PlanArena(plan.Arena);

    /// <summary>The name of the region that a machine's devices are saved in.</summary>
    public static string StateRegion(string machine) => $"{PlanJournal.RegionName}:{machine}";

    /// <summary>All regions that a plan needs for itself.</summary>
    public static IReadOnlyList<NeededRegion> Needed(LiveUpdatePlan plan) =>
        [new(PlanJournal.RegionName, PlanJournal.RegionLength),
            .. plan.Machines.Select(machine => new NeededRegion(StateRegion(machine.Name), machine.StateSize))];

    /// <summary>Those that are not there, or too short.</summary>
    public IReadOnlyList<NeededRegion> Missing(IEnumerable<NeededRegion> needed) =>
        [.. needed.Where(one => Reader.FindRegion(one.Name) is not { } there || there.Length < one.Length)];

    /// <summary>Makes what is missing. Done before is done.</summary>
    public static void Make(PersistentArena writer, IEnumerable<NeededRegion> needed)
    {
        foreach (NeededRegion one in needed)
        {
            if (writer.FindRegion(one.Name) is { } there && there.Length < one.Length)
            {
                writer.DeleteRegion(one.Name); // It holds nothing that a plan which is over still needs.
            }

            writer.OpenOrCreateRegion(one.Name, one.Length).Dispose();
        }
    }

    /// <summary>Does something as the arena's writer, which takes over what the last one left.</summary>
    /// <returns>Null; or, where another process is the writer and nothing was done, who that is.</returns>
    public ArenaInUseException? TryWrite(Action<PersistentArena> action)
    {
        try
        {
            using Medium? held = OpenHeld();
            using PersistentArena writer = PersistentArena.Open(Options(held, ArenaAccess.ReadWrite));
            action(writer);
            return null;
        }
        catch (ArenaInUseException e)
        {
            return e;
        }
    }

    /// <summary>Freezes it, or thaws it.</summary>
    /// <exception cref="LiveUpdateException">
    /// It is to be frozen, and its writer, who is asked before, has not done so.
    /// </exception>
    public void SetFrozen(bool frozen)
    {
        if (TryWrite(writer => Set(writer, frozen)) is { } owned && frozen && !Reader.IsFrozen)
        {
            throw new LiveUpdateException($"The arena in {Text} is not frozen: its writer is " +
                $"process {owned.ProcessId}, and no service of the plan.");
        }
    }

    private static void Set(PersistentArena writer, bool frozen)
    {
        if (frozen)
        {
            writer.Freeze();
        }
        else
        {
            writer.Thaw();
        }
    }

    /// <summary>The newest record of its journal; null where there is no plan.</summary>
    public PlanRecord? ReadRecord()
    {
        if (!Reader.TryOpenRegion(PlanJournal.RegionName, out PersistentRegion? region, RegionKind.Raw))
        {
            return null;
        }

        using (region)
        {
            return new PlanJournal(region).Read();
        }
    }

    public void Dispose()
    {
        _reader?.Dispose();
        _held?.Dispose();
    }

    private Medium? OpenHeld() => Holder is null ? null : Medium.FromHolder(Holders.Open(Holder, Store!, Trust));

    private ArenaOptions Options(Medium? held, ArenaAccess access) =>
        new() { Directory = _directory, Medium = held, Access = access, Trust = Trust };
}
