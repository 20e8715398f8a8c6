using System.Runtime.InteropServices;

namespace GuestMemFs.Holding.Native;

/// <summary>
/// What <c>/dev/liveupdate</c> and its sessions are asked by ioctl: include/uapi/linux/liveupdate.h. The request's
/// number carries no size; each structure begins with its own.
/// </summary>
internal static class LuoAbi
{
    public const uint CreateSession = 0xBA00;
    public const uint RetrieveSession = 0xBA01;
    public const uint PreserveDescriptor = 0xBA40;
    public const uint RetrieveDescriptor = 0xBA41;
    public const uint Finish = 0xBA42;
    public const uint GetName = 0xBA43;

    public const string Device = "/dev/liveupdate";

    /// <summary>Bytes of a session's name with the zero that ends it.</summary>
    public const int NameBytes = 64;
}

/// <summary><c>struct liveupdate_ioctl_create_session</c>, and that of retrieving one, which is the same.</summary>
[StructLayout(LayoutKind.Explicit, Size = 72)]
internal unsafe struct LuoSessionRequest
{
    [FieldOffset(0)] public uint Size;
    [FieldOffset(4)] public int Descriptor;
    [FieldOffset(8)] public fixed byte Name[LuoAbi.NameBytes];
}

/// <summary><c>struct liveupdate_session_preserve_fd</c>, and that of retrieving one, which is the same.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct LuoDescriptorRequest
{
    [FieldOffset(0)] public uint Size;
    [FieldOffset(4)] public int Descriptor;
    [FieldOffset(8)] public ulong Token;
}

/// <summary><c>struct liveupdate_session_finish</c>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 8)]
internal struct LuoFinishRequest
{
    [FieldOffset(0)] public uint Size;
    [FieldOffset(4)] public uint Reserved;
}

/// <summary><c>struct liveupdate_session_get_name</c>, of kernels that have it.</summary>
[StructLayout(LayoutKind.Explicit, Size = 72)]
internal unsafe struct LuoNameRequest
{
    [FieldOffset(0)] public uint Size;
    [FieldOffset(4)] public uint Reserved;
    [FieldOffset(8)] public fixed byte Name[LuoAbi.NameBytes];
}
