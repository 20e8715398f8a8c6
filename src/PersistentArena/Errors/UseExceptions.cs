namespace GuestMemFs;

/// <summary>An atomic group is used in a way that it cannot be.</summary>
public sealed class AtomicGroupException : ArenaException
{
    private AtomicGroupException(string message)
        : base(ReasonCodes.AtomicGroup, message)
    {
    }

    internal static AtomicGroupException Ended() =>
        new("The atomic group has ended, by this value or by a copy of it. Nothing was changed. Begin another one " +
            "with BeginAtomic.");

    internal static AtomicGroupException Nested(string region) =>
        new($"This thread has an atomic group open in the heap of region '{region}' already; groups do not nest. " +
            "Nothing was changed. Commit or dispose of it first.");

    internal static AtomicGroupException OfAnotherThread(string region) =>
        new($"The atomic group in the heap of region '{region}' is another thread's. Nothing was changed. Begin, " +
            "change and commit on one thread.");

    internal static AtomicGroupException Creates(string region, string root) =>
        new($"Root or dictionary '{root}' in the heap of region '{region}' is not there, and is not made within an "
            + "atomic group, which could not take it back. Nothing was changed. Create it before BeginAtomic.");

    internal static AtomicGroupException Deletes(string region) =>
        new($"A root in the heap of region '{region}' is not deleted within an atomic group, which could not take it " +
            "back. Nothing was changed. Delete it after the group.");

    internal static AtomicGroupException TrimsAndErases(string region) =>
        new($"A log in the heap of region '{region}' was to be trimmed within an atomic group, and the heap erases: " +
            "what is erased cannot be brought back. Nothing was changed. Trim it after the group.");

    internal static AtomicGroupException Needed(string region, string what) =>
        new($"{what} in the heap of region '{region}' needs an atomic group: a crash would leave the object in use, " +
            "and nothing would lead to it. Nothing was changed. Call BeginAtomic before, and Commit after.");

    internal static AtomicGroupException SavepointGone(string region) =>
        new($"The savepoint is not one of this atomic group in the heap of region '{region}', or the group went back "
            + "further. Nothing was changed. Take savepoints from the group that goes back to them.");

    internal static AtomicGroupException OpenAtClose(string region) =>
        new($"This thread has an atomic group open in the heap of region '{region}'. The arena stays open. Commit or " +
            "dispose of the group before the arena is closed.");
}

/// <summary>
/// A callback (<c>Decide</c>, <c>Write</c>, <c>Read</c>, <c>Visit</c>) called what would wait for the callback's own
/// end.
/// </summary>
public sealed class ReentrantCallException : ArenaException
{
    internal ReentrantCallException(string region)
        : base(ReasonCodes.ReentrantCall, $"A callback of a dictionary in the heap of region '{region}' called what " +
            "waits for that callback to end. This call changed nothing. Note in the callback what is to be done, and " +
            "do it after the call has returned.")
    {
    }
}

/// <summary>A dictionary is open in this process already, with other options.</summary>
public sealed class DictionaryOptionsException : ArenaException
{
    internal DictionaryOptionsException(string region, string name)
        : base(ReasonCodes.DictionaryOptions, $"Dictionary '{name}' in the heap of region '{region}' is open in this " +
            "process already, with another TimeProvider. Nothing was changed. Open it with the same one, or without " +
            "options: all openings share one dictionary.") => Name = name;

    /// <summary>The dictionary's name.</summary>
    public string Name { get; }
}
