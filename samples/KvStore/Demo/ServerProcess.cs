using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace KvStore.Demo;

/// <summary>
/// A server as a child process, and its end: killed, asked to stop, or killed at dispose. Only ever this one process is
/// signalled.
/// </summary>
internal sealed partial class ServerProcess : IDisposable
{
    private const int Sigterm = 15;
    private const int Sigcont = 18;
    private const int Sigstop = 19;
    private const int KeptLines = 200;
    private const int FirstPort = 16_384;
    private const int Ports = 16_384; // up to where /proc/sys/net/ipv4/ip_local_port_range begins
    private static int s_lastPort = Environment.ProcessId * 101; // two test runs at once begin at two places
    private readonly Process _process;
    private readonly Queue<string> _output = new();
    private readonly long _started;

    private ServerProcess(ServerProgram program, string directory, int port, string? socketPath)
    {
        Program = program;
        TcpEndPoint = new IPEndPoint(IPAddress.Loopback, port);
        UnixEndPoint = socketPath is null ? null : new UnixDomainSocketEndPoint(socketPath);
        var start = new ProcessStartInfo(program.Executable, program.Arguments(directory, port, socketPath))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in program.Environment)
        {
            start.Environment[name] = value;
        }

        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _started = Stopwatch.GetTimestamp();
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public ServerProgram Program { get; }

    public int Id => _process.Id;

    public IPEndPoint TcpEndPoint { get; }

    public UnixDomainSocketEndPoint? UnixEndPoint { get; }

    /// <summary>Whether it has ended; what it wrote is read by then.</summary>
    public bool HasExited
    {
        get
        {
            if (!_process.HasExited)
            {
                return false;
            }

            _process.WaitForExit();
            return true;
        }
    }

    /// <summary>The last lines that it wrote.</summary>
    public string Output
    {
        get
        {
            lock (_output)
            {
                return string.Join('\n', _output);
            }
        }
    }

    /// <summary>Starts it; returns before it answers. See <see cref="WaitFor"/>.</summary>
    /// <param name="program">What to start.</param>
    /// <param name="directory">Where its data is; created where it is not there.</param>
    /// <param name="port">The port on loopback, or 0 for a free one.</param>
    /// <param name="socketPath">A unix socket's path, or null for none.</param>
    public static ServerProcess Start(ServerProgram program, string directory, int port = 0, string? socketPath = null)
    {
        Directory.CreateDirectory(directory);
        return new ServerProcess(program, directory, port == 0 ? FreePort() : port, socketPath);
    }

    /// <summary>
    /// A port that nobody on loopback listens on just now, and that no client gets meanwhile: it lies below those that
    /// the kernel gives away. In this process each one comes once in a long while.
    /// </summary>
    public static int FreePort()
    {
        for (int i = 0; i < Ports; i++)
        {
            int port = FirstPort + (int)((uint)Interlocked.Increment(ref s_lastPort) % Ports);
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Somebody has it.
            }
        }

        throw new InvalidOperationException($"All of {Ports} ports from {FirstPort} on are taken.");
    }

    /// <summary>Waits until it answers PING.</summary>
    public TimeSpan WaitUntilReady(TimeSpan? timeout = null) =>
        WaitFor(client => client.Call("PING").Text == "PONG", timeout);

    /// <summary>Asks until the answer is right, and returns the time from the process's start to that answer. Throws
    /// <see cref="TimeoutException"/> or, where the process ended, <see cref="InvalidOperationException"/>, both with
    /// what it wrote.</summary>
    public TimeSpan WaitFor(Func<RespClient, bool> answersRight, TimeSpan? timeout = null)
    {
        TimeSpan limit = timeout ?? TimeSpan.FromSeconds(60);
        RespClient? client = null;
        try
        {
            while (Stopwatch.GetElapsedTime(_started) < limit)
            {
                try
                {
                    client ??= RespClient.Connect(TcpEndPoint, limit);
                    if (answersRight(client))
                    {
                        return Stopwatch.GetElapsedTime(_started);
                    }
                }
                catch (Exception e) when (e is SocketException or IOException)
                {
                    client?.Dispose();
                    client = null;
                }

                if (HasExited)
                {
                    throw new InvalidOperationException(
                        $"{Program.Name} (pid {Id}) ended with code {_process.ExitCode} before it answered. It " +
                        $"wrote:\n{Output}");
                }

                Thread.Sleep(1);
            }

            throw new TimeoutException(
                $"{Program.Name} (pid {Id}) gave no right answer within {limit.TotalSeconds} s. It wrote:\n{Output}");
        }
        finally
        {
            client?.Dispose();
        }
    }

    /// <summary>SIGKILL, and waits until it is gone and what it wrote is read.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>
    /// What an ended process's shell would say: 128 and the signal where one ended it, so 137 after <see cref="Kill"/>,
    /// unless something else was faster.
    /// </summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>SIGSTOP: it stands still, and its memory and locks stay.</summary>
    public void Pause() => Signal(_process.Id, Sigstop);

    /// <summary>SIGCONT.</summary>
    public void Resume() => Signal(_process.Id, Sigcont);

    /// <summary>
    /// SIGTERM, waits, and returns the exit code. Throws <see cref="TimeoutException"/> where it does not end.
    /// </summary>
    public int Terminate(TimeSpan? timeout = null)
    {
        Signal(_process.Id, Sigterm);
        TimeSpan limit = timeout ?? TimeSpan.FromSeconds(30);
        if (!_process.WaitForExit(limit))
        {
            throw new TimeoutException(
                $"{Program.Name} (pid {Id}) did not end within {limit.TotalSeconds} s of SIGTERM. It wrote:\n{Output}");
        }

        _process.WaitForExit(); // what it wrote last is kept too
        return _process.ExitCode;
    }

    /// <summary>CPU time that it has used, user and system.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>Kills it, where it still runs.</summary>
    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        _process.Dispose();
    }

    private void Keep(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_output)
        {
            _output.Enqueue(line);
            if (_output.Count > KeptLines)
            {
                _output.Dequeue();
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Signal(int processId, int signal);
}
