using System.Runtime.InteropServices;
using GuestMemFs.Holding.Native;

namespace GuestMemFs.Holding;

/// <summary>Passes descriptors beside bytes over a unix socket: <c>SCM_RIGHTS</c>, unix(7).</summary>
public static class DescriptorPassing
{
    /// <summary>Most descriptors of one message: SCM_MAX_FD.</summary>
    public const int MaximumDescriptors = DescriptorMessages.Most;

    /// <summary>Sends one message. The descriptors stay the caller's.</summary>
    /// <param name="socket">A unix socket.</param>
    /// <param name="message">Bytes, at least one.</param>
    /// <param name="descriptors">What goes with them, open until this has returned; empty for nothing.</param>
    /// <param name="sent">How many bytes went; fewer than all only on a stream, where the descriptors went with
    /// the first.</param>
    /// <param name="wait">False to fail with EAGAIN where there is no room.</param>
    /// <returns>0, or an errno. An interrupted call is made again.</returns>
    public static int TrySend(
        SafeHandle socket, ReadOnlySpan<byte> message, ReadOnlySpan<int> descriptors, out int sent, bool wait = true)
    {
        ArgumentNullException.ThrowIfNull(socket);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(descriptors.Length, MaximumDescriptors, nameof(descriptors));
        return DescriptorMessages.TrySend(socket, message, descriptors, out sent, wait);
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
    public static int TryReceive(
        SafeHandle socket, Span<byte> buffer, Span<int> descriptors, out int length, out int count)
    {
        ArgumentNullException.ThrowIfNull(socket);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(descriptors.Length, MaximumDescriptors, nameof(descriptors));
        return DescriptorMessages.TryReceive(socket, buffer, descriptors, out length, out count);
    }

    /// <summary>
    /// Sends the message's beginning with the descriptor; returns how many bytes that was, at least one.
    /// </summary>
    /// <exception cref="IOException">The other side is gone, or refuses.</exception>
    public static async Task<int> SendAsync(
        SafeHandle socket, ReadOnlyMemory<byte> message, SafeHandle descriptor, CancellationToken cancellationToken)
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

            await Task.Delay(1, cancellationToken).ConfigureAwait(false);
        }
    }
}
