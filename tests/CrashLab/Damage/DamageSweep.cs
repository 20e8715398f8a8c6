using System.Globalization;

namespace GuestMemFs.CrashLab.Damage;

/// <summary>What a sweep saw.</summary>
internal sealed class SweepResult
{
    public long Trials { get; set; }

    /// <summary>How often each part of the metadata came to each end.</summary>
    public SortedDictionary<string, long> Outcomes { get; } = new(StringComparer.Ordinal);

    public List<string> Failures { get; } = [];

    /// <summary>
    /// The checks that found something (file:line and the image), and some of the trials in which they did.
    /// </summary>
    public SortedDictionary<string, string> Places { get; } = new(StringComparer.Ordinal);

    /// <summary>Takes in a line of a child's output.</summary>
    public void Take(string line, string image)
    {
        if (line.StartsWith("failure ", StringComparison.Ordinal))
        {
            Failures.Add($"{image}: {line[8..]}");
        }
        else if (line.StartsWith("place ", StringComparison.Ordinal))
        {
            string[] parts = line.Split(' ');
            Places.Add($"{parts[1]} {image}", parts[2]);
        }
        else if (line.StartsWith("outcome ", StringComparison.Ordinal))
        {
            int space = line.IndexOf(' ', 8);
            long count = long.Parse(line[8..space], CultureInfo.InvariantCulture);
            Trials += count;
            Outcomes[line[(space + 1)..]] = Outcomes.GetValueOrDefault(line[(space + 1)..]) + count;
        }
    }
}

/// <summary>
/// The parent of a sweep: runs the trials in children, and names the byte that one died of.
/// </summary>
internal static class DamageSweep
{
    private const int MaximumDeaths = 20;

    /// <summary>Damages an image byte by byte, in two children side by side.</summary>
    /// <param name="image">Its name.</param>
    /// <param name="seed">Which bits are flipped, which values are random, which empty buckets are left out.</param>
    /// <param name="stride">Of the empty buckets of the second dictionary every so many bytes are looked at; 1 for all.
    /// With 0 no empty bucket is.</param>
    /// <param name="most">No more trials than this, evenly taken from all.</param>
    public static SweepResult Run(string image, int seed, int stride, long most = long.MaxValue)
    {
        long count = DamageRunner.Count(image, seed, stride);
        long step = Math.Max(1, count / most);
        SweepResult[] halves = new SweepResult[2];
        Parallel.For(0, halves.Length, i =>
            halves[i] = Run(image, seed, stride, count * i / halves.Length, count * (i + 1) / halves.Length, step));
        foreach ((string outcome, long times) in halves[1].Outcomes)
        {
            halves[0].Outcomes[outcome] = halves[0].Outcomes.GetValueOrDefault(outcome) + times;
        }

        foreach ((string place, string trials) in halves[1].Places)
        {
            halves[0].Places[place] = halves[0].Places.TryGetValue(place, out string? before) ? $"{before},{trials}"
                : trials;
        }

        halves[0].Failures.AddRange(halves[1].Failures);
        halves[0].Trials += halves[1].Trials;
        return halves[0];
    }

    /// <summary>
    /// True where one of the trials fails, ends the child or makes it hang, with a check switched off.
    /// </summary>
    public static bool FailsWithout(string image, int seed, int stride, string place, string trials)
    {
        SweepResult result = new();
        string progress = Path.Combine(Path.GetTempPath(), $"gmf-damage-{Environment.ProcessId}-{Guid.NewGuid():N}");
        try
        {
            return RunChild(image, Numbers(seed, 0, int.MaxValue, stride, 1), progress, place, trials,
                result) is not null || result.Failures.Count > 0;
        }
        finally
        {
            File.Delete(progress);
        }
    }

    private static SweepResult Run(string image, int seed, int stride, long first, long last, long step)
    {
        SweepResult result = new();
        string progress = Path.Combine(Path.GetTempPath(), $"gmf-damage-{Environment.ProcessId}-{Guid.NewGuid():N}");
        try
        {
            for (int deaths = 0; deaths < MaximumDeaths; deaths++)
            {
                if (RunChild(image, Numbers(seed, first, last, stride, step), progress, "", "", result) is not { } end)
                {
                    return result;
                }

                long at = (uint)Progress(progress);
                result.Failures.Add($"{image}: {DamageRunner.Describe(image, seed, stride, at)}: {end}");
                first = at + step;
            }

            return result;
        }
        finally
        {
            File.Delete(progress);
        }
    }

    /// <summary>Runs a child to its end; says how that was, where it was none.</summary>
    private static string? RunChild(
        string image, string[] numbers, string progress, string weakened, string trials, SweepResult result)
    {
        File.WriteAllBytes(progress, new byte[sizeof(long)]);
        return DamageChild.Run(["damage", image, .. numbers, progress, weakened, .. trials.Length == 0 ? []
            : new[] { trials }], () => Progress(progress), line => result.Take(line, image));
    }

    /// <summary>0 where no trial is under way, else its number with a mark above it.</summary>
    private static long Progress(string file)
    {
        byte[] bytes = File.ReadAllBytes(file);
        return bytes.Length < 8 ? 0 : BitConverter.ToInt64(bytes);
    }

    private static string[] Numbers(params long[] numbers) =>
        [.. numbers.Select(number => number.ToString(CultureInfo.InvariantCulture))];
}
