using System.Globalization;
using KvStore.Demo;

namespace KvStore.Tests.Infrastructure;

/// <summary>
/// A server that answers, with a directory of its own, which goes with it. It can be killed and started again on the
/// same data.
/// </summary>
internal sealed class RunningServer : IDisposable
{
    private readonly TemporaryDirectory _directory;
    private readonly ServerProgram _program;
    private readonly bool _placed;
    private bool _kept;

    /// <param name="program">What to run.</param>
    /// <param name="parent">Where its directory is made, or null for the usual place.</param>
    public RunningServer(ServerProgram program, string? parent = null)
    {
        _directory = new TemporaryDirectory(parent);
        _placed = parent is not null;
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

    /// <summary>Memory of the process's own: not the arena's pages, which are shared.</summary>
    public long ResidentBytes
    {
        get
        {
            string line = File.ReadLines($"/proc/{Process.Id}/status")
                .First(l => l.StartsWith("RssAnon:", StringComparison.Ordinal));
            string kilobytes = line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1];
            return long.Parse(kilobytes, CultureInfo.InvariantCulture) * 1024;
        }
    }

    /// <summary>Kills the process some milliseconds after something is so; the thread that does it.</summary>
    public Thread KillBehind(Func<bool> isTime, int milliseconds)
    {
        Thread killer = new(() =>
        {
            SpinWait.SpinUntil(isTime, Patience.Limit);
            Thread.Sleep(milliseconds);
            Process.Kill();
        });
        killer.Start();
        return killer;
    }

    public RespClient Connect() => RespClient.Connect(Process.TcpEndPoint);

    public RespClient ConnectUnix() => RespClient.Connect(Process.UnixEndPoint!);

    /// <summary>Fails where a new client gets no answer.</summary>
    public void AssertServes()
    {
        using var client = new TextClient(Process.TcpEndPoint);
        Assert.Equal("+PONG\r\n", client.Call("PING"));
    }

    /// <summary>Starts a process on the data, without waiting for its answer; the one before must have ended.</summary>
    public ServerProcess Launch() => Launch(_program);

    /// <summary>The same with another program.</summary>
    public ServerProcess Launch(ServerProgram program)
    {
        string socket = Path.Combine(_directory.Path, "socket");
        File.Delete(socket);
        Process?.Dispose();
        return Process = ServerProcess.Start(program, DataDirectory, socketPath: socket);
    }

    /// <summary>Starts it on the same data and waits for the first answer.</summary>
    public void Restart(TimeSpan? timeout = null)
    {
        Launch();
        StartTime = Process.WaitUntilReady(timeout);
    }

    /// <summary>The same at the port where its clients look for it.</summary>
    public void RestartWhereItWas()
    {
        int port = Port;
        Process.Dispose();
        string socket = Path.Combine(_directory.Path, "socket");
        File.Delete(socket);
        Process = ServerProcess.Start(_program, DataDirectory, port, socket);
        StartTime = Process.WaitUntilReady();
    }

    /// <summary>
    /// Leaves the data for whoever looks into a failure, and says where: where it is, or in a copy, if the place goes
    /// with the test.
    /// </summary>
    public string KeepData()
    {
        if (!_placed)
        {
            _kept = true;
            return DataDirectory;
        }

        string copy = Directory.CreateTempSubdirectory("gmf-kvstore-tests-").FullName;
        Tool.Run("cp", ["-r", "--sparse=always", DataDirectory, copy]);
        return copy;
    }

    public void Dispose()
    {
        Process?.Dispose();
        if (!_kept)
        {
            _directory.Dispose();
        }
    }
}
