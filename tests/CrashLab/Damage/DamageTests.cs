using System.Collections.Concurrent;

namespace GuestMemFs.CrashLab.Damage;

/// <summary>
/// Every byte of a small heap's metadata, damaged in four ways, at rest and with an operation in flight: harmless,
/// refused with a reason, or found by the deep check; never a crash, a hang, a wrong value or silence. And the sweep
/// can fail: without one of the library's checks that stand alone it does.
/// </summary>
public sealed class DamageTests(ITestOutputHelper output)
{
    private static readonly int s_seed = int.Parse(Environment.GetEnvironmentVariable("GMF_DAMAGE_SEED") ?? "1", null);

    private const string Aimed =
        "behind a word that checks itself: what only damage of more than a byte reaches, and none is made for it yet";

    private const string Twice =
        "what it lets pass, the header, the shape or the order behind it does not, or the other way round";

    private const string NoErasing = "no image is of a heap that erases: ErasureCrashTests goes through these lines";

    private const string NoFurtherRoots =
        "no image has more roots than the header page: RootCrashTests goes through this line";

    /// <summary>Checks that the sweep cannot tell from others, each with why.</summary>
    private static readonly Dictionary<string, string> s_behindOthers = new()
    {
        ["BlockEraser.cs: if (!Guard.Holds(intact && block <= space.Length - SizeClasses.Granule))"] = NoErasing,
        ["BlockEraser.cs: return Guard.Holds(begins)"] = NoErasing,
        ["RootEntries.cs: return Guard.Holds(intact) ? block"] = NoFurtherRoots,
        ["RecordChecks.cs: && Guard.Holds(state.IsInside(offset, RecordFormat.Length(header)));"] = Aimed,
        ["TreeMemory.cs: && Guard.Holds(node.Level <= TreeNode.MaximumLevel);"] = Aimed,
        ["TreeMemory.cs: && Guard.Holds(child.Level == branch.Level - 1);"] = Aimed,
        ["TreeMemory.cs: return TryRecord(Guard.Holds(intact) ? offset : 0, out record, out header);"] = Twice,
        ["TreeMemory.cs: if (!Guard.Holds(IsInside(offset, sizeof(ulong))))"] = Aimed,
        ["TreeMemory.cs: && Guard.Holds(IsInside(offset, RecordFormat.Length(header)));"] = Aimed,
        ["TreeMemory.cs: return Guard.Holds(SealedOffset.TryOpen(word, place, out long offset)) && "
            + "TryNode(offset, out node);"] = Twice,
        ["TreeMemory.cs: if (Guard.Holds(IsInside(offset, TreeNode.HeadLength)))"] = Aimed,
        ["TreeMemory.cs: if (Guard.Holds(SealedOffset.TryOpen(Volatile.Read(ref head[1]), offset + sizeof(ulong), "
            + "out long shape)))"] = Twice,
        ["TreeMemory.cs: return Guard.Holds(Volatile.Read(ref head[0]) == node.Header)"] = Twice,
        ["TreeMemory.cs: && Guard.Holds(IsInside(offset, node.Size));"] = Aimed,
        ["TreeShaper.cs: children[i - from] = Guard.Holds(intact)"] = Twice,
        ["TreeRecords.cs: if (!Guard.Holds(root.TryPending(out long pending)))"] = Twice,
        ["TreeNode.cs: return Guard.Holds(intact && bits != 0);"] = Twice,
    };

    public static TheoryData<string> Images => [.. DamageImage.Names];

    [Theory]
    [MemberData(nameof(Images))]
    public void Every_damaged_byte_is_harmless_refused_or_found(string image)
    {
        SweepResult result = DamageSweep.Run(image, s_seed, stride: 16);
        LabCounts.Add(LabCounts.Damages, "heap and dictionary", result.Trials);
        output.WriteLine($"{image}: {result.Trials} byte damages, " +
            $"seed {s_seed}\n{Lines(result)}");
        Assert.True(result.Failures.Count == 0,
            $"{result.Failures.Count} failures (seed {s_seed}):\n{string.Join('\n', result.Failures)}");
        Assert.True(result.Trials > 1000, $"only {result.Trials} damages");
    }

    /// <summary>
    /// What is too much to be swept: an arena of hundreds of regions, sampled for as long as there is time.
    /// </summary>
    [Fact]
    public void Sampled_damage_of_a_large_arena_is_harmless_refused_or_found()
    {
        SweepResult result = LargeDamage.Sample(s_seed, TimeSpan.FromSeconds(20));
        output.WriteLine($"{result.Trials} damages, " +
            $"seed {s_seed}\n{Lines(result)}");
        Assert.True(result.Failures.Count == 0,
            $"{result.Failures.Count} failures (seed {s_seed}):\n{string.Join('\n', result.Failures)}");
        Assert.True(result.Trials > 100, $"only {result.Trials} damages");
    }

    internal static string Lines(SweepResult result) =>
        string.Join('\n', result.Outcomes.Select(outcome => $"{outcome.Value,7} {outcome.Key}"));

    /// <summary>A round of the long profile: other regions, keys and damages each time.</summary>
    internal static void LargeRound(int seed)
    {
        SweepResult result = LargeDamage.Sample(seed, TimeSpan.FromMinutes(2));
        Assert.True(result.Failures.Count == 0,
            $"{result.Failures.Count} failures:\n{string.Join('\n', result.Failures)}");
    }

    /// <summary>A round of the long profile: an image, other values, and every empty bucket too now and then.</summary>
    internal static void Round(int seed)
    {
        string[] images = [.. DamageImage.Names];
        string image = images[(seed & int.MaxValue) % images.Length];
        SweepResult result = DamageSweep.Run(image, seed, stride: 1 + ((seed & int.MaxValue) % 16));
        LabCounts.Add(LabCounts.Damages, "heap and dictionary", result.Trials);
        Assert.True(result.Failures.Count == 0,
            $"{image}: {result.Failures.Count} failures:\n{string.Join('\n', result.Failures)}");
    }

    /// <summary>
    /// Each place in the library's sources that asks the guard is switched off in turn: damage that it found before
    /// must then break a promise, give a wrong value, or end the process.
    /// </summary>
    [Fact]
    public void Without_a_check_the_sweep_fails()
    {
        List<(string Place, string Image, string Trials)> found = [];
        foreach (string image in DamageImage.Names)
        {
            SweepResult sample = DamageSweep.Run(image, s_seed, stride: 0, most: 10_000);
            Assert.Empty(sample.Failures);
            found.AddRange(sample.Places.Select(place =>
                (place.Key[..place.Key.IndexOf(' ', StringComparison.Ordinal)], image, place.Value)));
        }

        ConcurrentBag<string> noticed = [];
        ParallelOptions two = new() { MaxDegreeOfParallelism = 2 };
        Parallel.ForEach(found.GroupBy(place => place.Place), two, place =>
        {
            if (place.Any(at => DamageSweep.FailsWithout(at.Image, s_seed, 0, place.Key, at.Trials)))
            {
                string[] parts = place.Key.Split(':');
                string line = SeededFaultTests.SourceLine(parts[0], int.Parse(parts[1], null));
                noticed.Add($"{Path.GetFileName(parts[0])}:{parts[1]}: {line}");
            }
        });
        string[] all = [.. Checks()];
        string[] missed = [.. all.Except(noticed).Select(WithoutNumber).Except(s_behindOthers.Keys)];
        LabCounts.Add(LabCounts.SeededBugs, "checks of damage", noticed.Count);
        output.WriteLine($"checks switched off: {noticed.Count} of {all.Length} noticed");
        foreach ((string check, string reason) in s_behindOthers)
        {
            output.WriteLine($"not seen alone: {check}\n    {reason}");
        }

        Assert.Empty(noticed.Except(all));
        Assert.Empty(s_behindOthers.Keys.Except(all.Except(noticed).Select(WithoutNumber)));
        Assert.True(missed.Length == 0, $"nothing noticed that these were gone:\n{string.Join('\n', missed)}");
    }

    private static string WithoutNumber(string check)
    {
        string[] parts = check.Split(':', 3);
        return parts[0] + ":" + parts[2];
    }

    /// <summary>The lines of the library that ask the guard.</summary>
    private static IEnumerable<string> Checks() =>
        from file in Directory.EnumerateFiles(Path.Combine(SeededFaultTests.Sources, "src/PersistentArena"), "*.cs",
            SearchOption.AllDirectories)
        from line in File.ReadLines(file).Select((text, index) => (Text: text, Number: index + 1))
        where line.Text.Contains("Guard.Holds(", StringComparison.Ordinal)
        select $"{Path.GetFileName(file)}:{line.Number}: {line.Text.Trim()}";
}
