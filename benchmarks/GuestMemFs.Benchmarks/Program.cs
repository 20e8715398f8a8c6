using System.Globalization;
using BenchmarkDotNet.Running;
using GuestMemFs.Benchmarks.Library;
using GuestMemFs.Benchmarks.Machines;
using GuestMemFs.Support.Reports;
using GuestMemFs.Benchmarks.Servers;

if (args is ["pauses"])
{
    Pauses.Run(Console.Out);
    return 0;
}

if (args is ["snapshots"])
{
    Snapshots.Run(Console.Out);
    return 0;
}

if (args is ["erasure"])
{
    Erasure.Run(Console.Out);
    return 0;
}

if (args is ["sorted", .. var sorted])
{
    SortedMaps.Run(sorted is [var count] ? int.Parse(count, CultureInfo.InvariantCulture) : 1_000_000, Console.Out);
    return 0;
}

if (args is ["log", .. var log])
{
    Logs.Run(log is [var entries] ? int.Parse(entries, CultureInfo.InvariantCulture) : 1_000_000, Console.Out);
    return 0;
}

if (args is ["elements"])
{
    Elements.Run(Console.Out);
    return 0;
}

if (args is ["checksums"])
{
    ChecksumCost.Run(Console.Out);
    return 0;
}

if (args is ["regions", .. var arena])
{
    if (arena is [var directory])
    {
        ManyRegions.Open(directory, Console.Out);
    }
    else
    {
        ManyRegions.Run(Console.Out);
    }

    return 0;
}

if (args is ["refusals", var medium])
{
    return Refusals.Run(medium, Console.Out);
}

if (args is ["machines", .. var plot])
{
    return MachineComparison.Run(plot is ["--svg", var file] ? file : null, Console.Out);
}

if (args is not ["servers", .. var rest])
{
    BenchmarkSwitcher.FromAssembly(typeof(Table).Assembly).Run(args);
    return 0;
}

try
{
    ComparisonOptions options = ComparisonOptions.Parse(rest);
    IReadOnlyList<Candidate> candidates = Candidate.Find(options);
    if (candidates.Count == 0)
    {
        Console.Error.WriteLine($"There is no server to measure in {options.Folder}: run benchmarks/servers/run.");
        return 2;
    }

    if (options.Runs("throughput"))
    {
        Throughput.Run(options, candidates, Console.Out);
    }

    if (options.Runs("restart"))
    {
        Restart.Run(options, candidates, Console.Out);
    }

    if (options.Parts.Contains("fragmentation"))
    {
        Fragmentation.Run(options, Console.Out);
    }

    return 0;
}
catch (FormatException e)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}
catch (Exception e) when (e is InvalidOperationException or TimeoutException or IOException)
{
    Console.Error.WriteLine($"The comparison failed: {e.Message}");
    return 1;
}
