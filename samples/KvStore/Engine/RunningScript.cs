namespace KvStore.Engine;

/// <summary>A script or a function that runs. Used under the engine's gate.</summary>
/// <param name="name">The digest of its text, or the function's name.</param>
/// <param name="command">With which the function was called; null for a script.</param>
internal sealed class RunningScript(string name, byte[][]? command)
{
    public string Name { get; } = name;

    public byte[][]? Command { get; } = command;

    public bool IsFunction => Command is not null;

    /// <summary>How long it has been running.</summary>
    public TimeSpan Elapsed { get; set; }

    /// <summary>True once it has called a command that writes.</summary>
    public bool HasWritten { get; set; }

    /// <summary>True once it has called a command that reads keys.</summary>
    public bool HasRead { get; set; }

    /// <summary>Set where it is to be stopped: its writes are taken back.</summary>
    public bool IsKilled { get; set; }
}
