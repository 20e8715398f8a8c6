using System.Net.Sockets;
using System.Text;

namespace GuestMemFs.KernelLab.Machines;

/// <summary>QEMU's monitor for people, on a socket: what a scenario does to a machine from outside.</summary>
internal sealed class QemuMonitor : IDisposable
{
    private const string Prompt = "(qemu) ";
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gmf-monitor-");

    /// <summary>What QEMU is started with.</summary>
    public IReadOnlyList<string> Arguments => ["-monitor", $"unix:{Path},server=on,wait=off"];

    private string Path => System.IO.Path.Combine(_folder.FullName, "socket");

    /// <summary>
    /// Gives a command and waits until it is done; throws <see cref="InvalidOperationException"/> with what the monitor
    /// said where that is anything.
    /// </summary>
    public void Do(string command)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(Path));
        using var stream = new NetworkStream(socket);
        UntilPrompt(stream);
        stream.Write(Encoding.ASCII.GetBytes(command + "\n"));
        // It shows the line as it is typed, and then whatever went wrong.
        string[] said = UntilPrompt(stream).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        if (said.Length > 2)
        {
            throw new InvalidOperationException($"QEMU said to {command}: {string.Join(' ', said[1..^1])}");
        }
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static string UntilPrompt(NetworkStream stream)
    {
        var text = new StringBuilder();
        while (!text.ToString().EndsWith(Prompt, StringComparison.Ordinal))
        {
            int next = stream.ReadByte();
            if (next < 0)
            {
                throw new EndOfStreamException($"QEMU's monitor ended after: {text}");
            }

            text.Append((char)next);
        }

        return text.ToString();
    }
}
