using System.Runtime.InteropServices;

namespace GuestMemFs.LiveUpdate.Luo;

/// <summary>What kind of refusal the Live Update Orchestrator gave.</summary>
public enum LuoErrorKind
{
    /// <summary>An errno that has no meaning here that is known.</summary>
    Other,

    /// <summary>There is no orchestrator in this kernel, or it is not switched on: ENOENT, ENXIO, ENODEV, EOPNOTSUPP at the open. <see cref="LuoSupport.Ask()"/> says what is missing.</summary>
    Unavailable,

    /// <summary>Another process has the device: EBUSY at the open. A <see cref="LuoDeviceBusyException"/>.</summary>
    DeviceBusy,

    /// <summary>Not permitted: EACCES, EPERM. The device is root's.</summary>
    Denied,

    /// <summary>What the kernel before handed over cannot be read by this one: EIO at the open, at each.</summary>
    HandoverDamaged,

    /// <summary>A session of that name was made already: EEXIST.</summary>
    SessionExists,

    /// <summary>No session of that name came over the kexec: ENOENT.</summary>
    SessionMissing,

    /// <summary>The session was retrieved already: EINVAL.</summary>
    SessionRetrieved,

    /// <summary>The token is used in this session: EEXIST.</summary>
    TokenUsed,

    /// <summary>The session holds nothing under that token: ENOENT.</summary>
    TokenMissing,

    /// <summary>The memory is preserved by this or another session already: EBUSY.</summary>
    AlreadyPreserved,

    /// <summary>No part of the kernel can hand this kind of descriptor over: ENOENT. Only memfds (and unlinked tmpfs files) of ordinary memory can be.</summary>
    NotPreservable,

    /// <summary>The descriptor is not open: EBADF.</summary>
    BadDescriptor,

    /// <summary>The memfd has a seal that this kernel does not hand over: EOPNOTSUPP.</summary>
    UnknownSeal,

    /// <summary>Longer than the kernel hands over in one file (16 TiB): EFBIG.</summary>
    TooLong,

    /// <summary>No memory, or no room for more sessions or files: ENOMEM, ENOSPC, EOVERFLOW.</summary>
    NoRoom,

    /// <summary>Not in this state: a session that was retrieved preserves nothing, one that was created retrieves nothing; or a file in it cannot be finished yet (EBUSY).</summary>
    WrongState,

    /// <summary>The kernel's interface is another than this library's: ENOTTY, E2BIG.</summary>
    OtherInterface,
}

/// <summary>The Live Update Orchestrator refused: the message names what was asked, why, and the way out. Nothing was changed, unless it says so.</summary>
public class LuoException : LiveUpdateException
{
    internal LuoException(LuoErrorKind kind, string operation, int errno, string message)
        : base(message)
    {
        Kind = kind;
        Operation = operation;
        Errno = errno;
    }

    /// <summary>The kind.</summary>
    public LuoErrorKind Kind { get; }

    /// <summary>What was asked: <c>open</c>, <c>create session</c>, <c>retrieve session</c>, <c>preserve</c>, <c>retrieve</c>, <c>finish</c>, <c>get name</c>.</summary>
    public string Operation { get; }

    /// <summary>The errno.</summary>
    public int Errno { get; }
}

/// <summary>Another process has <c>/dev/liveupdate</c>; the kernel lets one in at a time.</summary>
public sealed class LuoDeviceBusyException : LuoException
{
    internal LuoDeviceBusyException(int? holder, string? program)
        : base(LuoErrorKind.DeviceBusy, "open", LuoErrors.EBUSY, $"{LuoDevice.Path} is open in {(holder is { } pid ? $"process {pid} ({program})" : "a process that cannot be seen from here")}, and the kernel lets one in at a time. Wait until it has done its part, or end it (its sessions go with it, unless it gave them away).")
    {
        HolderProcessId = holder;
        HolderProgram = program;
    }

    /// <summary>Who has it, or null where that cannot be seen (another user's process, another PID namespace).</summary>
    public int? HolderProcessId { get; }

    /// <summary>That process's name, or null.</summary>
    public string? HolderProgram { get; }
}

/// <summary>What each errno means at each question.</summary>
internal static class LuoErrors
{
    public const int EPERM = 1;
    public const int ENOENT = 2;
    public const int EIO = 5;
    public const int ENXIO = 6;
    public const int E2BIG = 7;
    public const int EBADF = 9;
    public const int ENOMEM = 12;
    public const int EACCES = 13;
    public const int EBUSY = 16;
    public const int EEXIST = 17;
    public const int ENODEV = 19;
    public const int EINVAL = 22;
    public const int ENOTTY = 25;
    public const int EFBIG = 27;
    public const int ENOSPC = 28;
    public const int EOVERFLOW = 75;
    public const int EOPNOTSUPP = 95;

    public static LuoException AtOpen(int errno) => errno switch
    {
        EBUSY => Busy(),
        ENOENT or ENXIO or ENODEV or EOPNOTSUPP => Make(LuoErrorKind.Unavailable, "open", errno, LuoDevice.Path, LuoSupport.Ask().Advice),
        EACCES or EPERM => Make(LuoErrorKind.Denied, "open", errno, LuoDevice.Path, "The device is root's: run as root, or give a group the device by a udev rule."),
        EIO => Make(LuoErrorKind.HandoverDamaged, "open", errno, LuoDevice.Path, "What the kernel before handed over cannot be read by this one (the kernel's log says what): it is lost. Reboot, to get the memory back that it takes."),
        _ => Make(LuoErrorKind.Other, "open", errno, LuoDevice.Path, ""),
    };

    public static LuoException AtCreate(int errno, string session) => errno switch
    {
        EEXIST => Make(LuoErrorKind.SessionExists, "create session", errno, session, "There is one of that name: whoever made it holds it. Another name, or end that process."),
        _ => General("create session", errno, session),
    };

    public static LuoException AtRetrieveSession(int errno, string session) => errno switch
    {
        ENOENT => Make(LuoErrorKind.SessionMissing, "retrieve session", errno, session, "No session of that name came over the kexec: whoever held it had ended or closed it before, or this kernel was entered by kexec_load or by a boot, or started without kho=on liveupdate=on."),
        EINVAL => Make(LuoErrorKind.SessionRetrieved, "retrieve session", errno, session, "It was retrieved already since the kexec: the process that did has its memory."),
        _ => General("retrieve session", errno, session),
    };

    public static LuoException AtPreserve(int errno, string session, ulong token) => errno switch
    {
        EEXIST => Make(LuoErrorKind.TokenUsed, "preserve", errno, Of(session, token), "The token is used in this session."),
        EBUSY => Make(LuoErrorKind.AlreadyPreserved, "preserve", errno, Of(session, token), "The memory is preserved already, by this or another session: close that one first."),
        ENOENT => Make(LuoErrorKind.NotPreservable, "preserve", errno, Of(session, token), "The kernel hands over memfds of ordinary memory only: not those of hugetlb pages (MFD_HUGETLB), not files that have a name. Use a memfd medium without reserved huge pages."),
        EBADF => Make(LuoErrorKind.BadDescriptor, "preserve", errno, Of(session, token), "The descriptor is not open."),
        EOPNOTSUPP => Make(LuoErrorKind.UnknownSeal, "preserve", errno, Of(session, token), "The memfd has a seal that this kernel does not hand over."),
        EFBIG => Make(LuoErrorKind.TooLong, "preserve", errno, Of(session, token), "One file of more than 16 TiB cannot be handed over: use several."),
        EINVAL => Make(LuoErrorKind.WrongState, "preserve", errno, Of(session, token), "A session that was retrieved takes nothing in: create one for the next kexec."),
        _ => General("preserve", errno, Of(session, token)),
    };

    public static LuoException AtRetrieve(int errno, string session, ulong token) => errno switch
    {
        ENOENT => Make(LuoErrorKind.TokenMissing, "retrieve", errno, Of(session, token), "The session holds nothing under that token."),
        EINVAL => Make(LuoErrorKind.WrongState, "retrieve", errno, Of(session, token), "A session that was created under this kernel gives nothing back: retrieve the one that came over the kexec."),
        EIO => Make(LuoErrorKind.HandoverDamaged, "retrieve", errno, Of(session, token), "The kernel could not put the memory back together (its log says why): it is lost."),
        _ => General("retrieve", errno, Of(session, token)),
    };

    public static LuoException AtFinish(int errno, string session) => errno switch
    {
        EINVAL => Make(LuoErrorKind.WrongState, "finish", errno, session, "A session that was created under this kernel is not finished but closed."),
        EBUSY => Make(LuoErrorKind.WrongState, "finish", errno, session, "Something in it cannot be let go of yet: retrieve all of it, then finish."),
        _ => General("finish", errno, session),
    };

    public static LuoException AtGetName(int errno, string session) => errno switch
    {
        EINVAL => Make(LuoErrorKind.OtherInterface, "get name", errno, session, "This kernel does not tell the name of a session."),
        _ => General("get name", errno, session),
    };

    private static LuoException General(string operation, int errno, string what) => errno switch
    {
        ENOMEM or ENOSPC or EOVERFLOW => Make(LuoErrorKind.NoRoom, operation, errno, what, "No memory, or no room for more sessions or files: free memory, hand over fewer files, or set a larger kho_scratch= on the command line."),
        ENOTTY or E2BIG => Make(LuoErrorKind.OtherInterface, operation, errno, what, "This kernel's interface is another than this library's (6.19 to 7.x): update one of them."),
        EACCES or EPERM => Make(LuoErrorKind.Denied, operation, errno, what, "Not permitted: run as root."),
        _ => Make(LuoErrorKind.Other, operation, errno, what, ""),
    };

    private static string Of(string session, ulong token) => FormattableString.Invariant($"{session}, token 0x{token:x}");

    private static LuoException Make(LuoErrorKind kind, string operation, int errno, string what, string advice) =>
        new(kind, operation, errno, $"Live Update Orchestrator: {operation} ({what}) failed: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno}). {advice}".TrimEnd());

    private static LuoDeviceBusyException Busy()
    {
        int? holder = Openers.Find(LuoDevice.Path);
        return new LuoDeviceBusyException(holder, holder is { } process ? Openers.NameOf(process) : null);
    }
}
