using System.Runtime.InteropServices;

namespace KvStore.Transport;

/// <summary>Sends several pieces of memory in one call: a call may wake the peer, which costs more than
/// bytes.</summary>
internal static unsafe partial class GatheringSend
{
    /// <summary>Most pieces of one call.</summary>
    public const int Most = 16;

    private const int DoNotWait = 0x40; // MSG_DONTWAIT
    private const int NoSignal = 0x4000; // MSG_NOSIGNAL
    private const int Interrupted = 4; // EINTR
    private const int TryAgain = 11; // EAGAIN
    private const int NoBuffers = 105; // ENOBUFS

    /// <summary>How many bytes were taken; 0: no room now; -1: the peer is gone.</summary>
    public static nint TrySend(SafeHandle socket, ReadOnlySpan<Piece> pieces)
    {
        fixed (Piece* first = pieces)
        {
            var message = new Message { Pieces = first, PieceCount = pieces.Length };
            nint sent = Send(socket, ref message, DoNotWait | NoSignal);
            return sent >= 0 ? sent : Marshal.GetLastPInvokeError() is Interrupted or TryAgain or NoBuffers ? 0 : -1;
        }
    }

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint Send(SafeHandle socket, ref Message message, int flags);

    /// <summary>struct iovec.</summary>
    internal readonly struct Piece(byte* start, nint length)
    {
        private readonly byte* _start = start;
        private readonly nint _length = length;
    }

    /// <summary>struct msghdr of a 64-bit system.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Message
    {
        public nint Name;
        public int NameLength;
        public Piece* Pieces;
        public nint PieceCount;
        public nint Control;
        public nint ControlLength;
        public int Flags;
    }
}
