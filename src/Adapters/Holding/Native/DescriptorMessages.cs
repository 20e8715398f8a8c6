using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Holding.Native;

/// <summary>Messages with descriptors beside the bytes: <c>SCM_RIGHTS</c>, unix(7).</summary>
internal static unsafe partial class DescriptorMessages
{
    /// <summary>Most descriptors of one message: SCM_MAX_FD.</summary>
    public const int Most = 253;

    private const int F_GETFD = 1;
    private const int F_SETFD = 2;
    private const int F_DUPFD_CLOEXEC = 1030;
    private const int FD_CLOEXEC = 1;

    /// <summary>Sends one message, with a descriptor or without.</summary>
    /// <exception cref="IOException">The other side is gone, or refuses.</exception>
    public static void Send(SafeHandle socket, ReadOnlySpan<byte> message, SafeHandle? descriptor) =>
        Check("sendmsg", TrySend(socket, message, descriptor, out _));

    /// <summary>The same; 0 or an errno. The caller's own descriptor stays open.</summary>
    public static int TrySend(
        SafeHandle socket, ReadOnlySpan<byte> message, SafeHandle? descriptor, out int sent, bool wait = true)
    {
        bool held = false;
        try
        {
            descriptor?.DangerousAddRef(ref held);
            ReadOnlySpan<int> descriptors = held ? [(int)descriptor!.DangerousGetHandle()] : [];
            return TrySend(socket, message, descriptors, out sent, wait);
        }
        finally
        {
            if (held)
            {
                descriptor!.DangerousRelease();
            }
        }
    }

    /// <summary>
    /// Receives one message: its length, 0 where the other side has closed; and a descriptor, close-on-exec, where one
    /// came with it.
    /// </summary>
    /// <exception cref="IOException">The connection failed, or the message is longer than the buffer.</exception>
    public static int Receive(SafeHandle socket, Span<byte> buffer, out SafeFileHandle? descriptor)
    {
        Span<int> received = stackalloc int[2]; // A second one is not meant, and has to be closed.
        int error = TryReceive(socket, buffer, received, out int length, out int count);
        descriptor = count > 0 ? new SafeFileHandle(received[0], ownsHandle: true) : null;
        if (count > 1)
        {
            new SafeFileHandle(received[1], ownsHandle: true).Dispose(); // Ours since recvmsg: it would leak.
        }

        if (count > 1 || error != 0)
        {
            descriptor?.Dispose();
            Check("recvmsg", count > 1 ? SocketMessage.EMSGSIZE : error);
        }

        return length;
    }

    /// <summary>Sends one message with as many descriptors as there are; 0 or an errno.</summary>
    public static int TrySend(
        SafeHandle socket, ReadOnlySpan<byte> message, ReadOnlySpan<int> descriptors, out int sent, bool wait)
    {
        SocketMessage.Control* control = stackalloc SocketMessage.Control[ControlLength(descriptors.Length)];
        control->Length = sizeof(SocketMessage.Control) + (descriptors.Length * sizeof(int));
        control->Level = SocketMessage.SOL_SOCKET;
        control->Type = SocketMessage.SCM_RIGHTS;
        descriptors.CopyTo(new Span<int>(control + 1, descriptors.Length));
        fixed (byte* bytes = message)
        {
            SocketMessage.IoVector vector = new() { Base = bytes, Length = message.Length };
            SocketMessage.Header header = new() { Vectors = &vector, VectorCount = 1 };
            if (!descriptors.IsEmpty)
            {
                header.Control = control;
                header.ControlLength = control->Length;
            }

            int flags = SocketMessage.MSG_NOSIGNAL | (wait ? 0 : SocketMessage.MSG_DONTWAIT);
            nint result;
            while ((result = SocketMessage.SendMsg(socket, &header, flags)) < 0
                && Marshal.GetLastPInvokeError() == SocketMessage.EINTR)
            {
            }

            sent = (int)Math.Max(result, 0);
            return result < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
    }

    /// <summary>
    /// Receives one message; 0 or an errno. The descriptors that came, close-on-exec, are the caller's whatever is
    /// returned.
    /// </summary>
    public static int TryReceive(
        SafeHandle socket, Span<byte> buffer, Span<int> descriptors, out int length, out int count)
    {
        SocketMessage.Control* control = stackalloc SocketMessage.Control[ControlLength(descriptors.Length)];
        fixed (byte* bytes = buffer)
        {
            SocketMessage.IoVector vector = new() { Base = bytes, Length = buffer.Length };
            SocketMessage.Header header = new() { Vectors = &vector, VectorCount = 1, Control = control,
                ControlLength = sizeof(SocketMessage.Control) + (descriptors.Length * sizeof(int)) };
            nint room = header.ControlLength;
            nint result;
            while ((result = SocketMessage.RecvMsg(socket, &header, SocketMessage.MSG_CMSG_CLOEXEC)) < 0
                && Marshal.GetLastPInvokeError() == SocketMessage.EINTR)
            {
                header.ControlLength = room;
            }

            length = (int)Math.Max(result, 0);
            count = result < 0 ? 0 : Received(control, header.ControlLength, descriptors);
            return result < 0 ? Marshal.GetLastPInvokeError()
                : (header.Flags & (SocketMessage.MSG_TRUNC | SocketMessage.MSG_CTRUNC)) == 0 ? 0
                : SocketMessage.EMSGSIZE;
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

    // In headers, rounded up: a header has the alignment that the kernel asks for.
    private static int ControlLength(int descriptors) => 1 + (((descriptors * sizeof(int)) + 15) / 16);

    private static int Received(SocketMessage.Control* control, nint length, Span<int> descriptors)
    {
        if (length < sizeof(SocketMessage.Control) || control->Level != SocketMessage.SOL_SOCKET
            || control->Type != SocketMessage.SCM_RIGHTS)
        {
            return 0;
        }

        int count = (int)(control->Length - sizeof(SocketMessage.Control)) / sizeof(int);
        new ReadOnlySpan<int>(control + 1, count).CopyTo(descriptors);
        return count;
    }

    private static void Check(string call, int errno)
    {
        if (errno != 0)
        {
            throw new IOException(errno == SocketMessage.EMSGSIZE
                ? $"{call}: a message is longer than any that is meant, or carries more than one descriptor."
                : $"{call}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})");
        }
    }

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int FCntl(SafeHandle file, int command, int argument);
}
