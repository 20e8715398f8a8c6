using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.LiveUpdate.Holding.Native;

/// <summary>Messages with a descriptor beside them: <c>SCM_RIGHTS</c>, unix(7). Blocking; interrupted calls are made again.</summary>
internal static unsafe partial class DescriptorMessages
{
    private const int SOL_SOCKET = 1;
    private const int SCM_RIGHTS = 1;
    private const int MSG_CTRUNC = 8;
    private const int MSG_TRUNC = 0x20;
    private const int MSG_NOSIGNAL = 0x4000;
    private const int MSG_CMSG_CLOEXEC = 0x40000000;
    private const int F_GETFD = 1;
    private const int F_SETFD = 2;
    private const int F_DUPFD_CLOEXEC = 1030;
    private const int FD_CLOEXEC = 1;
    private const int EINTR = 4;

    /// <summary>Sends one message, with a descriptor or without.</summary>
    /// <exception cref="IOException">The other side is gone, or refuses.</exception>
    public static void Send(SafeHandle socket, ReadOnlySpan<byte> message, SafeHandle? descriptor)
    {
        bool held = false;
        try
        {
            descriptor?.DangerousAddRef(ref held);
            Control control = new() { Length = (nuint)sizeof(Control) - sizeof(int), Level = SOL_SOCKET, Type = SCM_RIGHTS, Descriptor = held ? (int)descriptor!.DangerousGetHandle() : -1 };
            fixed (byte* bytes = message)
            {
                IoVector vector = new() { Base = bytes, Length = (nuint)message.Length };
                Message header = new() { Vectors = &vector, VectorCount = 1, Control = held ? &control : null, ControlLength = held ? (nuint)sizeof(Control) : 0 };
                while (SendMsg(socket, &header, MSG_NOSIGNAL) < 0)
                {
                    Retry("sendmsg");
                }
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

    /// <summary>Receives one message: its length, 0 where the other side has closed; and a descriptor, close-on-exec, where one came with it.</summary>
    /// <exception cref="IOException">The connection failed, or the message is longer than the buffer.</exception>
    public static int Receive(SafeHandle socket, Span<byte> buffer, out SafeFileHandle? descriptor)
    {
        Control control = new() { Descriptor = -1 };
        fixed (byte* bytes = buffer)
        {
            IoVector vector = new() { Base = bytes, Length = (nuint)buffer.Length };
            Message header = new() { Vectors = &vector, VectorCount = 1, Control = &control, ControlLength = (nuint)sizeof(Control) };
            nint result;
            while ((result = RecvMsg(socket, &header, MSG_CMSG_CLOEXEC)) < 0)
            {
                Retry("recvmsg");
            }

            bool carries = header.ControlLength >= (nuint)sizeof(Control) - sizeof(int) && control.Level == SOL_SOCKET && control.Type == SCM_RIGHTS && control.Descriptor >= 0;
            descriptor = carries ? new SafeFileHandle(control.Descriptor, ownsHandle: true) : null;
            if ((header.Flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
            {
                descriptor?.Dispose();
                throw new IOException("recvmsg: a message is longer than any that is meant, or carries more than one descriptor.");
            }

            return (int)result;
        }
    }

    /// <summary>Another descriptor of the same open file, close-on-exec.</summary>
    public static SafeFileHandle Duplicate(SafeHandle descriptor)
    {
        int result = FCntl(descriptor, F_DUPFD_CLOEXEC, 0);
        return result >= 0 ? new SafeFileHandle(result, ownsHandle: true) : throw new IOException($"fcntl: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    /// <summary>Keeps a descriptor from the programs that this process starts; false where it is not open.</summary>
    public static bool SetCloseOnExec(SafeHandle descriptor)
    {
        int flags = FCntl(descriptor, F_GETFD, 0);
        return flags >= 0 && FCntl(descriptor, F_SETFD, flags | FD_CLOEXEC) >= 0;
    }

    private static void Retry(string call)
    {
        int errno = Marshal.GetLastPInvokeError();
        if (errno != EINTR)
        {
            throw new IOException($"{call}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})");
        }
    }

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMsg(SafeHandle socket, Message* message, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static partial nint RecvMsg(SafeHandle socket, Message* message, int flags);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int FCntl(SafeHandle file, int command, int argument);

    /// <summary><c>struct iovec</c>.</summary>
    private struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    /// <summary><c>struct msghdr</c> of 64-bit Linux.</summary>
    private struct Message
    {
        public void* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public Control* Control;
        public nuint ControlLength;
        public int Flags;
    }

    /// <summary><c>struct cmsghdr</c> with one descriptor, padded to eight bytes.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 24)]
    private struct Control
    {
        public nuint Length;
        public int Level;
        public int Type;
        public int Descriptor;
    }
}
