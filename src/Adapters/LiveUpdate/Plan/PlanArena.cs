namespace GuestMemFs.LiveUpdate;

/// <summary>A region that a plan needs in its arena, beside those that are there.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Length">Bytes.</param>
internal sealed record NeededRegion(string Name, long Length);

/// <summary>
/// The arena that a plan is about, which another process may have as its writer all the while: what has to be written is borrowed, and what only the writer can do is done by whoever that is.
/// </summary>
internal sealed class PlanArena(string directory) : IDisposable
{
    private PersistentArena? _reader;

    /// <summary>Where it is.</summary>
    public string Directory => directory;

    /// <summary>For looking. What it shows follows its writer.</summary>
    public PersistentArena Reader => _reader ??= PersistentArena.Open(new ArenaOptions { Directory = directory, Access = ArenaAccess.ReadOnly });

    /// <summary>The name of the region that a machine's devices are saved in.</summary>
    public static string StateRegion(string machine) => $"{PlanJournal.RegionName}:{machine}";

    /// <summary>All regions that a plan needs for itself.</summary>
    public static IReadOnlyList<NeededRegion> Needed(LiveUpdatePlan plan) =>
        [new(PlanJournal.RegionName, PlanJournal.RegionLength), .. plan.Machines.Select(machine => new NeededRegion(StateRegion(machine.Name), machine.StateSize))];

    /// <summary>Those that are not there, or too short.</summary>
    public IReadOnlyList<NeededRegion> Missing(IEnumerable<NeededRegion> needed) => [.. needed.Where(one => Reader.FindRegion(one.Name) is not { } there || there.Length < one.Length)];

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
            using PersistentArena writer = PersistentArena.Open(new ArenaOptions { Directory = directory });
            action(writer);
            return null;
        }
        catch (ArenaInUseException e)
        {
            return e;
        }
    }

    /// <summary>Freezes it, or thaws it.</summary>
    /// <exception cref="LiveUpdateException">It is to be frozen, and its writer, who is asked before, has not done so.</exception>
    public void SetFrozen(bool frozen)
    {
        if (TryWrite(writer => Set(writer, frozen)) is { } owned && frozen && !Reader.IsFrozen)
        {
            throw new LiveUpdateException($"The arena in {directory} is not frozen: its writer is process {owned.ProcessId}, and no service of the plan.");
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

    public void Dispose() => _reader?.Dispose();
}
