namespace KvStore.Demo;

/// <summary>
/// Where the demo plays: what it prints, and the servers and data that must be gone when it is over, however it ends.
/// </summary>
internal sealed class Scene(TextWriter output, bool terminal, CancellationToken stop) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<ServerProcess> _servers = [];
    private readonly List<Action> _cleanUps = [];
    private bool _ended;

    public CancellationToken Stop => stop;

    public void Say(string line) => output.WriteLine(line);

    public ProgressBar Progress(string unit, long total) => new(output, unit, total, terminal);

    /// <summary>Has something done at the end, after the servers are gone: deleting their data.</summary>
    public void AtEnd(Action cleanUp) => _cleanUps.Add(cleanUp);

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

        _cleanUps.ForEach(cleanUp => cleanUp());
    }
}
