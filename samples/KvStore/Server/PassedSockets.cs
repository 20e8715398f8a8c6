using System.Globalization;
using System.Net.Sockets;

namespace KvStore.Server;

/// <summary>
/// Sockets that systemd opened for this process (a unit of type socket, sd_listen_fds(3)): they outlive the server, and
/// a client that connects while there is none waits in the kernel's queue.
/// </summary>
internal static class PassedSockets
{
    private const int First = 3; // SD_LISTEN_FDS_START

    /// <summary>Those that listen, of the descriptors that were passed; memory may be among these too.</summary>
    public static IReadOnlyList<Socket> Take(Func<string, string?> environment)
    {
        if (!IsNumber(environment("LISTEN_PID"), out int process) || process != Environment.ProcessId
            || !IsNumber(environment("LISTEN_FDS"), out int count))
        {
            return []; // None were passed, or to another process.
        }

        var sockets = new List<Socket>();
        for (int descriptor = First; descriptor < First + count; descriptor++)
        {
            if (Listens(descriptor))
            {
                sockets.Add(new Socket(new SafeSocketHandle(descriptor, ownsHandle: true)));
            }
        }

        return sockets;
    }

    private static bool Listens(int descriptor)
    {
        try
        {
            // Looked at through a handle that leaves it open: it may be somebody else's.
            var look = new Socket(new SafeSocketHandle(descriptor, ownsHandle: false));
            return look.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.AcceptConnection) is 1;
        }
        catch (SocketException)
        {
            return false; // No socket.
        }
    }

    private static bool IsNumber(string? text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
