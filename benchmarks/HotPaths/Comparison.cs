using System.Diagnostics;
using System.Globalization;

namespace GuestMemFs.HotPaths;

/// <summary>How long and on how much data two programs are compared.</summary>
internal sealed record ComparisonOptions(int Launches, int Rounds, int Keys)
{
    public static ComparisonOptions Parse(string[] options)
    {
        var result = new ComparisonOptions(4, 8, 500_000);
        for (int i = 0; i + 1 < options.Length; i += 2)
        {
            int number = int.Parse(options[i + 1], CultureInfo.InvariantCulture);
            result = options[i] switch
            {
                "--launches" => result with { Launches = number },
                "--rounds" => result with { Rounds = number },
                "--keys" => result with { Keys = number },
                _ => throw new ArgumentException($"There is no option {options[i]}: --launches, --rounds, --keys.",
                    nameof(options)),
            };
        }

        return result;
    }
}

/// <summary>
/// Two programs take turns in slices of some twenty milliseconds, A B B A: what disturbs one disturbs the other. What
/// counts is processor time an operation, not time on the clock, so a busy machine makes it noisier and not wrong. Each
/// launch starts both anew, on new memory; the spread of the launches' ratios is what a ratio is worth.
/// </summary>
internal sealed class Comparison(string before, string after, string place, ComparisonOptions options)
{
    private const double SliceNanoseconds = 20e6;
    private static readonly int[] s_threads = [1, 2];
    private static readonly int[] s_depths = [1, 16];
    private static readonly Request[] s_requests = [Request.Get, Request.Set];
    private static readonly string[] s_operations = ["get", "set", "increment", "remove+set"];
    private static readonly Case[] s_cases = [.. DictionaryCases(), .. ServerCases()];

    private readonly List<double>[] _before = [.. s_cases.Select(_ => new List<double>())];
    private readonly List<double>[] _after = [.. s_cases.Select(_ => new List<double>())];
    private readonly List<double>[] _ratios = [.. s_cases.Select(_ => new List<double>())];

    /// <summary>
    /// Writes a table in Markdown. Returns 1 where a hot path is more than 3 % slower in every launch.
    /// </summary>
    public int Run(TextWriter output)
    {
        long start = Stopwatch.GetTimestamp();
        for (int launch = 0; launch < options.Launches; launch++)
        {
            Launch(swapped: launch % 2 == 1);
        }

        bool slower = Write(output);
        output.WriteLine();
        output.WriteLine($"{options.Launches} launches of {options.Rounds} rounds " +
            $"in {Stopwatch.GetElapsedTime(start).TotalSeconds:F0} s; " +
            $"load {File.ReadAllText("/proc/loadavg").Split(' ')[0]} on {Environment.ProcessorCount} processors.");
        return slower ? 1 : 0;
    }

    private static IEnumerable<Case> DictionaryCases() =>
        from threads in s_threads
        from operation in s_operations
        select new Case($"{operation}, {threads} thread{(threads > 1 ? "s" : "")}",
            (side, count, seed) => side.Dictionary(operation, threads, count, seed));

    private static IEnumerable<Case> ServerCases() =>
        from depth in s_depths
        from request in s_requests
        select new Case($"{request.Name}, depth {depth}",
            (side, count, _) => side.Server(request, depth, Math.Max(1, count / (Client.Connections * depth))));

    private void Launch(bool swapped)
    {
        using var first = new Side(swapped ? after : before, Path.Combine(place, "a"), options.Keys);
        using var second = new Side(swapped ? before : after, Path.Combine(place, "b"), options.Keys);
        (Side old, Side renewed) = swapped ? (second, first) : (first, second);
        for (int c = 0; c < s_cases.Length; c++)
        {
            Func<Side, int, ulong, double> run = s_cases[c].Run;
            run(renewed, 2000, 1);
            int count = Math.Max(1000, (int)(SliceNanoseconds / run(old, 10_000, 1)));
            var ratios = new List<double>();
            for (int round = 0; round < options.Rounds; round++)
            {
                bool oldFirst = round % 2 == 0;
                double a = run(oldFirst ? old : renewed, count, (ulong)round);
                double b = run(oldFirst ? renewed : old, count, (ulong)round);
                (double was, double now) = oldFirst ? (a, b) : (b, a);
                _before[c].Add(was);
                _after[c].Add(now);
                ratios.Add(now / was);
            }

            _ratios[c].Add(Median(ratios));
        }
    }

    private bool Write(TextWriter output)
    {
        bool slower = false;
        output.WriteLine("| processor ns an operation | before | after | after / before | least and most of the " +
            "launches | |");
        output.WriteLine("| --- | ---: | ---: | ---: | ---: | --- |");
        for (int c = 0; c < s_cases.Length; c++)
        {
            double least = _ratios[c].Min();
            double most = _ratios[c].Max();
            slower |= least > 1.03;
            string verdict = least > 1.03 ? "**slower**" : most < 0.97 ? "faster" : "";
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {s_cases[c].Name} | {Median(_before[c]):F0} | {Median(_after[c]):F0} | {Median(_ratios[c]):F3} " +
                $"| {least:F3}–{most:F3} | {verdict} |"));
        }

        return slower;
    }

    private static double Median(List<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private sealed record Case(string Name, Func<Side, int, ulong, double> Run);
}
