namespace GuestMemFs.VirtualMachines;

/// <summary>A region, or a part of a device, cannot be a machine's RAM.</summary>
public sealed class GuestMemoryException : Exception
{
    internal GuestMemoryException(string region, string detail)
        : this("Region", region, detail)
    {
    }

    private GuestMemoryException(string what, string name, string detail)
        : base($"{what} '{name}' cannot be a machine's memory: {detail}.") => Region = name;

    /// <summary>The region, or the device's path.</summary>
    public string Region { get; }

    internal static GuestMemoryException OfDevice(string path, string detail) => new("Device", path, detail);
}

/// <summary>A machine did not do what it was asked to. The message says what state it was left in.</summary>
public sealed class VirtualMachineException : Exception
{
    internal VirtualMachineException(string machine, string detail, Exception? inner = null)
        : base($"Machine '{machine}': {detail}", inner) => Machine = machine;

    /// <summary>Its name.</summary>
    public string Machine { get; }
}
