using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.CrashLab.Damage;

/// <summary>
/// The child process of a sweep: damages one byte after the other, in the four ways. A shared file says at which it is, so that the parent can name the byte that ended it.
/// </summary>
internal static class DamageRunner
{
    public const int Kinds = 4;

    private const int MaximumFailures = 40;

    /// <summary>What one trial is and comes to: to look into a failure.</summary>
    public static int Show(string[] arguments)
    {
        Console.WriteLine(Describe(arguments[0], int.Parse(arguments[1], CultureInfo.InvariantCulture), int.Parse(arguments[2], CultureInfo.InvariantCulture), long.Parse(arguments[3], CultureInfo.InvariantCulture)));
        return 0;
    }

    /// <summary>image, seed, first, last (exclusive), stride of the sampled parts, progress file.</summary>
    public static int Run(string[] arguments)
    {
        DamageImage image = DamageImage.Build(arguments[0]);
        int seed = int.Parse(arguments[1], CultureInfo.InvariantCulture);
        List<(long Offset, int Kind, string What)> trials = Trials(image, seed, int.Parse(arguments[4], CultureInfo.InvariantCulture));
        int first = int.Parse(arguments[2], CultureInfo.InvariantCulture);
        int last = Math.Min(trials.Count, int.Parse(arguments[3], CultureInfo.InvariantCulture));
        using SafeFileHandle progress = File.OpenHandle(arguments[5], FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite);
        Console.WriteLine($"trials {trials.Count}");
        SortedDictionary<string, int> outcomes = new(StringComparer.Ordinal);
        int failures = 0;
        using DamageTrial trial = new(image);
        for (int i = first; i < last && failures < MaximumFailures; i++)
        {
            RandomAccess.Write(progress, MemoryMarshal.AsBytes([(long)i]), 0);
            (long offset, int kind, string what) = trials[i];
            byte good = image.Image.Bytes[offset];
            byte bad = Damaged(good, offset, kind, seed);
            if (good == bad)
            {
                continue;
            }

            trial.Bytes[(int)offset] = bad;
            string outcome;
            try
            {
                outcome = trial.Run();
            }
            catch (Exception error)
            {
                failures++;
                outcome = "FAILED";
                Console.WriteLine($"failure {Name(trials[i], good, bad)}: {(error is DamageFailure ? "" : error.GetType().Name + ": ")}{error.Message.ReplaceLineEndings(" ")}{(error is DamageFailure ? "" : " " + (error.StackTrace ?? "").ReplaceLineEndings(" "))}");
            }

            trial.Bytes[(int)offset] = good;
            outcomes[$"{what}: {outcome}"] = outcomes.GetValueOrDefault($"{what}: {outcome}") + 1;
        }

        RandomAccess.Write(progress, MemoryMarshal.AsBytes([(long)last]), 0);
        foreach ((string outcome, int count) in outcomes)
        {
            Console.WriteLine($"outcome {count} {outcome}");
        }

        return 0;
    }

    /// <summary>The name of a trial, for the parent to tell which one ended the child.</summary>
    public static string Describe(string imageName, int seed, int stride, long index)
    {
        DamageImage image = DamageImage.Build(imageName);
        var trial = Trials(image, seed, stride)[(int)index];
        byte good = image.Image.Bytes[trial.Offset];
        return Name(trial, good, Damaged(good, trial.Offset, trial.Kind, seed));
    }

    private static string Name((long Offset, int Kind, string What) trial, byte good, byte bad) =>
        $"{trial.What}, byte {trial.Offset} (0x{good:X2} to 0x{bad:X2}, trial kind {trial.Kind})";

    /// <summary>One flipped bit, zero, all ones, random.</summary>
    private static byte Damaged(byte good, long offset, int kind, int seed) => kind switch
    {
        0 => (byte)(good ^ (1 << (int)((offset + seed) & 7))),
        1 => 0,
        2 => 0xFF,
        _ => (byte)new Random(HashCode(offset, seed)).Next(256),
    };

    private static int HashCode(long offset, int seed) => unchecked((int)((offset + 1) * 0x9E37_79B1) ^ seed * 7919);

    /// <summary>All four kinds for every byte of metadata; of empty buckets, where they are many, a sample of some kinds.</summary>
    private static List<(long Offset, int Kind, string What)> Trials(DamageImage image, int seed, int stride)
    {
        List<(long, int, string)> trials = [];
        int segments = 0;
        foreach ((string what, long start, int length) in image.Metadata)
        {
            segments += what == "segment" ? 1 : 0;
            for (int i = 0; i < length; i++)
            {
                bool emptyBucket = what == "segment" && i >= 64 && image.Image.Bytes.AsSpan((int)(start + (i & ~63)), 56).IndexOfAnyExcept((byte)0) < 0;
                if (emptyBucket && segments > 1 && (i + seed) % stride != 0)
                {
                    continue; // the second dictionary's: as the first's
                }

                for (int kind = 0; kind < Kinds; kind++)
                {
                    if (!emptyBucket || kind == 3 || stride == 1 || (i + kind) % 3 == 0)
                    {
                        trials.Add((start + i, kind, what));
                    }
                }
            }
        }

        return trials;
    }
}
