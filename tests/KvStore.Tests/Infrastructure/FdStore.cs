using System.Globalization;
using System.Net.Sockets;
using System.Text;
using GuestMemFs.Holding.Native;
using KvStore.Demo;
using Microsoft.Win32.SafeHandles;

namespace KvStore.Tests.Infrastructure;

/// <summary>
/// As much of systemd as a file descriptor store takes: a notify socket, and services that are started with what they
/// had put there (sd_notify(3), sd_listen_fds(3)).
/// </summary>
internal sealed class FdStore : IDisposable
{
    private readonly Dictionary<string, SafeFileHandle> _stored = new(StringComparer.Ordinal);
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly string _path;
    private readonly Thread _thread;

    public FdStore(string directory)
    {
        _path = Path.Combine(directory, "notify");
        _socket.Bind(new UnixDomainSocketEndPoint(_path));
        _thread = new Thread(Run) { IsBackground = true };
        _thread.Start();
    }

    public IReadOnlyList<string> Stored
    {
        get
        {
            lock (_stored)
            {
                return [.. _stored.Keys];
            }
        }
    }

    /// <summary>
    /// The program as its service: a shell opens what is stored as descriptors 3 and up, and becomes the program.
    /// </summary>
    public ServerProgram Service(ServerProgram program)
    {
        lock (_stored)
        {
            string descriptors = string.Concat(_stored.Values.Select((file, i) =>
                string.Create(CultureInfo.InvariantCulture,
                    $" {3 + i}<>/proc/{Environment.ProcessId}/fd/{file.DangerousGetHandle()}")));
            string script = (descriptors.Length > 0 ? $"exec{descriptors}; " : "") + "LISTEN_PID=$$ exec \"$0\" \"$@\"";
            return program with
            {
                Executable = "/bin/sh",
                Arguments = (directory, port, socket) =>
                    ["-c", script, program.Executable, .. program.Arguments(directory, port, socket)],
                Environment = new Dictionary<string, string>(program.Environment)
                {
                    ["NOTIFY_SOCKET"] = _path,
                    ["LISTEN_FDS"] = _stored.Count.ToString(CultureInfo.InvariantCulture),
                    ["LISTEN_FDNAMES"] = string.Join(':', _stored.Keys),
                    ["FDSTORE"] = "6",
                },
            };
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        _thread.Join();
        foreach (SafeFileHandle file in _stored.Values)
        {
            file.Dispose();
        }
    }

    private void Run()
    {
        byte[] buffer = new byte[4096];
        while (true)
        {
            int length;
            SafeFileHandle? descriptor;
            try
            {
                if (!_socket.Poll(TimeSpan.FromMilliseconds(100), SelectMode.SelectRead))
                {
                    continue;
                }

                length = DescriptorMessages.Receive(_socket.SafeHandle, buffer, out descriptor);
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException or IOException)
            {
                return;
            }

            string[] lines = Encoding.UTF8.GetString(buffer, 0, length).Split('\n');
            string name = lines.FirstOrDefault(line => line.StartsWith("FDNAME=", StringComparison.Ordinal))?[7..]
                ?? "";
            lock (_stored)
            {
                if (lines.Contains("FDSTORE=1"))
                {
                    _stored.Add(name, descriptor!);
                    continue;
                }

                if (lines.Contains("FDSTOREREMOVE=1") && _stored.Remove(name, out SafeFileHandle? removed))
                {
                    removed.Dispose();
                }
            }

            descriptor?.Dispose(); // BARRIER=1: all before is done.
        }
    }
}
