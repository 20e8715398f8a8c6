using System.Diagnostics;
using System.Globalization;

namespace GuestMemFs.HotPaths;

/// <summary>
/// One commit's program, running twice: as a dictionary that is told what to do, and as a server. Each has an arena of
/// its own.
/// </summary>
internal sealed class Side : IDisposable
{
    public const int ServerKeys = 200_000;
    private readonly string _directory;
    private readonly Process _worker;
    private readonly Process _server;
    private readonly Client? _client;

    /// <param name="program">The program.</param>
    /// <param name="directory">A directory to be made, for its arenas and its socket.</param>
    /// <param name="keys">Keys in the dictionary.</param>
    public Side(string program, string directory, int keys)
    {
        _directory = directory;
        Directory.CreateDirectory(directory);
        string socket = Path.Combine(directory, "socket");
        _worker = Start(program, "dictionary", Path.Combine(directory, "dictionary"),
            keys.ToString(CultureInfo.InvariantCulture));
        _server = Start(program, "server", "--arena", Path.Combine(directory, "server"), "--port", "0", "--unixsocket",
            socket, "--size", "256M");
        _server.OutputDataReceived += (_, _) => { };
        _server.BeginOutputReadLine();
        try
        {
            _client = new Client(socket, ServerKeys);
            Expect("ready");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Processor nanoseconds an operation.</summary>
    public double Dictionary(string operation, int threads, int count, ulong seed)
    {
        _worker.StandardInput.WriteLine($"{operation} {threads} {count} {seed}");
        _worker.StandardInput.Flush();
        string line = _worker.StandardOutput.ReadLine()
            ?? throw new InvalidOperationException(
                $"The dictionary's process ended: {_worker.StandardError.ReadToEnd()}");
        return double.Parse(line, CultureInfo.InvariantCulture) / ((double)count * threads);
    }

    /// <summary>Processor nanoseconds of the server a request.</summary>
    public double Server(Request request, int depth, int rounds)
    {
        long before = RunTime(_server.Id);
        int requests = _client!.Run(request, depth, rounds);
        return (double)(RunTime(_server.Id) - before) / requests;
    }

    public void Dispose()
    {
        _client?.Dispose();
        foreach (Process process in new[] { _worker, _server })
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
        }

        Directory.Delete(_directory, recursive: true);
    }

    private static Process Start(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true,
            RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        return Process.Start(start)!;
    }

    // What the scheduler has counted for each thread, in nanoseconds.
    private static long RunTime(int process) => Directory.EnumerateDirectories($"/proc/{process}/task")
        .Sum(task => long.Parse(File.ReadAllText(Path.Combine(task, "schedstat")).Split(' ')[0],
            CultureInfo.InvariantCulture));

    private void Expect(string word)
    {
        string? line = _worker.StandardOutput.ReadLine();
        if (line != word)
        {
            throw new InvalidOperationException(
                $"The dictionary's process said '{line}': {_worker.StandardError.ReadToEnd()}");
        }
    }
}
