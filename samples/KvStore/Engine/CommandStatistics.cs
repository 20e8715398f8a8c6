namespace KvStore.Engine;

/// <summary>How often each command ran, was refused and failed, and how long it took, by the commands' numbers. Used
/// under the engine's gate.</summary>
internal sealed class CommandStatistics
{
    private CommandCounts[] _counts = new CommandCounts[512];

    public ref readonly CommandCounts Of(int number) => ref CountsOf(number);

    /// <summary>A command ran, or several times one after the other.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="calls">How many calls it were.</param>
    /// <param name="nanoseconds">How long each took.</param>
    /// <param name="keepsTime">True where its percentiles are wanted.</param>
    public void Ran(int number, int calls, long nanoseconds, bool keepsTime)
    {
        ref CommandCounts counts = ref CountsOf(number);
        counts.Calls += calls;
        counts.Nanoseconds += calls * nanoseconds;
        if (keepsTime)
        {
            (counts.Times ??= new CallTimes()).Add(nanoseconds, calls);
        }
    }

    /// <summary>A command that ran has replied an error.</summary>
    public void Failed(int number) => CountsOf(number).Failed++;

    /// <summary>A command was refused before it ran.</summary>
    public void Rejected(int number) => CountsOf(number).Rejected++;

    public void Reset() => Array.Clear(_counts);

    private ref CommandCounts CountsOf(int number)
    {
        if (number >= _counts.Length)
        {
            Array.Resize(ref _counts, number * 2);
        }

        return ref _counts[number];
    }
}

/// <summary>What is known of one command.</summary>
internal struct CommandCounts
{
    public long Calls;
    public long Nanoseconds;
    public long Rejected;
    public long Failed;

    /// <summary>Null where no call was timed for percentiles.</summary>
    public CallTimes? Times;

    /// <summary>True where there is anything to show.</summary>
    public readonly bool Any => Calls > 0 || Rejected > 0 || Failed > 0;
}
