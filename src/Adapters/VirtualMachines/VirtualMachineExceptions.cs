namespace GuestMemFs.VirtualMachines;

/// <summary>A region cannot be a machine's RAM.</summary>
public sealed class GuestMemoryException : Exception
{
    internal GuestMemoryException(string region, string detail)
        : base($"Region '{region}' cannot be a machine's memory: {detail}.") => Region = region;

    /// <summary>The region.</summary>
    public string Region { get; }
}

/// <summary>A machine did not do what it was asked to. The message says what state it was left in.</summary>
public sealed class VirtualMachineException : Exception
{
    internal VirtualMachineException(string machine, string detail, Exception? inner = null)
        : base($"Machine '{machine}': {detail}", inner) => Machine = machine;

    /// <summary>Its name.</summary>
    public string Machine { get; }
}
