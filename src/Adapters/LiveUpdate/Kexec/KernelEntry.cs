namespace GuestMemFs.LiveUpdate;

/// <summary>How the next kernel is entered.</summary>
public enum KernelEntry
{
    /// <summary>As systemd does it where systemd runs, else directly.</summary>
    Auto = 0,

    /// <summary><c>systemctl kexec</c>: services are stopped and filesystems unmounted first.</summary>
    Systemctl = 1,

    /// <summary>
    /// At once, by reboot(2): nothing is stopped, and only what is flushed of ordinary filesystems is kept.
    /// </summary>
    Direct = 2,
}
