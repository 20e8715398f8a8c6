using System.Net.Sockets;
using System.Runtime.InteropServices;
using GuestMemFs.Holding.Native;

namespace GuestMemFs.Holding;

/// <summary>
/// Who is at the other end of a unix socket, as the kernel noted it when that connected or began to listen
/// (SO_PEERCRED, unix(7)).
/// </summary>
/// <param name="ProcessId">The process.</param>
/// <param name="UserId">Its user, as which it acted then.</param>
public readonly record struct PeerCredentials(int ProcessId, uint UserId)
{
    private const int SO_PEERCRED = 17;

    /// <summary>Asks the kernel.</summary>
    public static PeerCredentials Of(Socket socket)
    {
        Span<int> credentials = stackalloc int[3]; // struct ucred: pid, uid, gid
        socket.GetRawSocketOption(SocketMessage.SOL_SOCKET, SO_PEERCRED, MemoryMarshal.AsBytes(credentials));
        return new PeerCredentials(credentials[0], unchecked((uint)credentials[1]));
    }
}
