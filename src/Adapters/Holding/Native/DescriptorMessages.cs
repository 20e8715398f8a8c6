using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Holding.Native;

/// <summary>
/// Messages with a descriptor beside them: <c>SCM_RIGHTS</c>, unix(7). Blocking; interrupted calls are made again.
/// </summary>
internal static unsafe partial class DescriptorMessages
{
    private const int MSG_CTRUNC = 8;
    private const int MSG_TRUNC = 0x20;
    private const int MSG_CMSG_CLOEXEC = 0x40000000;
    private const int F_GETFD = 1;
    private const int F_SETFD = 2;
    private const int F_DUPFD_CLOEXEC = 1030;
    private const int FD_CLOEXEC = 1;

    /// <summary>Sends one message, with a descriptor or without.</summary>
    /// <exception cref="IOException">The other side is gone, or refuses.</exception>
    public static void Send(SafeHandle socket, ReadOnlySpan<byte> message, SafeHandle? descriptor)
    {
        while (SocketMessage.TrySend(socket, message, descriptor, 0, out _) is not 0 and int errno)
        {
            Retry("sendmsg", errno);
        }
    }

    /// <summary>
    /// Receives one message: its length, 0 where the other side has closed; and a descriptor, close-on-exec, where one
    /// came with it.
    /// </summary>
    /// <exception cref="IOException">The connection failed, or the message is longer than the buffer.</exception>
    public static int Receive(SafeHandle socket, Span<byte> buffer, out SafeFileHandle? descriptor)
    {
        SocketMessage.Control control = new() { Descriptor = -1 };
        fixed (byte* bytes = buffer)
        {
            SocketMessage.IoVector vector = new() { Base = bytes, Length = (nuint)buffer.Length };
            SocketMessage.Header header = new() { Vectors = &vector, VectorCount = 1, Control = &control,
                ControlLength = (nuint)sizeof(SocketMessage.Control) };
            nint result;
            while ((result = RecvMsg(socket, &header, MSG_CMSG_CLOEXEC)) < 0)
            {
                Retry("recvmsg", Marshal.GetLastPInvokeError());
            }

            bool carries = header.ControlLength >= (nuint)sizeof(SocketMessage.Control) - sizeof(int)
                && control.Level == SocketMessage.SOL_SOCKET && control.Type == SocketMessage.SCM_RIGHTS
                && control.Descriptor >= 0;
            descriptor = carries ? new SafeFileHandle(control.Descriptor, ownsHandle: true) : null;
            bool several = carries && control.Length > (nuint)sizeof(SocketMessage.Control) - sizeof(int);
            if (several)
            {
                new SafeFileHandle(control.Second, ownsHandle: true).Dispose(); // Ours since recvmsg: it would leak.
            }

            if (several || (header.Flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
            {
                descriptor?.Dispose();
                throw new IOException(
                    "recvmsg: a message is longer than any that is meant, or carries more than one descriptor.");
            }

            return (int)result;
        }
    }

    /// <summary>Another descriptor of the same open file, close-on-exec.</summary>
    public static SafeFileHandle Duplicate(SafeHandle descriptor)
    {
        int result = FCntl(descriptor, F_DUPFD_CLOEXEC, 0);
        return result >= 0 ? new SafeFileHandle(result, ownsHandle: true)
            : throw new IOException($"fcntl: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    /// <summary>Keeps a descriptor from the programs that this process starts; false where it is not open.</summary>
    public static bool SetCloseOnExec(SafeHandle descriptor)
    {
        int flags = FCntl(descriptor, F_GETFD, 0);
        return flags >= 0 && FCntl(descriptor, F_SETFD, flags | FD_CLOEXEC) >= 0;
    }

    private static void Retry(string call, int errno)
    {
        if (errno != SocketMessage.EINTR)
        {
            throw new IOException($"{call}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})");
        }
    }

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static partial nint RecvMsg(SafeHandle socket, SocketMessage.Header* message, int flags);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int FCntl(SafeHandle file, int command, int argument);
}
