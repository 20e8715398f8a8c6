using GuestMemFs.VirtualMachines;

namespace GuestMemFs.KernelLab.Guest.Inner;

/// <summary>
/// A machine inside this one (tests/TinyGuest), in QEMU, emulated: its memory is the region of its name.
/// </summary>
/// <param name="Name">The machine's, its region's and its disk's: "counts" or "writes".</param>
/// <param name="Length">Bytes of memory.</param>
/// <param name="IsHeard">True for the one whose numbers the host of all machines hears.</param>
internal sealed record InnerMachine(string Name, long Length, bool IsHeard)
{
    private const string Disks = "/machines";

    /// <summary>The line that goes to the host of all machines, for what is counted.</summary>
    private const string Line = "/dev/ttyS2";

    public string MonitorSocket => $"/run/{Name}.qmp";

    /// <summary>Everything but memory and monitor.</summary>
    public IReadOnlyList<string> Arguments =>
    [
        "-machine", "pc,usb=off,hpet=off,graphics=off", "-accel", "tcg", "-cpu", "qemu64", "-nodefaults",
        "-no-user-config", "-display", "none",
        "-drive", $"file={Disks}/{Name},format=raw,if=floppy,readonly=on",
        "-chardev", IsHeard ? $"serial,id=line,path={Line}" : "null,id=line", "-serial", "chardev:line",
    ];

    public VirtualMachineOptions Options(PersistentArena arena) => Options(GuestMemory.Of(arena, Name));

    public VirtualMachineOptions Options(GuestMemory memory) => new()
    {
        Name = Name,
        Memory = memory,
        MonitorSocket = MonitorSocket,
        Arguments = Arguments,
    };
}
