using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Holding.Native;

/// <summary>Messages with at most one descriptor beside the bytes. Blocking.</summary>
internal static unsafe partial class DescriptorMessages
{
    private const int F_GETFD = 1;
    private const int F_SETFD = 2;
    private const int F_DUPFD_CLOEXEC = 1030;
    private const int FD_CLOEXEC = 1;

    /// <summary>Sends one message, with a descriptor or without.</summary>
    /// <exception cref="IOException">The other side is gone, or refuses.</exception>
    public static void Send(SafeHandle socket, ReadOnlySpan<byte> message, SafeHandle? descriptor) =>
        Check("sendmsg", TrySend(socket, message, descriptor, out _));

    /// <summary>The same; 0 or an errno.</summary>
    /// <param name="socket">A unix socket.</param>
    /// <param name="message">Bytes.</param>
    /// <param name="descriptor">What goes with them; null for nothing. The caller's own stays open.</param>
    /// <param name="sent">How many bytes went.</param>
    /// <param name="wait">False to fail with EAGAIN where there is no room.</param>
    public static int TrySend(
        SafeHandle socket, ReadOnlySpan<byte> message, SafeHandle? descriptor, out int sent, bool wait = true)
    {
        bool held = false;
        try
        {
            descriptor?.DangerousAddRef(ref held);
            ReadOnlySpan<int> descriptors = held ? [(int)descriptor!.DangerousGetHandle()] : [];
            return DescriptorPassing.TrySend(socket, message, descriptors, out sent, wait);
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
        int error = DescriptorPassing.TryReceive(socket, buffer, received, out int length, out int count);
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
