using KvStore.Demo;

namespace KvStore.Tests.Infrastructure;

/// <summary>A server that answers, with a directory of its own, which goes with it. It can be killed and started again on the same data.</summary>
internal sealed class RunningServer : IDisposable
{
    private readonly TemporaryDirectory _directory;
    private readonly ServerProgram _program;
    private bool _kept;

    /// <param name="program">What to run.</param>
    /// <param name="parent">Where its directory is made, or null for the usual place.</param>
    public RunningServer(ServerProgram program, string? parent = null)
    {
        _directory = new TemporaryDirectory(parent);
        _program = program;
        try
        {
            Process = Launch();
            StartTime = Process.WaitUntilReady();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public ServerProcess Process { get; private set; } = null!;

    /// <summary>From the last start of the process to its first right answer.</summary>
    public TimeSpan StartTime { get; private set; }

    public int Port => Process.TcpEndPoint.Port;

    /// <summary>The data's directory.</summary>
    public string DataDirectory => Path.Combine(_directory.Path, "data");

    public RespClient Connect() => RespClient.Connect(Process.TcpEndPoint);

    public RespClient ConnectUnix() => RespClient.Connect(Process.UnixEndPoint!);

    /// <summary>Starts a process on the data, without waiting for its answer; the one before must have ended.</summary>
    public ServerProcess Launch()
    {
        string socket = Path.Combine(_directory.Path, "socket");
        File.Delete(socket);
        Process?.Dispose();
        return Process = ServerProcess.Start(_program, DataDirectory, socketPath: socket);
    }

    /// <summary>Starts it on the same data and waits for the first answer.</summary>
    public void Restart(TimeSpan? timeout = null)
    {
        Launch();
        StartTime = Process.WaitUntilReady(timeout);
    }

    /// <summary>Leaves the data where it is, for whoever looks into a failure.</summary>
    public void KeepDirectory() => _kept = true;

    public void Dispose()
    {
        Process?.Dispose();
        if (!_kept)
        {
            _directory.Dispose();
        }
    }
}
