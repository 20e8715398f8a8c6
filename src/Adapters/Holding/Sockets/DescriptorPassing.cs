using System.Runtime.InteropServices;
using GuestMemFs.Holding.Native;

namespace GuestMemFs.Holding;

/// <summary>Passes descriptors beside bytes over a unix socket: <c>SCM_RIGHTS</c>, unix(7).</summary>
public static class DescriptorPassing
{
    /// <summary>Most descriptors of one message: SCM_MAX_FD.</summary>
    public const int MaximumDescriptors = 253;

    /// <summary>Sends one message. The descriptors stay the caller's.</summary>
    /// <param name="socket">A unix socket.</param>
    /// <param name="message">Bytes, at least one.</param>
    /// <param name="descriptors">What goes with them, open until this has returned; empty for nothing.</param>
    /// <param name="sent">How many bytes went; fewer than all only on a stream, where the descriptors went with
    /// the first.</param>
    /// <param name="wait">False to fail with EAGAIN where there is no room.</param>
    /// <returns>0, or an errno. An interrupted call is made again.</returns>
    public static unsafe int TrySend(
        SafeHandle socket, ReadOnlySpan<byte> message, ReadOnlySpan<int> descriptors, out int sent, bool wait = true)
    {
        ArgumentNullException.ThrowIfNull(socket);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(descriptors.Length, MaximumDescriptors, nameof(descriptors));
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
    /// Receives one message. The descriptors that came are close-on-exec, and the caller's whatever is returned.
    /// </summary>
    /// <param name="socket">A unix socket.</param>
    /// <param name="buffer">Room for the longest message.</param>
    /// <param name="descriptors">Room for as many as may come.</param>
    /// <param name="length">Bytes received; 0 where the other side has closed.</param>
    /// <param name="count">Descriptors received.</param>
    /// <returns>0, or an errno; EMSGSIZE where bytes or descriptors had no room and are lost.</returns>
    public static unsafe int TryReceive(
        SafeHandle socket, Span<byte> buffer, Span<int> descriptors, out int length, out int count)
    {
        ArgumentNullException.ThrowIfNull(socket);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(descriptors.Length, MaximumDescriptors, nameof(descriptors));
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

    /// <summary>
    /// Sends the message's beginning with the descriptor; returns how many bytes that was, at least one.
    /// </summary>
    /// <exception cref="IOException">The other side is gone, or refuses.</exception>
    public static async Task<int> SendAsync(
        SafeHandle socket, ReadOnlyMemory<byte> message, SafeHandle descriptor, CancellationToken cancellation)
    {
        while (true)
        {
            int error = DescriptorMessages.TrySend(socket, message.Span, descriptor, out int sent, wait: false);
            if (error == 0)
            {
                return sent;
            }

            if (error != SocketMessage.EAGAIN)
            {
                throw new IOException($"sendmsg: {Marshal.GetPInvokeErrorMessage(error)} (errno {error})");
            }

            await Task.Delay(1, cancellation).ConfigureAwait(false);
        }
    }

    // In headers, rounded up: a header has the alignment that the kernel asks for.
    private static int ControlLength(int descriptors) => 1 + (((descriptors * sizeof(int)) + 15) / 16);

    private static unsafe int Received(SocketMessage.Control* control, nint length, Span<int> descriptors)
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
}
