using GuestMemFs.ScheduleLab.Seam;

namespace GuestMemFs.ScheduleLab.Checking;

/// <summary>A snapshot of the heap: taken, read, ended. A thread has one of its own, and there is one for all of
/// them.</summary>
internal static class SnapshotOperation
{
    /// <summary>In place of a thread's number: the one for all threads.</summary>
    public const int Shared = 3;

    private const string Nothing = "no snapshot";
    private const string Lost = "lost";

    /// <summary>Takes one; what it is to hold is what the heap holds at that moment.</summary>
    public static Operation Take(bool shared = false, long maximumBytes = long.MaxValue) => new(
        "snapshot-take", world =>
    {
        try
        {
            world.Snapshots[Slot(shared)] = world.Heap.TakeSnapshot(maximumBytes);
            return "ok";
        }
        catch (SnapshotLostException)
        {
            return Lost;
        }
    }, (model, thread, result) =>
    {
        if (result == Lost)
        {
            return maximumBytes != long.MaxValue;
        }

        model.Note(NoteOf(shared ? Shared : thread), model.Text());
        return Operation.Is(result, "ok");
    });

    /// <summary>Reads all of it: all collections as of the one instant.</summary>
    /// <param name="shared">The one for all threads.</param>
    /// <param name="mayBeLost">Whether it is bounded.</param>
    public static Operation Read(bool shared = false, bool mayBeLost = false) => new("snapshot-read", world =>
    {
        if (world.Snapshots[Slot(shared)] is not { } snapshot)
        {
            return Nothing;
        }

        try
        {
            return world.ReadAll!(snapshot.Heap);
        }
        catch (ObjectDisposedException)
        {
            return Nothing;
        }
        catch (SnapshotLostException)
        {
            return Lost;
        }
    }, (model, thread, result) => result == Lost ? mayBeLost
        : Operation.Is(result, model.NoteOf(NoteOf(shared ? Shared : thread)) ?? Nothing), Writes: false)
    {
        Reads = true,
    };

    public static Operation End(bool shared = false) => new("snapshot-end", world =>
    {
        world.Snapshots[Slot(shared)]?.Dispose();
        return "ok";
    }, (model, thread, result) =>
        model.Forget(NoteOf(shared ? Shared : thread)) && Operation.Is(result, "ok"), Writes: false);

    /// <summary>What a snapshot that nobody has ended holds, by the name of its note.</summary>
    /// <exception cref="InvalidOperationException">It is damaged.</exception>
    public static (string Note, string Text)[] Left(World world)
    {
        List<(string, string)> left = [];
        for (int slot = 0; slot <= Shared; slot++)
        {
            if (world.Snapshots[slot] is { IsLost: false } snapshot && !HasEnded(snapshot))
            {
                IReadOnlyList<string> problems = Inspection.HeapVerifier.Verify(snapshot.Heap);
                left.Add((NoteOf(slot), problems.Count == 0 ? world.ReadAll!(snapshot.Heap)
                    : "damaged: " + string.Join("; ", problems.Take(5))));
            }
        }

        return [.. left];
    }

    /// <summary>Closes the heap, as the process does that gives an arena up: what is wrong with what is left of
    /// snapshots.</summary>
    public static string? ProblemAtTheClose(World world)
    {
        world.Heap.Close(giveBack: false);
        return Array.Exists(world.Snapshots, it => it is { IsLost: false } && !HasEnded(it))
            ? "the heap is closed, and a snapshot of it can be read" : StillWatched();
    }

    /// <summary>The process is dead: its snapshots go with it.</summary>
    public static string? ProblemAfterTheDeath(World dead)
    {
        dead.Heap.Snapshots.EndAll();
        return StillWatched();
    }

    private static string? StillWatched() => Watching.Now is { IsOn: false, All: [] } ? null
        : "no snapshot is left, and stores are watched still";

    private static bool HasEnded(PersistentSnapshot snapshot)
    {
        try
        {
            _ = PersistentDictionary.OpenOrCreate(snapshot.Heap, "keys").Count;
            return false;
        }
        catch (ObjectDisposedException)
        {
            return true;
        }
    }

    private static int Slot(bool shared) => shared ? Shared : Points.Thread;

    private static string NoteOf(int slot) => $"snapshot:{slot}";
}
