using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace GuestMemFs.HotPaths;

/// <summary>
/// Instructions an operation, counted by valgrind: what a run of many operations takes more than a run of few. The same
/// on a busy machine. What the processor makes of them is another matter, and valgrind's one has no AVX-512.
/// </summary>
internal sealed partial class InstructionCounts(string before, string after, string place)
{
    private const int Keys = 20_000;
    private const int Few = 50_000;
    private const int Many = 150_000;
    private static readonly string[] s_operations = ["get", "set", "increment", "remove+set"];

    /// <summary>Writes a table in Markdown. Returns 1 where an operation has more than 3 % more instructions.</summary>
    public int Run(TextWriter output)
    {
        bool slower = false;
        output.WriteLine("| instructions an operation | before | after | after / before | |");
        output.WriteLine("| --- | ---: | ---: | ---: | --- |");
        foreach (string operation in s_operations)
        {
            double[] counts = new double[2];
            Parallel.For(0, 2, side => counts[side] = Count(side == 0 ? before : after, operation));
            double ratio = counts[1] / counts[0];
            slower |= ratio > 1.03;
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {operation} | {counts[0]:F0} | {counts[1]:F0} | {ratio:F3} " +
                $"| {(ratio > 1.03 ? "**more**" : ratio < 0.97 ? "fewer" : "")} |"));
        }

        return slower ? 1 : 0;
    }

    private double Count(string program, string operation) =>
        (double)(Total(program, operation, Many) - Total(program, operation, Few)) / (Many - Few);

    private long Total(string program, string operation, int count)
    {
        DirectoryInfo directory = Directory.CreateDirectory(Path.Combine(place, Guid.NewGuid().ToString("N")));
        try
        {
            // valgrind cannot read the symbols, so the program runs where they are not.
            string alone = Path.Combine(directory.FullName, "HotPaths");
            File.Copy(program, alone);
            string[] arguments = ["--tool=callgrind", $"--callgrind-out-file={Path.Combine(directory.FullName, "out")}",
                alone, "dictionary", Path.Combine(directory.FullName, "arena"), $"{Keys}"];
            using Process process = Process.Start(new ProcessStartInfo("valgrind",
                arguments) { RedirectStandardInput = true, RedirectStandardOutput = true,
                    RedirectStandardError = true })!;
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            process.StandardInput.WriteLine($"{operation} 1 {count} 1");
            process.StandardInput.Close();
            string error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Match collected = Collected().Match(error);
            return process.ExitCode == 0 && collected.Success
                ? long.Parse(collected.Groups[1].Value, CultureInfo.InvariantCulture)
                : throw new InvalidOperationException(
                    $"valgrind ended with {process.ExitCode}: {error}{output.Result}");
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [GeneratedRegex(@"Collected : (\d+)")]
    private static partial Regex Collected();
}
