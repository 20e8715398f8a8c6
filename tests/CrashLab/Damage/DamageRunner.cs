using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using GuestMemFs.Format;
using GuestMemFs.Heap;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.CrashLab.Damage;

/// <summary>
/// The child process of a sweep: damages one byte after the other, in the four ways. A shared file says at which it is,
/// so that the parent can name the byte that ended it.
/// </summary>
internal static class DamageRunner
{
    public const int Kinds = 4;

    private const int MaximumFailures = 40;

    /// <summary>Trials that are named for a check that found something.</summary>
    private const int Shown = 80;

    /// <summary>What one trial is and comes to: to look into a failure.</summary>
    public static int Show(string[] arguments)
    {
        Console.WriteLine(Describe(arguments[0], int.Parse(arguments[1], CultureInfo.InvariantCulture),
            int.Parse(arguments[2], CultureInfo.InvariantCulture),
            long.Parse(arguments[3], CultureInfo.InvariantCulture)));
        return 0;
    }

    /// <summary>How many trials an image has.</summary>
    public static long Count(string imageName, int seed, int stride) =>
        Trials(DamageImage.Build(imageName), seed, stride).Count;

    /// <summary>
    /// image, seed, first, last (exclusive), stride of the sampled parts, step, progress file, the place whose check is
    /// off (file:line, or nothing).
    /// </summary>
    public static int Run(string[] arguments)
    {
        DamageImage image = DamageImage.Build(arguments[0]);
        int seed = int.Parse(arguments[1], CultureInfo.InvariantCulture);
        List<Trial> trials = Trials(image, seed, int.Parse(arguments[4], CultureInfo.InvariantCulture));
        int first = int.Parse(arguments[2], CultureInfo.InvariantCulture);
        int last = Math.Min(trials.Count, int.Parse(arguments[3], CultureInfo.InvariantCulture));
        int step = int.Parse(arguments[5], CultureInfo.InvariantCulture);
        string[] off = arguments[7].Split(':');
        Guard.Off = off.Length == 2 ? (off[0], int.Parse(off[1], CultureInfo.InvariantCulture)) : null;
        IEnumerable<int> chosen = arguments.Length > 8 ? arguments[8].Split(',').Select(text =>
            int.Parse(text, CultureInfo.InvariantCulture)) : Steps(trials, first, last, step);
        Dictionary<(string File, int Line), List<int>> places = [];
        using SafeFileHandle progress = File.OpenHandle(arguments[6], FileMode.OpenOrCreate, FileAccess.Write,
            FileShare.ReadWrite);
        SortedDictionary<string, int> outcomes = new(StringComparer.Ordinal);
        int failures = 0;
        using DamageTrial trial = new(image);
        string undamaged = trial.Run(largeGroup: true); // and all is compiled before the first trial is timed
        if (undamaged != "identical")
        {
            Console.WriteLine($"failure without any damage: {undamaged}");
        }

        foreach (int i in chosen)
        {
            if (failures >= MaximumFailures)
            {
                break;
            }

            Guard.Places = [];
            RandomAccess.Write(progress, MemoryMarshal.AsBytes([i + (1L << 32)]), 0);
            Trial one = trials[i];
            byte good = image.Image.Bytes[one.Offset];
            byte bad = Damaged(good, one.Offset, one.Kind, seed);
            if (one.Craft is null)
            {
                if (good == bad)
                {
                    continue;
                }

                trial.Bytes[(int)one.Offset] = bad;
            }
            else if (!one.Craft.UnderOpenHeap)
            {
                one.Craft.Apply(trial.Bytes);
            }

            string outcome;
            try
            {
                outcome = trial.Run(largeGroup: one.What == "group log",
                    one.Craft is { UnderOpenHeap: true } craft ? craft.Apply : null);
                one.RequirePromise(outcome, good, bad);
            }
            catch (Exception error)
            {
                failures++;
                outcome = "FAILED";
                Console.WriteLine($"failure {one.Name(good, bad)}: {DamageFailure.Of(error)}");
            }

            if (one.Craft is null)
            {
                trial.Bytes[(int)one.Offset] = good;
            }
            else
            {
                image.Image.Bytes.CopyTo(trial.Bytes);
            }

            foreach ((string File, int Line) place in Guard.Places)
            {
                places.TryAdd(place, []);
                places[place].Add(i);
            }

            outcomes[$"{one.What}: {outcome}"] = outcomes.GetValueOrDefault($"{one.What}: {outcome}") + 1;
        }

        RandomAccess.Write(progress, new byte[sizeof(long)], 0);
        foreach ((string outcome, int count) in outcomes)
        {
            Console.WriteLine($"outcome {count} {outcome}");
        }

        foreach (((string file, int line), List<int> at) in places)
        {
            int every = Math.Max(1, at.Count / Shown);
            Console.WriteLine(
                $"place {file}:{line} {string.Join(',', at.Where((_, index) => index % every == 0).Take(Shown))}");
        }

        return 0;
    }

    /// <summary>All crafted ones, and every so many of the others.</summary>
    private static IEnumerable<int> Steps(List<Trial> trials, int first, int last, int step)
    {
        for (int i = first; i < last; i += trials[i].Craft is null ? step : 1)
        {
            yield return i;
        }
    }

    /// <summary>The name of a trial, for the parent to tell which one ended the child.</summary>
    public static string Describe(string imageName, int seed, int stride, long index)
    {
        DamageImage image = DamageImage.Build(imageName);
        Trial trial = Trials(image, seed, stride)[(int)index];
        byte good = image.Image.Bytes[trial.Offset];
        return trial.Name(good, Damaged(good, trial.Offset, trial.Kind, seed));
    }

    /// <summary>One flipped bit, zero, all ones, random.</summary>
    public static byte Damaged(byte good, long offset, int kind, int seed) => kind switch
    {
        0 => (byte)(good ^ (1 << (int)((offset + seed) & 7))),
        1 => 0,
        2 => 0xFF,
        _ => (byte)new Random(HashCode(offset, seed)).Next(256),
    };

    private static int HashCode(long offset, int seed) => unchecked((int)((offset + 1) * 0x9E37_79B1) ^ seed * 7919);

    /// <summary>
    /// The crafted damages, then all four kinds for every byte of metadata; of empty buckets, where they are many, a
    /// sample of some kinds.
    /// </summary>
    private static List<Trial> Trials(DamageImage image, int seed, int stride)
    {
        List<Trial> trials = [.. DamageCraft.Of(image).Select(craft =>
            new Trial("crafted", 0, 0, craft.Promise, craft))];
        int segments = 0;
        foreach ((string what, long start, int length, Promise promise) in image.Metadata)
        {
            segments += what == "segment" ? 1 : 0;
            for (int i = 0; i < length; i++)
            {
                long at = start + i;
                bool emptyBucket = what == "segment" && promise == Promise.Nothing
                    && image.Image.Bytes.AsSpan((int)(at & ~63), 56).IndexOfAnyExcept((byte)0) < 0;
                if (emptyBucket && (stride == 0 || (segments > 2 && (i + seed) % stride != 0)))
                {
                    continue; // the second dictionary's are as the first's
                }

                for (int kind = 0; kind < Kinds; kind++)
                {
                    if (!emptyBucket || kind == 3 || stride == 1 || (i + kind) % 3 == 0)
                    {
                        trials.Add(new Trial(what, at, kind, promise, null));
                    }
                }
            }
        }

        return trials;
    }

    /// <summary>One damage: a byte in one of the four ways, or a crafted one.</summary>
    private sealed record Trial(string What, long Offset, int Kind, Promise Promise, DamageCraft? Craft)
    {
        public string Name(byte good, byte bad) => Craft is { } craft ? "crafted: " + craft.Name
            : $"{What}, byte {Offset} (0x{good:X2} to 0x{bad:X2}, trial kind {Kind})";

        /// <summary>
        /// One known feature more in the heap's header: it may have been cut between the bit and the checksum, and a
        /// heap that could have the feature is read as it is.
        /// </summary>
        private bool IsFeature(byte good, byte bad) =>
            What == "header" && Offset - HeapFormat.IncompatOffset is >= 0 and < sizeof(ulong) and var at
            && (good & bad) == good && BitOperations.IsPow2(good ^ bad)
            && (((ulong)bad << (int)(8 * at)) & ~HeapFormat.KnownIncompatible) == 0;

        /// <exception cref="DamageFailure">It was to be refused somewhere, and was not, or for another
        /// reason.</exception>
        public void RequirePromise(string outcome, byte good, byte bad)
        {
            if (IsFeature(good, bad) && outcome == "identical")
            {
                return;
            }

            string code = What == DamageImage.CheckedValue ? ReasonCodes.ValueDamaged : ReasonCodes.HeapDamaged;
            bool refused = outcome.StartsWith("refused at ", StringComparison.Ordinal)
                && outcome.EndsWith(code, StringComparison.Ordinal);
            bool kept = Promise switch
            {
                Promise.HeapOpen => refused && outcome.Contains("the heap's open", StringComparison.Ordinal),
                Promise.Open => refused && outcome.Contains("'s open", StringComparison.Ordinal),
                Promise.Use => refused || outcome == DamageTrial.NoObject,
                _ => true,
            };
            if (!kept)
            {
                throw new DamageFailure($"the promise is '{Promise}', and it is '{outcome}'");
            }
        }
    }
}
