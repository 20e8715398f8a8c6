using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using GuestMemFs.Holding.Native;

namespace GuestMemFs.Holding;

/// <summary>The service manager's notify socket (sd_notify(3)).</summary>
public static class ServiceManager
{
    /// <summary>Says that this service is up (<c>Type=notify</c>); nothing where there is no manager to tell.</summary>
    /// <exception cref="MediumException">It cannot be told.</exception>
    public static void Ready()
    {
        if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is { Length: > 1 } path)
        {
            Send(path, "READY=1", null);
        }
    }

    internal static void Send(string path, string message, SafeHandle? descriptor)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path[0] == '@' ? '\0' + path[1..] : path));
            DescriptorMessages.Send(socket.SafeHandle, Encoding.UTF8.GetBytes(message), descriptor);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            throw new MediumException(MediumErrorKind.Missing, "notify", path, 0,
                $"systemd cannot be told at {path}: {e.Message}. Nothing was handed over.");
        }
    }
}
