namespace KvStore.Demo;

/// <summary>Where the demo plays: what it prints, and the servers and directories that must be gone when it is over, however it ends.</summary>
internal sealed class Scene(TextWriter output, bool terminal, CancellationToken stop) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<ServerProcess> _servers = [];
    private readonly List<string> _directories = [];
    private bool _ended;

    public CancellationToken Stop => stop;

    public void Say(string line) => output.WriteLine(line);

    public ProgressBar Progress(string unit, long total) => new(output, unit, total, terminal);

    /// <summary>A new directory that is deleted at the end.</summary>
    public string Directory(string parent, bool keep = false)
    {
        string path = Path.Combine(parent, $"kvstore-demo-{Environment.ProcessId}-{_directories.Count}");
        System.IO.Directory.CreateDirectory(path);
        if (!keep)
        {
            _directories.Add(path);
        }

        return path;
    }

    /// <summary>Starts a server that is ended at the end.</summary>
    public ServerProcess Start(ServerProgram program, string directory)
    {
        lock (_lock)
        {
            stop.ThrowIfCancellationRequested();
            var server = ServerProcess.Start(program, directory);
            _servers.Add(server);
            return server;
        }
    }

    /// <summary>Kills what still runs of the servers that were started here; nothing else. From any thread.</summary>
    public void EndServers()
    {
        lock (_lock)
        {
            foreach (ServerProcess server in _servers.Where(s => !_ended && !s.HasExited))
            {
                server.Kill();
            }
        }
    }

    public void Dispose()
    {
        EndServers();
        lock (_lock)
        {
            _ended = true;
            _servers.ForEach(server => server.Dispose());
        }

        foreach (string directory in _directories.Where(System.IO.Directory.Exists))
        {
            System.IO.Directory.Delete(directory, recursive: true);
        }
    }
}
