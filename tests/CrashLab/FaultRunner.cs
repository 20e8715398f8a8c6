using System.Diagnostics;
using System.Globalization;
using GuestMemFs.Format;

namespace GuestMemFs.CrashLab;

/// <summary>
/// Runs scenes of the lab with one seeded fault after the other. It is the child process of
/// <see cref="SeededFaultTests"/>: a fault may end it with a segmentation fault, and that is as good a way as any of
/// being caught.
/// </summary>
internal static class FaultRunner
{
    /// <summary>In place of the scenes' numbers: all of them.</summary>
    public const string All = "all";

    /// <summary>
    /// Without faults: prints the places where the scenes store and call, each with the scenes that come to it, the
    /// shortest first. With faults ("store|file|line|kind|scenes" or "call|place|scenes"): prints the outcome of each.
    /// </summary>
    public static int Run(string[] arguments)
    {
        FaultWorkload workload = FaultWorkload.Of(arguments[0]);
        string[] faults = arguments[1..];
        if (faults.Length == 0)
        {
            PrintPlaces(workload);
            return 0;
        }

        foreach (string fault in faults)
        {
            Console.WriteLine($"begin {fault}");
            Console.Out.Flush();
            Console.WriteLine(Outcome(fault.Split('|'), workload.Scenes));
        }

        return 0;
    }

    private static void PrintPlaces(FaultWorkload workload)
    {
        SortedDictionary<string, List<int>> places = new(StringComparer.Ordinal);
        long[] times = new long[workload.Scenes.Count];
        for (int i = 0; i < times.Length; i++)
        {
            SeededFault.Places = [];
            CallFault.Places = [];
            long begin = Stopwatch.GetTimestamp();
            workload.Scenes[i].Run();
            times[i] = Stopwatch.GetTimestamp() - begin;
            foreach ((string file, int line, PlaceKind kind) in SeededFault.Places.Keys)
            {
                if (workload.IsPlace(file))
                {
                    Note(places, $"store|{file}|{line}|{kind}", i);
                }
            }

            foreach (string place in CallFault.Places)
            {
                Note(places, $"call|{place}", i);
            }
        }

        foreach ((string place, List<int> scenes) in places)
        {
            Console.WriteLine($"place {place}|{string.Join(',', scenes.OrderBy(scene => times[scene]))}");
        }
    }

    private static void Note(SortedDictionary<string, List<int>> places, string place, int scene)
    {
        places.TryAdd(place, []);
        places[place].Add(scene);
    }

    private static string Outcome(string[] parts, IReadOnlyList<FaultScene> scenes)
    {
        SeededFault? fault = parts[0] == "store"
            ? new(parts[1], int.Parse(parts[2], CultureInfo.InvariantCulture), Enum.Parse<FaultKind>(parts[3])) : null;
        string? call = parts[0] == "call" ? parts[1] : null;
        CallFault.Strikes = 0;
        string outcome = "missed";
        foreach (FaultScene scene in parts[^1] == All ? scenes
            : parts[^1].Split(',').Select(number => scenes[int.Parse(number, CultureInfo.InvariantCulture)]))
        {
            (SeededFault.Active, CallFault.Active) = (fault, call);
            Checksum.Shortened = parts[0] == "checksum";
            try
            {
                scene.Run();
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                outcome = $"caught by {scene.Name}: {error.Message.ReplaceLineEndings(" ")}";
                break;
            }
        }

        (SeededFault.Active, CallFault.Active, Checksum.Shortened) = (null, null, false);
        return parts[0] == "checksum" || (fault?.Strikes ?? CallFault.Strikes) > 0 ? outcome : "never";
    }
}
