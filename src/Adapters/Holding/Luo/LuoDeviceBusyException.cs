using GuestMemFs.Holding.Native;

namespace GuestMemFs.Holding;

/// <summary>Another process has <c>/dev/liveupdate</c>; the kernel lets one in at a time.</summary>
public sealed class LuoDeviceBusyException : LuoException
{
    internal LuoDeviceBusyException(int? holder, string? program)
        : base(LuoErrorKind.DeviceBusy, "open", LuoErrno.EBUSY,
            $"{LuoAbi.Device} is open " +
            $"in {(holder is { } pid ? $"process {pid} ({program})" : "a process that cannot be seen from here")}, " +
            "and the kernel lets one in at a time. Wait until it has done its part, or end it (its sessions go with " +
            "it, unless it gave them away).")
    {
        HolderProcessId = holder;
        HolderProgram = program;
    }

    /// <summary>
    /// Who has it, or null where that cannot be seen (another user's process, another PID namespace).
    /// </summary>
    public int? HolderProcessId { get; }

    /// <summary>That process's name, or null.</summary>
    public string? HolderProgram { get; }
}
