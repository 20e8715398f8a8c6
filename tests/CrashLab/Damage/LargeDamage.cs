using System.Diagnostics;
using System.Globalization;
using GuestMemFs.Collections;
using GuestMemFs.Inspection;
using GuestMemFs.Arena;

namespace GuestMemFs.CrashLab.Damage;

/// <summary>
/// The child process of the sampled sweep: damages a <see cref="LargeArena"/> in one way after the other, each drawn
/// from the seed and its number. <c>CrashLab damage-large SEED SECONDS [NUMBER]</c>; with a number, that one alone.
/// </summary>
/// <remarks>
/// On its output, "at N" says which one is under way, so that the parent can name the one that ended the process.
/// </remarks>
internal sealed class LargeDamage(LargeArena arena)
{
    private const int MaximumFailures = 20;

    private static readonly string[] s_files = ["file cut short", "file gone", "files exchanged", "file there twice"];

    private readonly LabWorld _world = arena.World;
    private readonly string[] _kinds = [.. arena.Metadata.Keys.Order(StringComparer.Ordinal), .. s_files];

    /// <summary>The parent: gives a child so long, and says what it saw.</summary>
    public static SweepResult Sample(int seed, TimeSpan time)
    {
        SweepResult result = new();
        long at = 0;
        string[] arguments = ["damage-large", seed.ToString(CultureInfo.InvariantCulture),
            time.TotalSeconds.ToString(CultureInfo.InvariantCulture)];
        string? end = DamageChild.Run(arguments, () => Volatile.Read(ref at), line =>
        {
            if (line.StartsWith("at ", StringComparison.Ordinal))
            {
                Volatile.Write(ref at, long.Parse(line[3..], CultureInfo.InvariantCulture) + 1);
            }
            else
            {
                result.Take(line, $"damage-large {seed} 0 {at - 1}");
            }
        });
        if (end is not null)
        {
            result.Failures.Add(at == 0 ? $"before the first damage it {end}"
                : $"it {end}; again: CrashLab damage-large {seed} 0 {at - 1}");
        }

        LabCounts.Add(LabCounts.Damages, "large arena, sampled", result.Trials);
        return result;
    }

    public static int Run(string[] arguments)
    {
        int seed = int.Parse(arguments[0], CultureInfo.InvariantCulture);
        double seconds = double.Parse(arguments[1], CultureInfo.InvariantCulture);
        using LargeArena arena = new(seed);
        LargeDamage damage = new(arena);
        int only = arguments.Length > 2 ? int.Parse(arguments[2], CultureInfo.InvariantCulture) : -1;
        SortedDictionary<string, int> outcomes = new(StringComparer.Ordinal);
        string metadata = string.Join(", ",
            arena.Metadata.Select(part => $"{part.Key} {part.Value.Sum(range => range.Length)}"));
        Console.WriteLine($"arena {arena.Regions.Count + 1} regions, {arena.World.Files.Count} " +
            $"files, {arena.HeapKeys.Count} keys, " +
            $"metadata: {metadata}");
        string undamaged = damage.Try(damaged: null, readAll: true);
        if (undamaged != "identical")
        {
            Console.WriteLine($"failure without any damage: {undamaged}");
        }

        arena.World.GoBack(0);
        Stopwatch watch = Stopwatch.StartNew();
        int failures = 0;
        for (int number = Math.Max(0, only); only >= 0 ? number == only
            : watch.Elapsed.TotalSeconds < seconds && failures < MaximumFailures; number++)
        {
            Console.WriteLine($"at {number}");
            (string what, string name, string outcome) = damage.Trial(number);
            failures += outcome.StartsWith("FAILED", StringComparison.Ordinal) ? 1 : 0;
            if (outcome.StartsWith("FAILED", StringComparison.Ordinal) || only >= 0)
            {
                Console.WriteLine($"{(only >= 0 ? "result" : "failure")} {name}: {outcome}");
            }

            string key = $"{what}: {(outcome.StartsWith("FAILED", StringComparison.Ordinal) ? "FAILED" : outcome)}";
            outcomes[key] = outcomes.GetValueOrDefault(key) + 1;
        }

        Console.WriteLine("at -1");
        foreach ((string outcome, int count) in outcomes)
        {
            Console.WriteLine($"outcome {count} {outcome}");
        }

        return 0;
    }

    /// <summary>One damage: what of, its name, and what came of it.</summary>
    private (string What, string Name, string Outcome) Trial(int number)
    {
        Random random = new(unchecked((arena.Seed * 7919) ^ (number * (int)0x9E37_79B1)));
        string what = _kinds[number % _kinds.Length];
        LabFile[] files = [.. _world.Files];
        long[] lengths = [.. files.Select(file => file.Length)];
        string name = s_files.Contains(what) ? Mangle(what, random) : Flip(what, random);
        string outcome;
        try
        {
            outcome = Try(what, readAll: random.Next(16) == 0);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            outcome = $"FAILED: {DamageFailure.Of(error)}";
        }

        _world.EndProcess();
        _world.GoBack(0);
        _world.Files.Clear();
        _world.Files.AddRange(files);
        for (int i = 0; i < files.Length; i++)
        {
            files[i].Length = lengths[i];
        }

        return (what, name, outcome);
    }

    private string Flip(string what, Random random)
    {
        var parts = arena.Metadata[what];
        (long start, int length) = parts[random.Next(parts.Count)];
        int first = random.Next(length), count = random.Next(4) == 0 ? random.Next(1, 64) : 1;
        for (int i = 0; i < count && first + i < length; i++)
        {
            _world.Flip(start + first + i, (byte)random.Next(1, 256));
        }

        return string.Create(CultureInfo.InvariantCulture,
            $"{what} at {start} ({length} bytes): {count} bytes from {first} on");
    }

    private string Mangle(string what, Random random)
    {
        int first = 1 + random.Next(_world.Files.Count - 1), second = 1 + random.Next(_world.Files.Count - 1);
        LabFile one = _world.Files[first], other = _world.Files[second];
        switch (what)
        {
            case "file cut short":
                LabFile cut = random.Next(8) == 0 ? _world.Files[0] : one;
                cut.Length = random.Next(3) switch { 0 => 0, 1 => 4096, _ =>
                    LabWorld.BlockSize * random.Next((int)(cut.Length / LabWorld.BlockSize)) };
                return $"{cut.Name} is cut to {cut.Length} bytes";
            case "file gone":
                _world.Files.RemoveAt(first);
                return $"{one.Name} is gone";
            case "files exchanged":
                _world.Files[first] = new LabFile(one.Name, other.Start) { Length = other.Length };
                _world.Files[second] = new LabFile(other.Name, one.Start) { Length = one.Length };
                return $"{one.Name} and {other.Name} have each other's names";
            default:
                _world.Files[second] = new LabFile(other.Name, one.Start) { Length = one.Length };
                return $"{one.Name} is there again as {other.Name}";
        }
    }

    /// <summary>Opens as the next process would, and reads.</summary>
    private string Try(string? damaged, bool readAll)
    {
        using ArenaProcess process = new(_world);
        string outcome = "identical";
        try
        {
            process.OpenDamaged();
        }
        catch (ArenaException refused)
        {
            return "refused " + refused.ReasonCode;
        }

        if (process.Arena.AttachReport.Kind == AttachKind.Fresh
            || ArenaModel.Describe(process.Arena) != arena.Description)
        {
            throw new DamageFailure(
                $"there is '{ArenaModel.Describe(process.Arena)}', and nobody said so: {process.Arena.AttachReport}");
        }

        // which it was not
        if (process.Arena.AttachReport.Reasons.FirstOrDefault(reason =>
            reason.Code != ReasonCodes.NotClosed) is { } reason)
        {
            outcome = "reported " + reason.Code;
        }

        int index = 0;
        foreach ((string name, long length) in arena.Regions)
        {
            // All regions where files are damaged; else some, others each time.
            if (readAll || damaged is "identity of an extent" || (damaged is not null && s_files.Contains(damaged))
                || index++ % 16 == 0)
            {
                ReadRegion(process, name, length, ref outcome);
            }
        }

        if (readAll || damaged is null || damaged.StartsWith("heap", StringComparison.Ordinal))
        {
            ReadHeap(process, ref outcome);
        }

        return outcome;
    }

    private static unsafe void ReadRegion(ArenaProcess process, string name, long length, ref string outcome)
    {
        try
        {
            PersistentRegion region = process.Region(name);
            if (region.Length != length)
            {
                throw new DamageFailure($"region '{name}' has {region.Length} bytes instead of {length}");
            }

            foreach (long place in LargeArena.Places(length))
            {
                if (*(ulong*)(region.Address + (nint)place) != LargeArena.WordAt(name, place))
                {
                    throw new DamageFailure($"the word at {place} of region '{name}' is another");
                }
            }

            process.Release(name);
        }
        catch (ArenaException refused)
        {
            outcome = "a region is refused " + refused.ReasonCode;
        }
    }

    private void ReadHeap(ArenaProcess process, ref string outcome)
    {
        PersistentHeap heap;
        PersistentDictionary dictionary;
        try
        {
            heap = PersistentHeap.Open(process.Region(LargeArena.Heap));
            dictionary = PersistentDictionary.OpenOrCreate(heap, "keys");
        }
        catch (ArenaException refused)
        {
            outcome = "the heap is refused " + refused.ReasonCode;
            return;
        }

        int missing = 0;
        string? refusal = null;
        for (int i = 0; i < arena.HeapKeys.Count; i++)
        {
            Attempt(() =>
            {
                byte[]? value = dictionary.Get(arena.HeapKeys[i]);
                missing += value is null ? 1 : 0;
                if (value is not null && !value.AsSpan().SequenceEqual(arena.ValueOf(i)))
                {
                    throw new DamageFailure($"key {i} has another value");
                }
            });
        }

        bool right = dictionary.Count == arena.HeapKeys.Count;
        bool verified = true;
        if (missing > 0 || !right)
        {
            Attempt(() => verified = HeapVerifier.Verify(heap).Count == 0);
            if (verified && refusal is null)
            {
                throw new DamageFailure(
                    $"{missing} keys are missing, the count is {dictionary.Count}, and the verifier finds nothing");
            }
        }

        for (int i = 0; i < 40; i++)
        {
            byte[] key = arena.HeapKeys[i * 97], value = arena.ValueOf(i + 1);
            Attempt(() =>
            {
                dictionary.Set(key, value);
                if (dictionary.Get(key) is not { } found || !found.AsSpan().SequenceEqual(value))
                {
                    throw new DamageFailure($"key {i * 97} was set and reads as another value");
                }
            });
        }

        outcome = refusal is not null ? "refused at use " + refusal : !verified ? "found by the deep check" : outcome;

        void Attempt(Action act)
        {
            try
            {
                act();
            }
            catch (ArenaException refused)
            {
                refusal ??= refused.ReasonCode;
            }
        }
    }
}
