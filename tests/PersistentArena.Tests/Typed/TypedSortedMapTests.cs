using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Typed;

public sealed class TypedSortedMapTests
{
    [Fact]
    public void It_does_what_a_plain_sorted_map_does_and_is_there_after_a_crash()
    {
        using PlainSpace space = new(64 << 20);
        PersistentSortedMap<int, string> map = PersistentHeap.Open(space).OpenOrCreateSortedMap<int, string>("m");
        SortedDictionary<int, string> model = [];
        Random random = new(5);
        for (int i = 0; i < 10_000; i++)
        {
            int key = random.Next(-2_000, 2_000);
            if (random.Next(3) == 0)
            {
                Assert.Equal(model.Remove(key, out string? mine), map.Remove(key, out string? theirs));
                Assert.Equal(mine, theirs);
            }
            else
            {
                model[key] = $"v{i}";
                map[key] = $"v{i}";
            }
        }

        Same(model, map);
        using PlainSpace after = space.Crash();
        PersistentHeap heap = PersistentHeap.Open(after);
        Same(model, heap.OpenOrCreateSortedMap<int, string>("m"));
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void An_empty_one_has_no_ends()
    {
        using PlainSpace space = new(8 << 20);
        PersistentSortedMap<string, int> map = PersistentHeap.Open(space).OpenOrCreateSortedMap<string, int>("m");
        Assert.False(map.TryGetFirst(out _));
        Assert.False(map.TryGetLast(out _));
        Assert.False(map.TryGetFloor("k", out _));
        Assert.False(map.TryGetCeiling("k", out _));
        Assert.False(map.TryGetAt(0, out _));
        Assert.Equal(0, map.CountRange("a", "z"));
        Assert.Empty(map);
    }

    [Fact]
    public void Composite_keys_are_in_the_order_of_their_parts()
    {
        using PlainSpace space = new(8 << 20);
        IPersistentSerializer<(string, long)> keys =
            PersistentSerializers.Pair(PersistentSerializers.Text, PersistentSerializers.Default<long>());
        PersistentSortedMap<(string User, long Score), int> map = PersistentHeap.Open(space).OpenOrCreateSortedMap(
            "m", new PersistentMapOptions<(string User, long Score), int> { KeySerializer = keys });
        map[("bo", -1)] = 3;
        map[("b", 7)] = 2;
        map[("b", -7)] = 1;

        Assert.Equal([1, 2, 3], map.Select(entry => entry.Value));
        Assert.Equal([1, 2], map.Range(("b", long.MinValue), ("b", long.MaxValue)).Select(entry => entry.Value));
    }

    [Fact]
    public void Keys_whose_form_does_not_keep_their_order_are_refused()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        var raw = new PersistentMapOptions<long, int> { KeySerializer = PersistentSerializers.Raw<long>() };
        var refused = Assert.Throws<ArgumentException>(() => heap.OpenOrCreateSortedMap("m", raw));
        Assert.Contains("raw System.Int64", refused.Message, StringComparison.Ordinal);
        Assert.Empty(heap.Roots);
    }

    [Fact]
    public void A_dictionary_is_not_taken_for_a_sorted_map_of_the_same_types()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        heap.OpenOrCreateDictionary<string, int>("d")["k"] = 1;
        Assert.Throws<HeapLayoutException>(() => heap.OpenOrCreateSortedMap<string, int>("d"));
        Assert.Equal(1, heap.OpenOrCreateDictionary<string, int>("d")["k"]);
    }

    [Fact]
    public void An_enumeration_begins_anew_each_time_and_may_change_the_map()
    {
        using PlainSpace space = new(8 << 20);
        PersistentSortedMap<int, int> map = PersistentHeap.Open(space).OpenOrCreateSortedMap<int, int>("m");
        IEnumerable<KeyValuePair<int, int>> from = map.From(10);
        for (int i = 0; i < 100; i++)
        {
            map[i] = i;
        }

        Assert.Equal(90, from.Count());
        foreach ((int key, _) in from)
        {
            map.Remove(key);
        }

        Assert.Empty(from);
        Assert.Equal(10, map.Count);
    }

    [Fact]
    public void No_key_is_below_one_without_bytes()
    {
        using PlainSpace space = new(8 << 20);
        PersistentSortedMap<string, int> map = PersistentHeap.Open(space).OpenOrCreateSortedMap<string, int>("m");
        map["a"] = 1;
        map["b"] = 2;
        Assert.Empty(map.Range("a", ""));
        Assert.Empty(map.RangeDescending("a", ""));
        Assert.Equal(0, map.CountRange("a", ""));
        Assert.Equal([1], map.Range("", "b").Select(entry => entry.Value));
    }

    private static void Same(SortedDictionary<int, string> model, PersistentSortedMap<int, string> map)
    {
        KeyValuePair<int, string>[] all = [.. model];
        Assert.Equal(all.Length, map.Count);
        Assert.Equal(all, map);
        Assert.Equal(all.Reverse(), map.Descending());
        Assert.Equal(all.Where(e => e.Key >= -7), map.From(-7));
        Assert.Equal(all.Where(e => e.Key is >= -500 and < 500), map.Range(-500, 500));
        Assert.Equal(all.Where(e => e.Key is >= -500 and < 500).Reverse(), map.RangeDescending(-500, 500));
        Assert.Equal(all.Count(e => e.Key is >= -500 and < 500), map.CountRange(-500, 500));
        Assert.Equal(all[0], map.TryGetFirst(out KeyValuePair<int, string> first) ? first : default);
        Assert.Equal(all[^1], map.TryGetLast(out KeyValuePair<int, string> last) ? last : default);
        for (int key = -2_010; key < 2_010; key += 37)
        {
            Assert.Equal(all.LastOrDefault(e => e.Key <= key), map.TryGetFloor(key, out var below) ? below : default);
            Assert.Equal(all.FirstOrDefault(e => e.Key >= key),
                map.TryGetCeiling(key, out var next) ? next : default);
            int rank = all.Count(e => e.Key < key);
            Assert.Equal(rank, map.Rank(key));
            Assert.Equal(all.ElementAtOrDefault(rank), map.TryGetAt(rank, out var at) ? at : default);
            Assert.Equal(model.TryGetValue(key, out string? mine), map.TryGetValue(key, out string? theirs));
            Assert.Equal(mine, theirs);
        }
    }
}
