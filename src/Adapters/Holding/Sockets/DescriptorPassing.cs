using System.Runtime.InteropServices;
using GuestMemFs.Holding.Native;

namespace GuestMemFs.Holding;

/// <summary>Sends a descriptor beside bytes over a unix socket: <c>SCM_RIGHTS</c>, unix(7).</summary>
public static class DescriptorPassing
{
    private const int MSG_DONTWAIT = 0x40;
    private const int EAGAIN = 11;

    /// <summary>
    /// Sends the message's beginning with the descriptor; returns how many bytes that was, at least one.
    /// </summary>
    public static async Task<int> SendAsync(
        SafeHandle socket, ReadOnlyMemory<byte> message, SafeHandle descriptor, CancellationToken cancellation)
    {
        while (true)
        {
            int error = SocketMessage.TrySend(socket, message.Span, descriptor, MSG_DONTWAIT, out int sent);
            if (error == 0)
            {
                return sent;
            }

            if (error is not (EAGAIN or SocketMessage.EINTR))
            {
                throw new IOException($"sendmsg: {Marshal.GetPInvokeErrorMessage(error)} (errno {error})");
            }

            await Task.Delay(1, cancellation).ConfigureAwait(false);
        }
    }
}
