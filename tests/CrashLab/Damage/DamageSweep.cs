using System.Diagnostics;
using System.Globalization;

namespace GuestMemFs.CrashLab.Damage;

/// <summary>What a sweep saw.</summary>
internal sealed class SweepResult
{
    public long Trials { get; set; }

    /// <summary>How often each part of the metadata came to each end.</summary>
    public SortedDictionary<string, long> Outcomes { get; } = new(StringComparer.Ordinal);

    public List<string> Failures { get; } = [];
}

/// <summary>
/// The parent of a sweep: runs the trials in children, since a wild pointer ends a process; watches that each comes to an end within a second, and names the byte
/// that a child died of.
/// </summary>
internal static class DamageSweep
{
    private const int MaximumDeaths = 20;

    /// <summary>Processor time of one trial above which it hangs; the wall clock of a busy machine says little.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(1);

    public static SweepResult Run(string image, int seed, int stride, params string[] further)
    {
        SweepResult result = new();
        string progress = Path.Combine(Path.GetTempPath(), $"gmf-damage-{Environment.ProcessId}-{Guid.NewGuid():N}");
        try
        {
            long first = 0;
            for (int deaths = 0; deaths < MaximumDeaths; deaths++)
            {
                if (RunChild(image, seed, stride, first, progress, result, further) is not { } end)
                {
                    return result;
                }

                long at = Progress(progress);
                result.Failures.Add($"{image}: {DamageRunner.Describe(image, seed, stride, at)}: {end}");
                first = at + 1;
            }

            return result;
        }
        finally
        {
            File.Delete(progress);
        }
    }

    /// <summary>Runs a child to its end; says how that was, where it was none.</summary>
    private static string? RunChild(string image, int seed, int stride, long first, string progress, SweepResult result, string[] further)
    {
        File.WriteAllBytes(progress, BitConverter.GetBytes(first));
        ProcessStartInfo start = new(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(DamageSweep).Assembly.Location);
        }

        foreach (string argument in (string[])["damage", image, .. Numbers(seed, first, int.MaxValue, stride), progress, .. further])
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        using Process child = Process.Start(start)!;
        child.ErrorDataReceived += (_, _) => { };
        child.BeginErrorReadLine();
        bool hung = false;
        long watched = -1;
        TimeSpan since = default;
        using Timer watch = new(_ =>
        {
            try
            {
                long at = Progress(progress);
                TimeSpan used = child.TotalProcessorTime;
                if (at != watched)
                {
                    (watched, since) = (at, used);
                }
                else if (used - since > s_limit && at > first)
                {
                    hung = true;
                    child.Kill();
                }
            }
            catch (Exception error) when (error is InvalidOperationException or System.ComponentModel.Win32Exception)
            {
                // It has ended between two looks.
            }
        }, null, 250, 250);
        while (child.StandardOutput.ReadLine() is { } line)
        {
            Take(line, image, result);
        }

        child.WaitForExit();
        return hung ? "hangs" : child.ExitCode != 0 ? $"ended the process with {child.ExitCode}" : null;
    }

    private static void Take(string line, string image, SweepResult result)
    {
        if (line.StartsWith("failure ", StringComparison.Ordinal))
        {
            result.Failures.Add($"{image}: {line[8..]}");
        }
        else if (line.StartsWith("outcome ", StringComparison.Ordinal))
        {
            int space = line.IndexOf(' ', 8);
            long count = long.Parse(line[8..space], CultureInfo.InvariantCulture);
            result.Trials += count;
            result.Outcomes[line[(space + 1)..]] = result.Outcomes.GetValueOrDefault(line[(space + 1)..]) + count;
        }
    }

    private static long Progress(string file)
    {
        byte[] bytes = File.ReadAllBytes(file);
        return bytes.Length < 8 ? 0 : BitConverter.ToInt64(bytes);
    }

    private static string[] Numbers(params long[] numbers) => [.. numbers.Select(number => number.ToString(CultureInfo.InvariantCulture))];
}
