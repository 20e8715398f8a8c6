using System.Diagnostics;
using System.Globalization;
using KvStore.Demo;

namespace GuestMemFs.Benchmarks.Servers;

/// <summary>One run of redis-benchmark against a server: what it did a second, and what that cost the server.</summary>
/// <param name="PerSecond">Requests a second, as redis-benchmark counts them.</param>
/// <param name="CpuMicroseconds">User and system time of the server a request, from /proc.</param>
internal sealed record RedisBenchmark(double PerSecond, double CpuMicroseconds)
{
    private const int Connections = 50;
    private const int ValueLength = 100;

    /// <summary>Keys that the requests are spread over, at random.</summary>
    public const int KeySpace = 1_000_000;

    public static RedisBenchmark Run(string executable, ServerProcess server, string test, int depth, long requests)
    {
        TimeSpan before = server.ProcessorTime;
        string[] arguments =
        [
            "-h", "127.0.0.1", "-p", $"{server.TcpEndPoint.Port}", "-t", test, "-P", $"{depth}", "-n", $"{requests}",
            "-c", $"{Connections}", "-d", $"{ValueLength}", "-r", $"{KeySpace}", "--csv",
        ];
        using Process process = Process.Start(new ProcessStartInfo(executable,
            arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        TimeSpan used = server.ProcessorTime - before;
        string? line = output.Split('\n').FirstOrDefault(l =>
            l.StartsWith($"\"{test}\"", StringComparison.OrdinalIgnoreCase));
        if (process.ExitCode != 0 || line is null)
        {
            throw new InvalidOperationException($"redis-benchmark {string.Join(' ', arguments)} " +
                $"against {server.Program.Name} ended with {process.ExitCode}:\n{output}\n{error.Result}");
        }

        return new RedisBenchmark(double.Parse(line.Split(',')[1].Trim('"'), CultureInfo.InvariantCulture),
            used.TotalMicroseconds / requests);
    }
}
