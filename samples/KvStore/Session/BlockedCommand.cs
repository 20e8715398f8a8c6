using GuestMemFs;

namespace KvStore.Session;

/// <summary>
/// A command that waits for keys: nothing behind it in its client's input runs before it has replied.
/// </summary>
/// <param name="arguments">With which it runs again once a key is ready.</param>
/// <param name="type">What a key must have to be of use.</param>
/// <param name="deadline">In milliseconds of the engine's clock; 0: it waits until a key is ready.</param>
internal sealed class BlockedCommand(KeptArguments arguments, RecordType type, long deadline)
{
    /// <summary>A place in a queue, the queue, and one here.</summary>
    private const int PlaceOverhead = 256;

    public KeptArguments Arguments { get; } = arguments;

    /// <summary>The command's number; negative where another process has begun it.</summary>
    public int CommandNumber { get; set; } = -1;

    public RecordType Type { get; } = type;

    public long Deadline { get; } = deadline;

    /// <summary>It is WAIT, and waits for so many replicas; 0: it waits for keys.</summary>
    public long Replicas { get; init; }

    /// <summary>True where it is to hear that a key is gone, or of another type.</summary>
    public bool NeedsKey { get; init; }

    /// <summary>The first argument that is a key it waits for.</summary>
    public int FirstKey { get; set; }

    /// <summary>How many arguments are.</summary>
    public int KeyArguments { get; set; }

    /// <summary>Later commands have larger ones.</summary>
    public long Order { get; set; }

    /// <summary>How many keys it waits for.</summary>
    public int KeyCount { get; set; }

    /// <summary>The key that it runs for, while it runs again.</summary>
    public byte[]? ReadyKey { get; set; }

    /// <summary>What it takes, roughly.</summary>
    public long Bytes => Arguments.Bytes + ((long)KeyCount * PlaceOverhead);
}
