using System.Runtime.InteropServices;
using GuestMemFs.Holding.Kernel;
using GuestMemFs.Holding.Native;
using static GuestMemFs.Holding.Native.LuoErrno;

namespace GuestMemFs.Holding.Luo;

/// <summary>What each errno means at each question.</summary>
internal static class LuoErrors
{
    public static LuoException AtOpen(int errno) => errno switch
    {
        EBUSY => Busy(),
        ENOENT or ENXIO or ENODEV or EOPNOTSUPP =>
            Make(LuoErrorKind.Unavailable, "open", errno, LuoAbi.Device, LuoSupport.Ask().Advice),
        EACCES or EPERM => Make(LuoErrorKind.Denied, "open", errno, LuoAbi.Device,
            "The device is root's: run as root, or give a group the device by a udev rule."),
        EIO => Make(LuoErrorKind.HandoverDamaged, "open", errno, LuoAbi.Device,
            "What the kernel before handed over cannot be read by this one (the kernel's log says what): it is lost. " +
            "Reboot, to get the memory back that it takes."),
        _ => Make(LuoErrorKind.Other, "open", errno, LuoAbi.Device, ""),
    };

    public static LuoException AtCreate(int errno, string session) => errno switch
    {
        EEXIST => Make(LuoErrorKind.SessionExists, "create session", errno, session,
            "There is one of that name: whoever made it holds it. Another name, or end that process."),
        _ => General("create session", errno, session),
    };

    public static LuoException AtRetrieveSession(int errno, string session) => errno switch
    {
        ENOENT => Make(LuoErrorKind.SessionMissing, "retrieve session", errno, session,
            "No session of that name came over the kexec: whoever held it had ended or closed it before, or this " +
            "kernel was entered by kexec_load or by a boot, or started without kho=on liveupdate=on."),
        EINVAL => Make(LuoErrorKind.SessionRetrieved, "retrieve session", errno, session,
            "It was retrieved already since the kexec: the process that did has its memory."),
        _ => General("retrieve session", errno, session),
    };

    public static LuoException AtPreserve(int errno, string session, ulong token) => errno switch
    {
        EEXIST => Make(LuoErrorKind.TokenUsed, "preserve", errno, Of(session, token),
            "The token is used in this session."),
        EBUSY => Make(LuoErrorKind.AlreadyPreserved, "preserve", errno, Of(session, token),
            "The memory is preserved already, by this or another session: close that one first."),
        ENOENT => Make(LuoErrorKind.NotPreservable, "preserve", errno, Of(session, token),
            "The kernel hands over memfds of ordinary memory only: not those of hugetlb pages (MFD_HUGETLB), not " +
            "files that have a name. Use a memfd medium without reserved huge pages."),
        EBADF => Make(LuoErrorKind.BadDescriptor, "preserve", errno, Of(session, token), "The descriptor is not open."),
        EOPNOTSUPP => Make(LuoErrorKind.UnknownSeal, "preserve", errno, Of(session, token),
            "The memfd has a seal that this kernel does not hand over."),
        EFBIG => Make(LuoErrorKind.TooLong, "preserve", errno, Of(session, token),
            "One file of more than 16 TiB cannot be handed over: use several."),
        EINVAL => Make(LuoErrorKind.WrongState, "preserve", errno, Of(session, token),
            "A session that was retrieved takes nothing in: create one for the next kexec."),
        _ => General("preserve", errno, Of(session, token)),
    };

    public static LuoException AtRetrieve(int errno, string session, ulong token) => errno switch
    {
        ENOENT => Make(LuoErrorKind.TokenMissing, "retrieve", errno, Of(session, token),
            "The session holds nothing under that token."),
        EINVAL => Make(LuoErrorKind.WrongState, "retrieve", errno, Of(session, token),
            "A session that was created under this kernel gives nothing back: retrieve the one that came " +
            "over the kexec."),
        EIO => Make(LuoErrorKind.HandoverDamaged, "retrieve", errno, Of(session, token),
            "The kernel could not put the memory back together (its log says why): it is lost."),
        _ => General("retrieve", errno, Of(session, token)),
    };

    public static LuoException AtFinish(int errno, string session) => errno switch
    {
        EINVAL => Make(LuoErrorKind.WrongState, "finish", errno, session,
            "A session that was created under this kernel is not finished but closed."),
        EBUSY => Make(LuoErrorKind.WrongState, "finish", errno, session,
            "Something in it cannot be let go of yet: retrieve all of it, then finish."),
        _ => General("finish", errno, session),
    };

    public static LuoException AtGetName(int errno, string session) => errno switch
    {
        EINVAL => Make(LuoErrorKind.OtherInterface, "get name", errno, session,
            "This kernel does not tell the name of a session."),
        _ => General("get name", errno, session),
    };

    private static LuoException General(string operation, int errno, string what) => errno switch
    {
        ENOMEM or ENOSPC or EOVERFLOW => Make(LuoErrorKind.NoRoom, operation, errno, what,
            "No memory, or no room for more sessions or files: free memory, hand over fewer files, or set a larger " +
            "kho_scratch= on the command line."),
        ENOTTY or E2BIG => Make(LuoErrorKind.OtherInterface, operation, errno, what,
            "This kernel's interface is another than this library's (6.19 to 7.x): update one of them."),
        EACCES or EPERM => Make(LuoErrorKind.Denied, operation, errno, what, "Not permitted: run as root."),
        _ => Make(LuoErrorKind.Other, operation, errno, what, ""),
    };

    private static string Of(string session, ulong token) =>
        FormattableString.Invariant($"{session}, token 0x{token:x}");

    private static LuoException Make(LuoErrorKind kind, string operation, int errno, string what, string advice)
    {
        string failed = $"{Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})";
        string text = $"Live Update Orchestrator: {operation} ({what}) failed: {failed}. {advice}";
        return new(kind, operation, errno, text.TrimEnd());
    }

    private static LuoDeviceBusyException Busy()
    {
        int? holder = Openers.Find(LuoAbi.Device);
        return new LuoDeviceBusyException(holder, holder is { } process ? Openers.NameOf(process) : null);
    }
}
