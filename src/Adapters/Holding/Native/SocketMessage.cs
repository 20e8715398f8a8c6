using System.Runtime.InteropServices;

namespace GuestMemFs.Holding.Native;

/// <summary>sendmsg(2) and recvmsg(2) of 64-bit Linux: raw calls and structures; no logic.</summary>
/// <remarks>KvStore compiles this file too: its start without a holder loads no assembly for it.</remarks>
internal static unsafe partial class SocketMessage
{
    public const int SOL_SOCKET = 1;
    public const int SCM_RIGHTS = 1;
    public const int MSG_CTRUNC = 8;
    public const int MSG_TRUNC = 0x20;
    public const int MSG_DONTWAIT = 0x40;
    public const int MSG_NOSIGNAL = 0x4000;
    public const int MSG_CMSG_CLOEXEC = 0x40000000;
    public const int EINTR = 4;
    public const int EAGAIN = 11;
    public const int EMSGSIZE = 90;
    public const int ENOBUFS = 105;

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    public static partial nint SendMsg(SafeHandle socket, Header* message, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    public static partial nint RecvMsg(SafeHandle socket, Header* message, int flags);

    /// <summary><c>struct iovec</c>.</summary>
    public struct IoVector
    {
        public byte* Base;
        public nint Length;
    }

    /// <summary><c>struct msghdr</c>.</summary>
    public struct Header
    {
        public void* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nint VectorCount;
        public Control* Control;
        public nint ControlLength;
        public int Flags;
    }

    /// <summary><c>struct cmsghdr</c>, which its bytes follow.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 16)]
    public struct Control
    {
        public nint Length;
        public int Level;
        public int Type;
    }
}
