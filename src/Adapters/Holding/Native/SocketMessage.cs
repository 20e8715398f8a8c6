using System.Runtime.InteropServices;

namespace GuestMemFs.Holding.Native;

/// <summary>sendmsg(2) with at most one descriptor beside the bytes: <c>SCM_RIGHTS</c>, unix(7).</summary>
internal static unsafe partial class SocketMessage
{
    public const int SOL_SOCKET = 1;
    public const int SCM_RIGHTS = 1;
    public const int MSG_NOSIGNAL = 0x4000;
    public const int EINTR = 4;

    /// <summary>Sends once; 0 or an errno.</summary>
    /// <param name="socket">A unix socket.</param>
    /// <param name="message">Bytes.</param>
    /// <param name="descriptor">What goes with them; null for nothing. The caller's own stays open.</param>
    /// <param name="flags">Beside MSG_NOSIGNAL.</param>
    /// <param name="sent">How many bytes went, where it succeeded.</param>
    public static int TrySend(
        SafeHandle socket, ReadOnlySpan<byte> message, SafeHandle? descriptor, int flags, out int sent)
    {
        bool held = false;
        try
        {
            descriptor?.DangerousAddRef(ref held);
            Control control = new() { Length = (nuint)sizeof(Control) - sizeof(int), Level = SOL_SOCKET,
                Type = SCM_RIGHTS, Descriptor = held ? (int)descriptor!.DangerousGetHandle() : -1 };
            fixed (byte* bytes = message)
            {
                IoVector vector = new() { Base = bytes, Length = (nuint)message.Length };
                Header header = new() { Vectors = &vector, VectorCount = 1, Control = held ? &control : null,
                    ControlLength = held ? (nuint)sizeof(Control) : 0 };
                nint result = SendMsg(socket, &header, flags | MSG_NOSIGNAL);
                sent = (int)result;
                return result < 0 ? Marshal.GetLastPInvokeError() : 0;
            }
        }
        finally
        {
            if (held)
            {
                descriptor!.DangerousRelease();
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMsg(SafeHandle socket, Header* message, int flags);

    /// <summary><c>struct iovec</c>.</summary>
    public struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    /// <summary><c>struct msghdr</c> of 64-bit Linux.</summary>
    public struct Header
    {
        public void* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public Control* Control;
        public nuint ControlLength;
        public int Flags;
    }

    /// <summary>
    /// <c>struct cmsghdr</c> with one descriptor, padded to eight bytes: the kernel puts a second one into the padding.
    /// </summary>
    [StructLayout(LayoutKind.Sequential, Size = 24)]
    public struct Control
    {
        public nuint Length;
        public int Level;
        public int Type;
        public int Descriptor;
        public int Second;
    }
}
