namespace KvStore.Demo;

/// <summary>
/// How a server of the Redis protocol is started. The demo, the tests and the benchmarks run KvStore and others by the
/// same code.
/// </summary>
/// <param name="Name">What tables call it.</param>
/// <param name="Executable">The program's path.</param>
/// <param name="Arguments">The arguments, for a directory of data, a TCP port and a unix socket's path (null:
/// none).</param>
internal sealed record ServerProgram(
    string Name, string Executable, Func<string, int, string?, IReadOnlyList<string>> Arguments)
{
    /// <summary>Environment variables to set for it.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>KvStore, by its executable or its <c>KvStore.dll</c>.</summary>
    /// <param name="executable">The path; a dll is run by <c>dotnet</c>.</param>
    /// <param name="more">More arguments, as <c>--size 4G</c>.</param>
    public static ServerProgram KvStore(string executable, params string[] more)
    {
        bool dll = executable.EndsWith(".dll", StringComparison.Ordinal);
        return new ServerProgram("KvStore", dll ? "dotnet" : executable, (directory, port, socket) =>
        [
            .. dll ? [executable] : Array.Empty<string>(),
            "--bind", "127.0.0.1",
            "--port", $"{port}",
            "--arena", directory,
            .. socket is null ? Array.Empty<string>() : ["--unixsocket", socket],
            .. more,
        ])
        {
            // The runtime's diagnostics have sockets in the temporary folder, which a killed process leaves there.
            Environment = new Dictionary<string, string> { ["DOTNET_EnableDiagnostics"] = "0" },
        };
    }

    /// <summary>redis-server. Without more arguments it keeps nothing but what SAVE writes.</summary>
    public static ServerProgram Redis(string executable, params string[] more) =>
        new("redis-server", executable, (directory, port, socket) =>
    [
        "--bind", "127.0.0.1",
        "--port", $"{port}",
        "--dir", directory,
        "--save", "",
        .. socket is null ? Array.Empty<string>() : ["--unixsocket", socket],
        .. more,
    ]);

    /// <summary>The path of a program on PATH, or null.</summary>
    public static string? Find(string name) =>
        (System.Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(directory => Path.Combine(directory, name))
            .FirstOrDefault(File.Exists);
}
