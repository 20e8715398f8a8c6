using System.Globalization;
using System.Text;
using GuestMemFs.ScheduleLab.Seam;

namespace GuestMemFs.ScheduleLab.Checking;

/// <summary>The public operations of a sorted map, on the library and on the model alike. In the model its keys have
/// <see cref="Prefix"/> before them.</summary>
internal static class MapOperation
{
    public const string Prefix = "map:";

    /// <summary>The sorted map of a beginning.</summary>
    public static Part Part { get; } = new(
        "map",
        (world, heap, elsewhere) =>
        {
            world.Map = PersistentSortedMap.OpenOrCreate(heap, "map");
            world.MapElsewhere = PersistentSortedMap.OpenOrCreate(elsewhere, "map");
        },
        (world, texts) => AddContent(world.Map!, texts)) { WalkProblem = ProblemOfWalks };

    public static Operation Set(string key, string value)
    {
        byte[] k = Bytes(key), v = Bytes(value);
        return new($"map-set {key} {value}", world =>
        {
            world.Map!.Set(k, v);
            return "ok";
        }, (model, _, result) =>
        {
            model[Prefix + key] = value;
            return Operation.Is(result, "ok");
        }) { Keys = [Prefix + key], Values = [value] };
    }

    public static Operation Remove(string key)
    {
        byte[] k = Bytes(key);
        return new($"map-remove {key}", world => world.Map!.Remove(k) ? "true" : "false", (model, _, result) =>
        {
            bool there = model[Prefix + key] is not null;
            if (there)
            {
                model[Prefix + key] = null;
            }

            return Operation.Is(result, there ? "true" : "false");
        }) { Keys = [Prefix + key] };
    }

    public static Operation Increment(string key)
    {
        byte[] k = Bytes(key);
        return new($"map-increment {key}", world => Text(world.Map!.Increment(k)), (model, _, result) =>
        {
            string sum = Text(long.Parse(model[Prefix + key] ?? "0", CultureInfo.InvariantCulture) + 1);
            model[Prefix + key] = sum;
            return Operation.Is(result, sum);
        }) { Keys = [Prefix + key], Values = ["1", "2", "3"] };
    }

    public static Operation Get(string key, bool elsewhere = false)
    {
        byte[] k = Bytes(key);
        return new($"map-get{(elsewhere ? "-elsewhere" : "")} {key}", world =>
        {
            SlowReader reader = default;
            return (elsewhere ? world.MapElsewhere! : world.Map!).TryRead(k, ref reader) ? reader.Value! : "none";
        }, (model, _, result) => Operation.Is(result, model[Prefix + key]), Writes: false)
        {
            Reads = true,
        };
    }

    /// <summary>How many keys are below one, at one moment.</summary>
    public static Operation Rank(string key)
    {
        byte[] k = Bytes(key);
        return new($"map-rank {key}", world => Text(world.Map!.Rank(k)), (model, _, result) =>
            Operation.Is(result, Text(Keys(model).Count(other => string.CompareOrdinal(other, key) < 0))),
            Writes: false) { Reads = true };
    }

    /// <summary>The entry with so many below it, at one moment.</summary>
    public static Operation At(int rank) => new($"map-at {rank}", world =>
        world.Map!.TryGetAt(rank, out KeyValuePair<byte[], byte[]> entry) ? Text(entry) : "none", (model, _, result) =>
            Operation.Is(result, Keys(model).ElementAtOrDefault(rank) is { } key ? $"{key}={model[Prefix + key]}"
                : null), Writes: false) { Reads = true };

    /// <summary>All entries in order; what it must have seen is checked at the end, for it happens at no one
    /// moment.</summary>
    public static Operation Scan(bool descends = false, bool elsewhere = false) => new(
        $"map-scan{(descends ? "-down" : "")}", world =>
        {
            PersistentSortedMap map = elsewhere ? world.MapElsewhere! : world.Map!;
            List<string> seen = [];
            foreach (SortedEntry entry in descends ? map.ScanDescending() : map.Scan())
            {
                seen.Add(Text(new KeyValuePair<byte[], byte[]>(entry.Key.ToArray(), entry.Value.ToArray())));
            }

            return string.Join(';', seen);
        }, (_, _, _) => true, Writes: false) { Reads = true };

    private static string? ProblemOfWalks(History history, WalkCheck check)
    {
        foreach (bool descends in (bool[])[false, true])
        {
            foreach (string seen in history.ResultsOf(descends ? "map-scan-down" : "map-scan"))
            {
                string[] records = [.. seen.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(record =>
                    Prefix + record)];
                string? missed = check.Missed(Prefix, records);
                string? strange = records.FirstOrDefault(record => !check.CanBe(record));
                string? problem = ProblemOf(seen, descends)
                    ?? (missed is not null ? $"a walk did not see {missed}, which was there all the time: {seen}"
                    : strange is not null ? $"a walk saw {strange}" : null);
                if (problem is not null)
                {
                    return problem;
                }
            }
        }

        return null;
    }

    // What a walk's entries are by their keys in order; a text that says what is wrong with them.
    private static string? ProblemOf(string seen, bool descends)
    {
        string[] entries = seen.Split(';', StringSplitOptions.RemoveEmptyEntries);
        string[] keys = [.. entries.Select(entry => entry.Split('=')[0])];
        for (int i = 1; i < keys.Length; i++)
        {
            int order = string.CompareOrdinal(keys[i - 1], keys[i]);
            if (descends ? order <= 0 : order >= 0)
            {
                return $"a walk of the sorted map saw {keys[i]} after {keys[i - 1]}: {seen}";
            }
        }

        return null;
    }

    // Looks whether its ranks and its count are right, too.
    private static string? AddContent(PersistentSortedMap map, SortedDictionary<string, string> texts)
    {
        long rank = 0;
        foreach (SortedEntry entry in map.Scan())
        {
            string key = Encoding.UTF8.GetString(entry.Key);
            string value = Encoding.UTF8.GetString(entry.Value);
            SlowReader reader = default;
            bool same = map.TryRead(entry.Key, ref reader) && reader.Value == value;
            if (!texts.TryAdd(Prefix + key, value) || !same || map.Rank(entry.Key) != rank++)
            {
                return $"{Prefix}{key}={value} is there twice, or reads {reader.Value}, or has the rank "
                    + $"{map.Rank(entry.Key)} and not {rank - 1}";
            }
        }

        return map.Count == rank ? null : $"the sorted map counts {map.Count} and has {rank}";
    }

    private static IEnumerable<string> Keys(Model model) => model.Names.Where(name =>
        name.StartsWith(Prefix, StringComparison.Ordinal)).Select(name => name[Prefix.Length..]);

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Text(KeyValuePair<byte[], byte[]> entry) =>
        $"{Encoding.UTF8.GetString(entry.Key)}={Encoding.UTF8.GetString(entry.Value)}";
}
