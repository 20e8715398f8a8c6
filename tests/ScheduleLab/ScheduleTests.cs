using GuestMemFs.ScheduleLab.Running;

namespace GuestMemFs.ScheduleLab;

/// <summary>The short profile: what each build explores.</summary>
public sealed class ScheduleTests
{
    /// <summary>
    /// Where pairs are looked into with two preemptions: the first always, of the others one a day in turn
    /// (GMF_DEEP_DAY says another day). The long profile does that everywhere.
    /// </summary>
    private static readonly string[] s_deep = ["one", Turn("overflow", "expiring", "garbage")];

    [Fact]
    [Trait("speed", "slow")]
    public void Every_pair_of_operations_with_up_to_two_preemptions() =>
        AssertNone(Sweep.Run("pairs, two preemptions", Pairs().Where(pair => s_deep.Contains(pair.Beginning.Name)), i =>
            new Explorer(i) { Crashes = false }, (explorer, pair) => explorer.Exhaust(pair, 2)));

    [Fact]
    [Trait("speed", "slow")]
    public void Every_pair_of_operations_from_every_beginning_with_up_to_one_preemption() =>
        AssertNone(Sweep.Run("pairs, one preemption", Pairs(), i =>
            new Explorer(i) { Crashes = false }, (explorer, pair) => explorer.Exhaust(pair, 1)));

    [Fact]
    [Trait("speed", "slow")]
    public void Every_scenario_that_was_made_for_one_place() =>
        AssertNone(Sweep.Run("made for one place", Scenario.Specials().Select(special => special.Scenario), i =>
            new Explorer(i) { Crashes = false }, (explorer, scenario) => explorer.Exhaust(scenario,
                Scenario.Specials().First(special => special.Scenario.Name == scenario.Name).Preemptions)));

    [Fact]
    [Trait("speed", "slow")]
    public void A_crash_at_every_store_of_pairs_that_meet() =>
        AssertNone(Sweep.Run("pairs", Pairs().Where(
            pair => pair.Beginning.Name is "one" or "overflow" or "expiring" or "garbage" or "about-to-split"),
            i => new Explorer(i), (explorer, pair) => explorer.Exhaust(pair, 1)));

    [Fact]
    [Trait("speed", "slow")]
    public void A_crash_under_a_weak_order_of_stores() =>
        AssertNone(Sweep.Run("pairs, weak order", Pairs().Where(pair =>
            pair.Beginning.Name is "one" or "about-to-split"), i => new Explorer(i) { Weak = true }, (explorer, pair) =>
                explorer.Exhaust(pair, 0)));

    [Fact]
    [Trait("speed", "slow")]
    public void Triples_of_operations_by_chance()
    {
        Random random = new(11);
        Scenario[] triples = [.. Enumerable.Range(0, 1_200).Select(_ => Scenario.Triple(random)).Where(triple =>
            !KnownFinds.Covers(triple))];

        AssertNone(Sweep.Run("triples by chance", triples, i =>
            new Explorer(i) { Crashes = false }, (explorer, triple) => explorer.Chance(triple, 1, 200)));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Pairs_by_chance_from_every_beginning() =>
        AssertNone(Sweep.Run("pairs by chance", Pairs(), i => new Explorer(i) { Crashes = false }, (explorer, pair) =>
            explorer.Chance(pair, 1, 15)));

    [Fact]
    [Trait("speed", "slow")]
    public void A_reader_of_another_process_lives_across_a_writers_death() =>
        AssertNone(Sweep.Run("deaths under a reader", Scenario.Deaths().Where(pair =>
            !KnownFinds.CoversDeath(pair) && pair.Beginning.Name is "one" or "big" or "overflow"), i =>
                new Explorer(i) { Crashes = false }, (explorer, pair) => explorer.Deaths(pair)));

    [Fact]
    [Trait("speed", "slow")]
    public void Every_pair_of_a_sorted_maps_operations_with_up_to_one_preemption() =>
        AssertNone(Sweep.Run("sorted map, one preemption", SortedScenarios.Table.Pairs(), i =>
            new Explorer(i) { Crashes = false }, (explorer, pair) => explorer.Exhaust(pair, 1)));

    [Fact]
    [Trait("speed", "slow")]
    public void Splits_and_joins_of_a_sorted_map_with_up_to_two_preemptions() =>
        AssertNone(Sweep.Run("sorted map, two preemptions", SortedScenarios.Meetings(), i =>
            new Explorer(i) { Crashes = false }, (explorer, pair) => explorer.Exhaust(pair, 2)));

    [Fact]
    [Trait("speed", "slow")]
    public void A_crash_at_every_store_of_a_sorted_maps_operations() =>
        AssertNone(Sweep.Run("sorted map", SortedScenarios.Table.Pairs(), i => new Explorer(i), (explorer, pair) =>
            explorer.Exhaust(pair, 0)));

    [Fact]
    [Trait("speed", "slow")]
    public void A_reader_of_a_sorted_map_in_another_process_lives_across_a_writers_death() =>
        AssertNone(Sweep.Run("sorted map, deaths under a reader", SortedScenarios.Deaths(), i =>
            new Explorer(i) { Crashes = false }, (explorer, pair) => explorer.Deaths(pair)));

    [Fact]
    [Trait("speed", "slow")]
    public void Every_pair_of_a_logs_operations_with_up_to_one_preemption() =>
        AssertNone(Sweep.Run("log, one preemption", LogScenarios.Table.Pairs(), i =>
            new Explorer(i) { Crashes = false }, (explorer, pair) => explorer.Exhaust(pair, 1)));

    [Fact]
    [Trait("speed", "slow")]
    public void Growth_trims_walks_and_positions_of_a_log_with_up_to_two_preemptions() =>
        AssertNone(Sweep.Run("log, two preemptions", LogScenarios.Meetings(), i =>
            new Explorer(i) { Crashes = false }, (explorer, pair) => explorer.Exhaust(pair, 2)));

    [Fact]
    [Trait("speed", "slow")]
    public void A_crash_at_every_store_of_a_logs_operations() =>
        AssertNone(Sweep.Run("log", LogScenarios.Table.Pairs(), i => new Explorer(i), (explorer, pair) =>
            explorer.Exhaust(pair, 0)));

    [Fact]
    [Trait("speed", "slow")]
    public void A_reader_of_a_log_in_another_process_lives_across_a_writers_death() =>
        AssertNone(Sweep.Run("log, deaths under a reader", LogScenarios.Deaths(), i =>
            new Explorer(i) { Crashes = false }, (explorer, pair) => explorer.Deaths(pair)));

    [Fact]
    [Trait("speed", "slow")]
    public void Every_pair_of_objects_lists_queues_savepoints_and_owned_collections_with_up_to_one_preemption() =>
        AssertNone(Sweep.Run("objects and elements, one preemption", Elements(), i =>
            new Explorer(i) { Crashes = false }, (explorer, pair) => explorer.Exhaust(pair, 1)));

    [Fact]
    [Trait("speed", "slow")]
    public void Every_pair_of_sets_bytes_and_bitmaps_with_up_to_one_preemption() =>
        AssertNone(Sweep.Run("sets, bytes and bitmaps, one preemption", ChunkScenarios.Pairs(), i =>
            new Explorer(i) { Crashes = false }, (explorer, pair) => explorer.Exhaust(pair, 1)));

    [Fact]
    [Trait("speed", "slow")]
    public void A_crash_at_every_store_of_sets_bytes_and_bitmaps() =>
        AssertNone(Sweep.Run("sets, bytes and bitmaps", ChunkScenarios.Pairs(), i => new Explorer(i),
            (explorer, pair) => explorer.Exhaust(pair, 0)));

    [Fact]
    [Trait("speed", "slow")]
    public void Ends_of_a_list_leases_and_fields_with_up_to_two_preemptions() =>
        AssertNone(Sweep.Run("objects and elements, two preemptions", ElementScenarios.Meetings(), i =>
            new Explorer(i) { Crashes = false }, (explorer, pair) => explorer.Exhaust(pair, 2)));

    [Fact]
    [Trait("speed", "slow")]
    public void A_crash_at_every_store_of_objects_lists_queues_savepoints_and_owned_collections() =>
        AssertNone(Sweep.Run("objects and elements", Elements(), i => new Explorer(i), (explorer, pair) =>
            explorer.Exhaust(pair, 0)));

    [Fact]
    [Trait("speed", "slow")]
    public void A_reader_of_a_list_and_of_owned_collections_lives_across_a_writers_death() =>
        AssertNone(Sweep.Run("elements, deaths under a reader", ElementScenarios.Deaths(), i =>
            new Explorer(i) { Crashes = false }, (explorer, pair) => explorer.Deaths(pair)));

    [Fact]
    [Trait("speed", "slow")]
    public void Snapshots_beside_writers_with_up_to_one_preemption() =>
        AssertNone(Sweep.Run("snapshots, one preemption", SnapshotScenarios.Daily(), i =>
            new Explorer(i) { Crashes = false }, (explorer, pair) => explorer.Exhaust(pair, 1)));

    [Fact]
    [Trait("speed", "slow")]
    public void A_crash_at_every_store_beside_snapshots() =>
        AssertNone(Sweep.Run("snapshots", SnapshotScenarios.Pairs(), i => new Explorer(i), (explorer, pair) =>
            explorer.Exhaust(pair, 0)));

    [Fact]
    [Trait("speed", "slow")]
    public void A_writer_that_holds_a_snapshot_dies_under_a_reader_of_another_process() =>
        AssertNone(Sweep.Run("snapshots, deaths under a reader", SnapshotScenarios.Deaths(), i =>
            new Explorer(i) { Crashes = false }, (explorer, pair) => explorer.Deaths(pair)));

    [Fact]
    [Trait("speed", "slow")]
    public void A_crash_at_every_store_with_checksums_and_in_a_heap_that_erases() =>
        AssertNone(Sweep.Run(
            "checksums and erasing",
            Pairs().Where(pair => pair.Beginning.Name is "checked" or "erasing"),
            i => new Explorer(i), (explorer, pair) => explorer.Exhaust(pair, 0)));

    [Fact]
    public void What_is_known_to_be_wrong_is_still_found()
    {
        using Explorer explorer = new(0) { Crashes = true };

        string[] mended = [
            .. KnownFinds.All.Where(find => explorer.Exhaust(Scenario.Parse(find.Shows),
                find.Preemptions) is null).Select(find => find.Shows),
            .. KnownFinds.AcrossDeaths.Where(name => explorer.Deaths(Scenario.Parse(name)) is null)];

        Assert.True(mended.Length == 0, "this is not found any more: was it mended? Then take it out of KnownFinds: "
            + string.Join(", ", mended));
    }

    [Fact]
    public void A_schedule_can_be_shown_again()
    {
        using Explorer explorer = new(0) { Crashes = false };
        Finding finding = explorer.Exhaust(Scenario.Parse("one/set+get"), 0) ?? new(Scenario.Parse("one/set+get"), "",
            "", "one/set+get 0 17:1");

        (string? wrong, string table) = explorer.Show(finding.Scenario, finding.Again.Split(' ')[1..]);

        Assert.Null(wrong);
        Assert.Contains("thread 1: get", table, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_change_of_the_sources_finds_its_place() =>
        Assert.True(Rewriting.Lost.Length == 0, "the library has changed: adapt Rewrites.txt. " + string.Join("; ",
            Rewriting.Lost));

    private static string Turn(params string[] beginnings) => beginnings[int.Parse(
        Environment.GetEnvironmentVariable("GMF_DEEP_DAY") ?? $"{DateTime.UtcNow.DayOfYear}",
        System.Globalization.CultureInfo.InvariantCulture) % beginnings.Length];

    private static IEnumerable<Scenario> Pairs() => Scenario.Pairs().Where(pair => !KnownFinds.Covers(pair));

    private static IEnumerable<Scenario> Elements() => new[]
    {
        NodeScenarios.Table, ElementScenarios.Lists, ElementScenarios.Queues, ElementScenarios.Groups,
        ElementScenarios.Nested,
    }.SelectMany(table => table.Pairs());

    private static void AssertNone(IReadOnlyList<Finding> findings) =>
        Assert.True(findings.Count == 0, string.Join("\n\n", findings.Take(3))
            + $"\n{findings.Count} in all: {string.Join(", ", findings.Select(finding => finding.Scenario.Name))}");
}
