using KvStore.Demo;

namespace GuestMemFs.Benchmarks.Servers;

/// <summary>The servers and directories of a comparison; all are gone at its end.</summary>
internal sealed class Workplace(string parent) : IDisposable
{
    private readonly List<ServerProcess> _servers = [];
    private readonly List<string> _directories = [];

    /// <summary>A new directory.</summary>
    public string Directory()
    {
        string path = Path.Combine(parent, $"gmf-servers-{Environment.ProcessId}-{_directories.Count}");
        System.IO.Directory.CreateDirectory(path);
        _directories.Add(path);
        return path;
    }

    /// <summary>Starts a server on a directory, by default a new one.</summary>
    public ServerProcess Start(ServerProgram program, string? directory = null)
    {
        var server = ServerProcess.Start(program, directory ?? Directory());
        _servers.Add(server);
        return server;
    }

    public void Dispose()
    {
        _servers.ForEach(server => server.Dispose());
        foreach (string directory in _directories)
        {
            System.IO.Directory.Delete(directory, recursive: true);
        }
    }
}
