using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace KvStore.Tls;

/// <summary>Two connected sockets of this process.</summary>
internal static partial class SocketPair
{
    private const int Unix = 1; // AF_UNIX
    private const int StreamThatClosesOnExec = 1 | 0x80000; // SOCK_STREAM | SOCK_CLOEXEC

    public static (Socket First, Socket Second) Create()
    {
        Span<int> pair = stackalloc int[2];
        if (Create(Unix, StreamThatClosesOnExec, 0, ref pair[0]) != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }

        return (Own(pair[0]), Own(pair[1]));
    }

    private static Socket Own(int descriptor) => new(new SafeSocketHandle(descriptor, ownsHandle: true));

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static partial int Create(int domain, int type, int protocol, ref int pair);
}
