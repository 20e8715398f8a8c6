using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace GuestMemFs.HotPaths;

/// <summary>
/// Instructions an operation, counted by valgrind: what a run of many operations takes more than a run of few. The same
/// on a busy machine. What the processor makes of them is another matter, and valgrind's one has no AVX-512.
/// </summary>
/// <param name="before">One program.</param>
/// <param name="after">The other.</param>
/// <param name="place">A directory for arenas.</param>
/// <param name="names">Parts of the names of what is counted; none for all.</param>
internal sealed partial class InstructionCounts(string before, string after, string place, string[] names)
{
    private const int Keys = 20_000;
    private const int Few = 50_000;
    private const int Many = 150_000;
    private const int Depth = 50;
    private static readonly string[] s_operations = ["get", "set", "increment", "remove+set"];

    private static readonly Request[] s_requests =
        [Request.Get, Request.Set, Request.Increment, Request.Append, Request.SetField];

    /// <summary>Writes a table in Markdown. Returns 1 where an operation has more than 3 % more instructions.</summary>
    public int Run(TextWriter output)
    {
        bool slower = false;
        output.WriteLine("| instructions an operation | before | after | after / before | |");
        output.WriteLine("| --- | ---: | ---: | ---: | --- |");
        foreach ((string name, Func<string, int, long> total) in Cases().Where(it => names.Length == 0
            || names.Any(part => it.Name.Contains(part, StringComparison.OrdinalIgnoreCase))))
        {
            double[] counts = new double[2];
            Parallel.For(0, 2, side => counts[side] = Count(side == 0 ? before : after, total));
            double ratio = counts[1] / counts[0];
            slower |= ratio > 1.03;
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {name} | {counts[0]:F0} | {counts[1]:F0} | {ratio:F3} " +
                $"| {(ratio > 1.03 ? "**more**" : ratio < 0.97 ? "fewer" : "")} |"));
        }

        return slower ? 1 : 0;
    }

    private IEnumerable<(string Name, Func<string, int, long> Total)> Cases() =>
    [
        .. s_operations.Select(operation => (operation, Total(arena => ["dictionary", arena, $"{Keys}"],
            (process, _, count) =>
            {
                process.StandardInput.WriteLine($"{operation} 1 {count} 1");
                process.StandardInput.Close();
            }))),
        .. s_requests.Select(request => ($"KvStore {request.Name}", Total(
            arena => ["server", "--arena", arena, "--port", "0", "--unixsocket", $"{arena}.sock", "--size", "256M"],
            (_, arena, count) => Serve($"{arena}.sock", request, count)))),
    ];

    private static void Serve(string socket, Request request, int count)
    {
        using var client = new Client(socket, Keys);
        if (request == Request.Increment)
        {
            client.Fill(Request.SetCounter);
        }

        client.Run(request, Depth, count / (Depth * Client.Connections));
        client.ShutDown();
    }

    private static double Count(string program, Func<string, int, long> total) =>
        (double)(total(program, Many) - total(program, Few)) / (Many - Few);

    // All instructions of a program that is asked for so many operations.
    private Func<string, int, long> Total(Func<string, string[]> arguments, Action<Process, string, int> ask) =>
        (program, count) =>
        {
            DirectoryInfo directory = Directory.CreateDirectory(Path.Combine(place, Guid.NewGuid().ToString("N")));
            try
            {
                // valgrind cannot read the symbols, so the program runs where they are not.
                string alone = Path.Combine(directory.FullName, "HotPaths");
                File.Copy(program, alone);
                string arena = Path.Combine(directory.FullName, "arena");
                using Process process = Process.Start(new ProcessStartInfo(
                    "valgrind",
                    ["--tool=callgrind", $"--callgrind-out-file={Path.Combine(directory.FullName, "out")}", alone,
                        .. arguments(arena)])
                    { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
                Task<string> output = process.StandardOutput.ReadToEndAsync();
                Task<string> error = process.StandardError.ReadToEndAsync();
                ask(process, arena, count);
                process.WaitForExit();
                Match collected = Collected().Match(error.Result);
                return process.ExitCode == 0 && collected.Success
                    ? long.Parse(collected.Groups[1].Value, CultureInfo.InvariantCulture)
                    : throw new InvalidOperationException(
                        $"valgrind ended with {process.ExitCode}: {error.Result}{output.Result}");
            }
            finally
            {
                directory.Delete(recursive: true);
            }
        };

    [GeneratedRegex(@"Collected : (\d+)")]
    private static partial Regex Collected();
}
