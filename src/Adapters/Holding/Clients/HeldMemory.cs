namespace GuestMemFs.Holding.Clients;

/// <summary>Memory that another process holds.</summary>
internal static class HeldMemory
{
    /// <summary>
    /// What memory survives that another process holds: that of the owner's process, and a kexec where the kernel can
    /// hand memfds over and is asked to in time.
    /// </summary>
    internal static Survives Survives { get; } = Survives.ProcessExit
        | (LuoSupport.Ask().IsAvailable ? Survives.Kexec : Survives.Nothing);
}
