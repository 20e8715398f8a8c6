using System.Globalization;
using System.Text;
using GuestMemFs.ScheduleLab.Running;

namespace GuestMemFs.ScheduleLab.Checking;

/// <summary>The public operations of a priority queue, on the library and on the model alike.</summary>
/// <remarks>In the model an entry is "priority/number=payload". A number is given before its entry is there. A lease,
/// and its return, take the entry away and put it elsewhere, in a group, which readers may see.</remarks>
internal static class QueueOperation
{
    private const string Waiting = "queue:waiting";
    private const string Leased = "queue:leased";
    private const string LastNumber = "queue:last-number";
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(1);

    /// <summary>The queue of a beginning.</summary>
    public static Part Part { get; } = new("queue", (world, heap, _) =>
        world.Queue = PersistentPriorityQueue.OpenOrCreate(heap, "queue", StoppedTime.Instance), AddContent);

    public static Operation Enqueue(long priority, string payload)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(payload);
        return new($"queue-enqueue {priority} {payload}", world => Text(world.Queue!.Enqueue(priority, bytes)),
            (model, thread, result) =>
            {
                if (model.NoteOf(Number(thread)) is not { } number)
                {
                    return false;
                }

                model.Forget(Number(thread));
                Put(model, Waiting, priority, number, payload);
                return Operation.Is(result, $"{priority}/{number}");
            })
        {
            Partly = (model, thread, _) =>
            {
                if (model.NoteOf(Number(thread)) is not null || (model.GroupOf >= 0 && model.GroupOf != thread))
                {
                    return false;
                }

                string number = Text(long.Parse(model.NoteOf(LastNumber) ?? "0", CultureInfo.InvariantCulture) + 1);
                model.Note(LastNumber, number);
                model.Note(Number(thread), number);
                return true;
            },
        };
    }

    public static Operation Dequeue() => new("queue-dequeue", world =>
        world.Queue!.TryDequeue(out QueueEntry entry) ? Text(entry) : "none", (model, _, result) =>
            Operation.Is(result, TakeFirst(model)));

    public static Operation Peek() => new("queue-peek", world =>
        world.Queue!.TryPeek(out QueueEntry entry) ? Text(entry) : "none", (model, _, result) =>
            Operation.Is(result, Entries(model, Waiting).FirstOrDefault()), Writes: false) { Reads = true };

    public static Operation Count() => new("queue-count", world => Text(world.Queue!.Count), (model, _, result) =>
        Operation.Is(result, Text(Entries(model, Waiting).Length)), Writes: false) { Reads = true };

    /// <summary>The lease is the thread's, until it completes it or gives it back.</summary>
    public static Operation Lease() => new("queue-lease", world =>
    {
        bool leased = world.Queue!.TryLease(s_long, out QueueLease lease);
        world.Leases[Seam.Points.Thread] = leased ? lease : null;
        return leased ? Text(lease.Entry) : "none";
    }, (model, thread, result) => Moved(model, thread) is { } entry
        ? Add(model, Leased, entry) && Ended(model, thread) && Operation.Is(result, entry)
        : Entries(model, Waiting).Length == 0 && Operation.Is(result, null))
    {
        Partly = (model, thread, _) => Move(model, thread, () => TakeFirst(model)),
    };

    public static Operation Complete() => new("queue-complete", world =>
        world.Leases[Seam.Points.Thread] is { } lease ? Text(world.Queue!.Complete(lease)) : "no lease",
        (model, thread, result) =>
        {
            if (Mine(model, thread) is not { } entry)
            {
                return Operation.Is(result, "no lease");
            }

            return Operation.Is(result, Text(Remove(model, Leased, entry)));
        });

    /// <summary>Gives the entry back, with its old priority.</summary>
    public static Operation Return() => new("queue-return", world =>
        world.Leases[Seam.Points.Thread] is { } lease ? Text(world.Queue!.Return(lease)) : "no lease",
        (model, thread, result) => Mine(model, thread) is null ? Operation.Is(result, "no lease")
            : Moved(model, thread) is { } entry && Add(model, Waiting, entry) && Ended(model, thread)
                && Operation.Is(result, "true"))
    {
        Partly = (model, thread, _) => Move(model, thread, () =>
            Mine(model, thread) is { } entry && Remove(model, Leased, entry) ? entry : null),
    };

    // The first half of a move: the entry is gone from where it was, and others wait.
    private static bool Move(Model model, int thread, Func<string?> take)
    {
        if (model.GroupOf >= 0 || Moved(model, thread) is not null)
        {
            return false;
        }

        model.Begin(thread);
        if (take() is not { } entry)
        {
            model.End();
            return false;
        }

        model.Note($"moved:{thread}", entry);
        return true;
    }

    private static string? Moved(Model model, int thread) => model.NoteOf($"moved:{thread}");

    private static bool Ended(Model model, int thread)
    {
        model.Note($"lease:{thread}", Moved(model, thread)!);
        model.Forget($"moved:{thread}");
        model.End();
        return true;
    }

    private static string? Mine(Model model, int thread) => model.NoteOf($"lease:{thread}");

    private static string? TakeFirst(Model model)
    {
        string[] there = Entries(model, Waiting);
        if (there.Length > 0)
        {
            Remove(model, Waiting, there[0]);
        }

        return there.FirstOrDefault();
    }

    private static void Put(Model model, string name, long priority, string number, string payload) =>
        Add(model, name, $"{priority}/{number}={payload}");

    private static bool Add(Model model, string name, string entry)
    {
        model[name] = string.Join(';', (string[])[.. Entries(model, name).Append(entry).Order(StringComparer.Ordinal)]);
        return true;
    }

    private static bool Remove(Model model, string name, string entry)
    {
        string[] there = Entries(model, name);
        if (!there.Contains(entry))
        {
            return false;
        }

        model[name] = there.Length == 1 ? null : string.Join(';', there.Where(other => other != entry));
        return true;
    }

    private static string[] Entries(Model model, string name) => model[name]?.Split(';') ?? [];

    private static string? AddContent(World world, SortedDictionary<string, string> texts)
    {
        string[] waiting = [.. world.Queue!.Select(entry => Text(entry))];
        string[] leased = [.. world.Queue!.GetLeases().Select(lease => Text(lease.Entry))];
        Add(Waiting, waiting);
        Add(Leased, [.. leased.Order(StringComparer.Ordinal)]);
        return waiting.Length == world.Queue!.Count && leased.Length == world.Queue.LeasedCount ? null
            : $"the queue counts {world.Queue.Count} and {world.Queue.LeasedCount}, has {string.Join(';', waiting)} "
                + $"and {string.Join(';', leased)}";

        void Add(string name, string[] entries)
        {
            if (entries.Length > 0)
            {
                texts.Add(name, string.Join(';', entries));
            }
        }
    }

    private static string Number(int thread) => $"number:{thread}";

    private static string Text(QueueEntryId id) => $"{Text(id.Priority)}/{Text(id.Sequence)}";

    private static string Text(QueueEntry entry) => $"{Text(entry.Id)}={Encoding.UTF8.GetString(entry.Payload)}";

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Text(bool yes) => yes ? "true" : "false";
}
