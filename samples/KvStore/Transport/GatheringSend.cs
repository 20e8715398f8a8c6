using System.Runtime.InteropServices;
using GuestMemFs.Holding.Native;

namespace KvStore.Transport;

/// <summary>Sends several pieces of memory in one call: a call may wake the peer, which costs more than
/// bytes.</summary>
internal static unsafe class GatheringSend
{
    /// <summary>Most pieces of one call.</summary>
    public const int Most = 16;

    /// <summary>How many bytes were taken; 0: no room now; -1: the peer is gone.</summary>
    public static nint TrySend(SafeHandle socket, ReadOnlySpan<SocketMessage.IoVector> pieces)
    {
        fixed (SocketMessage.IoVector* first = pieces)
        {
            SocketMessage.Header message = new() { Vectors = first, VectorCount = pieces.Length };
            nint sent = SocketMessage.SendMsg(
                socket, &message, SocketMessage.MSG_DONTWAIT | SocketMessage.MSG_NOSIGNAL);
            return sent >= 0 ? sent
                : Marshal.GetLastPInvokeError() is SocketMessage.EINTR or SocketMessage.EAGAIN or SocketMessage.ENOBUFS
                ? 0 : -1;
        }
    }
}
