using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace KvStore.HandOver;

/// <summary>Messages with many descriptors beside the bytes: <c>SCM_RIGHTS</c>, unix(7).</summary>
internal static unsafe partial class DescriptorMessage
{
    /// <summary>Most descriptors of one message: SCM_MAX_FD.</summary>
    public const int Most = 253;

    private const int SocketLevel = 1; // SOL_SOCKET
    private const int Rights = 1; // SCM_RIGHTS
    private const int NoSignal = 0x4000; // MSG_NOSIGNAL
    private const int CloseOnExec = 0x40000000; // MSG_CMSG_CLOEXEC
    private const int Cut = 0x20 | 8; // MSG_TRUNC | MSG_CTRUNC
    private const int Interrupted = 4; // EINTR
    private const int TooLong = 90; // EMSGSIZE
    private const int DuplicateAbove = 1030; // F_DUPFD_CLOEXEC
    private const int HeaderLength = 16; // struct cmsghdr of a 64-bit system

    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;

    /// <summary>Sends one message; 0 or an errno.</summary>
    public static int Send(SafeHandle socket, ReadOnlySpan<byte> bytes, ReadOnlySpan<int> descriptors)
    {
        byte* control = stackalloc byte[HeaderLength + (Most * sizeof(int)) + sizeof(int)];
        int length = HeaderLength + (descriptors.Length * sizeof(int));
        *(nint*)control = length;
        *(int*)(control + 8) = SocketLevel;
        *(int*)(control + 12) = Rights;
        descriptors.CopyTo(new Span<int>(control + HeaderLength, Most));
        fixed (byte* first = bytes)
        {
            var piece = new Piece { Start = first, Length = bytes.Length };
            var message = new Message { Pieces = &piece, PieceCount = 1 };
            if (!descriptors.IsEmpty)
            {
                message.Control = control;
                message.ControlLength = (length + 7) & ~7;
            }

            int error;
            do
            {
                error = SendMessage(socket, &message, NoSignal) < 0 ? Marshal.GetLastPInvokeError() : 0;
            }
            while (error == Interrupted);
            return error;
        }
    }

    /// <summary>
    /// Receives one message; 0 or an errno. The descriptors that came, close-on-exec, are the caller's whatever is
    /// returned.
    /// </summary>
    /// <param name="socket">A unix socket.</param>
    /// <param name="buffer">Room for the longest message.</param>
    /// <param name="descriptors">Room for <see cref="Most"/>.</param>
    /// <param name="length">Bytes received; 0 where the other side has closed.</param>
    /// <param name="count">Descriptors received.</param>
    public static int Receive(
        SafeHandle socket, Span<byte> buffer, Span<int> descriptors, out int length, out int count)
    {
        int room = HeaderLength + (Most * sizeof(int)) + sizeof(int);
        byte* control = stackalloc byte[room];
        fixed (byte* first = buffer)
        {
            var piece = new Piece { Start = first, Length = buffer.Length };
            var message = new Message { Pieces = &piece, PieceCount = 1, Control = control, ControlLength = room };
            nint received;
            do
            {
                received = ReceiveMessage(socket, &message, CloseOnExec);
            }
            while (received < 0 && Marshal.GetLastPInvokeError() == Interrupted);

            length = (int)Math.Max(0, received);
            count = 0;
            if (received < 0)
            {
                return Marshal.GetLastPInvokeError();
            }

            if (message.ControlLength >= HeaderLength && *(int*)(control + 8) == SocketLevel
                && *(int*)(control + 12) == Rights)
            {
                count = (int)((*(nint*)control - HeaderLength) / sizeof(int));
                new ReadOnlySpan<int>(control + HeaderLength, count).CopyTo(descriptors);
            }

            return (message.Flags & Cut) == 0 ? 0 : TooLong;
        }
    }

    /// <summary>
    /// Makes the process's table of descriptors long enough for so many more, as far as its limit lets it.
    /// </summary>
    /// <remarks>The kernel doubles the table of a process with threads only after all processors have let go of the old
    /// one (synchronize_rcu): ten milliseconds and more, each time.</remarks>
    public static void MakeRoom(SafeHandle any, int count)
    {
        int top = Directory.GetFiles("/proc/self/fd").Max(name => int.Parse(Path.GetFileName(name), Invariant));
        int copy = Control(any, DuplicateAbove, top + count + 1);
        if (copy >= 0)
        {
            new SafeFileHandle(copy, ownsHandle: true).Dispose();
        }
    }

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Control(SafeHandle descriptor, int command, int argument);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMessage(SafeHandle socket, Message* message, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static partial nint ReceiveMessage(SafeHandle socket, Message* message, int flags);

    /// <summary>struct iovec.</summary>
    private struct Piece
    {
        public byte* Start;
        public nint Length;
    }

    /// <summary>struct msghdr of a 64-bit system.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Message
    {
        public nint Name;
        public int NameLength;
        public Piece* Pieces;
        public nint PieceCount;
        public byte* Control;
        public nint ControlLength;
        public int Flags;
    }
}
