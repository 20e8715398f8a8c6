namespace GuestMemFs.Holding;

/// <summary>What kind of refusal the Live Update Orchestrator gave.</summary>
public enum LuoErrorKind
{
    /// <summary>An errno that has no meaning here that is known.</summary>
    Other,

    /// <summary>
    /// There is no orchestrator in this kernel, or it is not switched on: ENOENT, ENXIO, ENODEV, EOPNOTSUPP at the
    /// open. <see cref="LuoSupport.Ask()"/> says what is missing.
    /// </summary>
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

    /// <summary>
    /// No part of the kernel can hand this kind of descriptor over: ENOENT. Only memfds (and unlinked tmpfs files) of
    /// ordinary memory can be.
    /// </summary>
    NotPreservable,

    /// <summary>The descriptor is not open: EBADF.</summary>
    BadDescriptor,

    /// <summary>The memfd has a seal that this kernel does not hand over: EOPNOTSUPP.</summary>
    UnknownSeal,

    /// <summary>Longer than the kernel hands over in one file (16 TiB): EFBIG.</summary>
    TooLong,

    /// <summary>No memory, or no room for more sessions or files: ENOMEM, ENOSPC, EOVERFLOW.</summary>
    NoRoom,

    /// <summary>
    /// Not in this state: a session that was retrieved preserves nothing, one that was created retrieves nothing; or a
    /// file in it cannot be finished yet (EBUSY).
    /// </summary>
    WrongState,

    /// <summary>The kernel's interface is another than this library's: ENOTTY, E2BIG.</summary>
    OtherInterface,
}
