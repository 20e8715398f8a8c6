namespace GuestMemFs.VirtualMachines;

/// <summary>Something went wrong between a <see cref="QmpClient"/> and QEMU.</summary>
public abstract class QmpException : Exception
{
    private protected QmpException(string socket, string message, Exception? inner = null)
        : base(message, inner) => SocketPath = socket;

    /// <summary>The monitor's socket.</summary>
    public string SocketPath { get; }
}

/// <summary>QEMU refused a command. The machine is as it was, as far as the command promises it.</summary>
public sealed class QmpCommandException : QmpException
{
    internal QmpCommandException(string socket, string command, string errorClass, string description)
        : base(socket, $"QEMU refused '{command}': {description} ({errorClass}).")
    {
        Command = command;
        ErrorClass = errorClass;
        Description = description;
    }

    /// <summary>The command.</summary>
    public string Command { get; }

    /// <summary>QEMU's class of error: "GenericError", "CommandNotFound", "DeviceNotFound" …</summary>
    public string ErrorClass { get; }

    /// <summary>QEMU's words.</summary>
    public string Description { get; }
}

/// <summary>
/// There was no answer in time. Whether the command was carried out is not known; a late answer is dropped.
/// </summary>
public sealed class QmpTimeoutException : QmpException
{
    internal QmpTimeoutException(string socket, string what, TimeSpan limit, string wayOut)
        : base(socket, $"{what} within {limit.TotalSeconds:0.###} s on {socket}. {wayOut}") => Limit = limit;

    /// <summary>How long was waited.</summary>
    public TimeSpan Limit { get; }
}

/// <summary>
/// The connection is gone. <see cref="QmpClient.ReconnectAsync"/> makes another where QEMU still runs.
/// </summary>
public sealed class QmpDisconnectedException : QmpException
{
    internal QmpDisconnectedException(string socket, string during, Exception? inner)
        : base(socket, $"The connection to {socket} ended {during}. Reconnect, or look whether QEMU still runs.", inner)
    {
    }
}

/// <summary>The peer does not speak QMP, or sent more than is taken. The connection is closed.</summary>
public sealed class QmpProtocolException : QmpException
{
    internal QmpProtocolException(string socket, string detail, Exception? inner = null)
        : base(socket, $"What came from {socket} is not QMP: {detail}.", inner)
    {
    }
}
