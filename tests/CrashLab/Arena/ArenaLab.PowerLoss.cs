using GuestMemFs.Format;

namespace GuestMemFs.CrashLab;

/// <summary>
/// What a loss of power leaves, and what a weak order of stores does: a store is durable only after the next fence
/// (that of a publishing store, or a flush), and until then each of its 8-byte words may be there or not. A publishing
/// store is alone between two fences. Where power is lost, a file's making or unlinking counts from the next flush on;
/// until then any of the first so many of them may have reached the filesystem's journal.
/// </summary>
internal sealed unsafe partial class ArenaLab
{
    private const int Samples = 6;

    /// <summary>
    /// True while the attach after a crash is looked into: fewer samples of each, since there are so many.
    /// </summary>
    private bool _inRecovery;

    private readonly List<StoreEvent> _floating = [];
    private readonly List<LabEvent> _unnamed = [];

    /// <summary>Up to so many words in flight, all subsets of them are looked at; more are sampled.</summary>
    public int ExhaustiveWords { get; set; } = 5;

    /// <summary>
    /// The library's switch for memory that outlives a loss of power is on, and file operations count from the next
    /// flush on.
    /// </summary>
    public bool PowerMode
    {
        get => Persist.ThroughPowerLoss;
        set => Persist.ThroughPowerLoss = value;
    }

    private void ExplorePowerLoss(ArenaModel old, LabEvent[] events)
    {
        // Back to what is durable for certain: operations before this one may have left stores that no fence followed.
        for (int i = events.Length - 1; i >= 0; i--)
        {
            events[i].Revert(_world);
        }

        foreach (LabEvent floating in _floating.Concat(_unnamed).Reverse())
        {
            floating.Revert(_world);
        }

        Weaken(events, _floating, _unnamed, (when, complete) =>
            Check(complete ? null : old, when, deeper: CrashRecoveryToo && PowerLoss!.Next(40) == 0));
        ApplyAll(_floating);
        ApplyAll(_unnamed);
    }

    /// <summary>
    /// Shows each state that events can leave; those that are not durable at the end are in the two lists then, and not
    /// applied.
    /// </summary>
    private void Weaken(
        LabEvent[] events, List<StoreEvent> floating, List<LabEvent> unnamed, Action<string, bool> visit)
    {
        for (int i = 0; i < events.Length; i++)
        {
            string before = $"before {i} of {events.Length}, the {events[i]}";
            switch (events[i])
            {
                case StoreEvent { Publishes: false } store:
                    floating.Add(store);
                    break;
                case StoreEvent store:
                    Subsets(floating, unnamed, before, complete: false, visit);
                    ApplyAll(floating);
                    Subsets([store], unnamed, before, complete: false, visit);
                    store.Apply(_world);
                    break;
                case FlushEvent:
                    Subsets(floating, unnamed, before, complete: false, visit);
                    ApplyAll(floating);
                    ApplyAll(unnamed);
                    break;
                case var change when PowerMode:
                    unnamed.Add(change);
                    break;
                default:
                    events[i].Apply(_world);
                    break;
            }
        }

        Subsets(floating, unnamed, $"after all {events.Length}", complete: true, visit);
    }

    /// <summary>Keeps account of what is not durable yet after events that nobody looked into.</summary>
    private void Float(LabEvent[] events)
    {
        foreach (LabEvent change in events)
        {
            switch (change)
            {
                case StoreEvent { Publishes: false } store:
                    _floating.Add(store);
                    break;
                case StoreEvent:
                    _floating.Clear();
                    break;
                case FlushEvent:
                    _floating.Clear();
                    _unnamed.Clear();
                    break;
                case var file when PowerMode:
                    _unnamed.Add(file);
                    break;
            }
        }
    }

    private void ApplyAll<T>(List<T> events)
        where T : LabEvent
    {
        events.ForEach(change => change.Apply(_world));
        events.Clear();
    }

    private void Subsets(
        List<StoreEvent> floating, List<LabEvent> unnamed, string when, bool complete, Action<string, bool> visit)
    {
        for (int named = 0; named <= unnamed.Count; named++)
        {
            for (int i = 0; i < named; i++)
            {
                unnamed[i].Apply(_world);
            }

            string files = unnamed.Count == 0 ? "" : $", with {named} of {unnamed.Count} file operations";
            WordSubsets(floating, which => visit($"{when}{files}{which}", complete));
            for (int i = named - 1; i >= 0; i--)
            {
                unnamed[i].Revert(_world);
            }
        }
    }

    private void WordSubsets(List<StoreEvent> floating, Action<string> visit)
    {
        List<(StoreEvent Store, int From, int Length)> words = [];
        foreach (StoreEvent store in floating)
        {
            // Words of memory, not of the store; of a long one, pieces.
            int piece = store.Length <= 4096 ? sizeof(ulong) : Math.Max(4096, store.Length / 64 & -4096);
            for (int from = 0; from < store.Length;)
            {
                int length = Math.Min(store.Length - from, piece - (int)((store.Offset + from) % sizeof(ulong)));
                words.Add((store, from, length));
                from += length;
            }
        }

        bool exhaustive = words.Count <= (_inRecovery ? 2 : ExhaustiveWords);
        int subsets = words.Count == 0 ? 1 : exhaustive ? 1 << words.Count : _inRecovery ? 4 : Samples;
        bool[] there = new bool[words.Count];
        for (int subset = 0; subset < subsets; subset++)
        {
            int density = PowerLoss!.Next(1, 8);
            for (int i = 0; i < there.Length; i++)
            {
                there[i] = exhaustive ? (subset >> i & 1) != 0
                    : subset switch { 0 => false, 1 => true, _ => PowerLoss.Next(8) < density };
                if (there[i])
                {
                    _world.Poke(words[i].Store.Offset, words[i].Store.Bytes, words[i].From, words[i].Length);
                }
            }

            visit(words.Count == 0 ? "" : $", with {there.Count(one => one)} of {words.Count} words (subset {subset})");
            for (int i = there.Length - 1; i >= 0; i--)
            {
                if (there[i])
                {
                    _world.Poke(words[i].Store.Offset, words[i].Store.Old, words[i].From, words[i].Length);
                }
            }
        }
    }
}
