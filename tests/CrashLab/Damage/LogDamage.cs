using System.Globalization;

namespace GuestMemFs.CrashLab.Damage;

/// <summary>Damages each byte of a log's memory in four ways, in a child process.</summary>
internal static class LogDamage
{
    private const int MostFailures = 40;

    /// <summary>The parent: runs the child to its end.</summary>
    public static SweepResult Sweep(string image, int seed)
    {
        SweepResult result = new();
        long at = 0;
        string[] arguments = ["damage-log", image, seed.ToString(CultureInfo.InvariantCulture)];
        string? end = DamageChild.Run(arguments, () => Volatile.Read(ref at), line =>
        {
            if (line.StartsWith("at ", StringComparison.Ordinal))
            {
                Volatile.Write(ref at, long.Parse(line[3..], CultureInfo.InvariantCulture) + 1);
            }
            else
            {
                result.Take(line, $"log {image}");
            }
        });
        if (end is not null)
        {
            result.Failures.Add($"log {image}: at damage {at - 1} it {end}");
        }

        return result;
    }

    /// <summary>The child: an image's name, and the seed of flipped bits and random bytes.</summary>
    public static int Run(string[] arguments)
    {
        LogDamageImage image = LogDamageImage.Build(arguments[0]);
        int seed = int.Parse(arguments[1], CultureInfo.InvariantCulture);
        SortedDictionary<string, long> outcomes = new(StringComparer.Ordinal);
        using LogDamageTrial trial = new(image);
        string undamaged = trial.Run(); // and all is compiled before the first damage is timed
        int failures = 0;
        if (undamaged != "reader identical; writer identical")
        {
            Console.WriteLine($"failure without any damage: {undamaged}");
        }

        long number = 0;
        foreach (DamagedPart part in image.Metadata)
        {
            for (long offset = part.Offset; offset < part.Offset + part.Length && failures < MostFailures; offset++)
            {
                for (int kind = 0; kind < DamageRunner.Kinds; kind++, number++)
                {
                    byte good = trial.Bytes[(int)offset];
                    byte bad = DamageRunner.Damaged(good, offset, kind, seed);
                    if (good == bad)
                    {
                        continue;
                    }

                    Console.WriteLine($"at {number}");
                    trial.Bytes[(int)offset] = bad;
                    string outcome = Try(trial, part, $"{part.What}, byte {offset - part.Offset} " +
                        $"(0x{good:X2} to 0x{bad:X2})", ref failures);
                    trial.Bytes[(int)offset] = good;
                    string what = $"{part.What}: {outcome}";
                    outcomes[what] = outcomes.GetValueOrDefault(what) + 1;
                }
            }
        }

        foreach ((string outcome, long count) in outcomes)
        {
            Console.WriteLine($"outcome {count} {outcome}");
        }

        return 0;
    }

    private static string Try(LogDamageTrial trial, DamagedPart part, string damage, ref int failures)
    {
        try
        {
            string outcome = trial.Run();
            return IsKept(part.Promise, outcome) ? outcome
                : throw new DamageFailure($"the promise is '{part.Promise}', and it is: {outcome}");
        }
        catch (Exception error)
        {
            failures++;
            Console.WriteLine($"failure {damage}: {DamageFailure.Of(error)}");
            return "FAILED";
        }
    }

    // A reader's use, or the next writer's open.
    private static bool IsKept(Promise promise, string outcome)
    {
        string[] both = outcome.Split("; writer ");
        string said = promise == Promise.Use ? both[0]["reader ".Length..] : both[1];
        return promise == Promise.Nothing
            || (said.StartsWith("refused at ", StringComparison.Ordinal)
                && said.EndsWith(ReasonCodes.HeapDamaged, StringComparison.Ordinal));
    }
}
