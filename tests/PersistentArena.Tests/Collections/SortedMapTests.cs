using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

public sealed class SortedMapTests
{
    /// <summary>How keys are made: what they share, how long they are.</summary>
    public static TheoryData<string> Shapes => ["numbers", "random bytes", "one shared prefix", "zeros", "long"];

    [Theory]
    [Trait("speed", "slow")]
    [MemberData(nameof(Shapes))]
    public void Random_changes_equal_a_plain_map_over_crashes(string shape)
    {
        using PlainSpace first = new(32 << 20);
        PlainSpace space = first;
        PersistentSortedMap map = SortedModel.Open(space);
        SortedModel model = new();
        Random random = new(16);
        for (int i = 0; i < 12_000; i++)
        {
            byte[] key = Key(shape, random);
            int removals = i / 3_000 % 2 == 0 ? 3 : 7; // it grows and shrinks
            if (random.Next(10) < removals)
            {
                Assert.Equal(model.Entries.Remove(key), map.Remove(key));
            }
            else
            {
                byte[] value = new byte[random.Next(60)];
                random.NextBytes(value);
                map.Set(key, value);
                model.Entries[key] = value;
            }

            if (i % 500 == 0)
            {
                model.AssertAround(map, Key(shape, random), random.Next(3) == 0 ? [] : Key(shape, random));
            }

            if (i % 4_000 == 3_999)
            {
                model.AssertSame(map);
                PlainSpace after = space.Crash();
                (space == first ? null : space)?.Dispose();
                space = after;
                map = SortedModel.Open(space);
                model.AssertSame(map);
            }
        }

        foreach (byte[] key in model.Entries.Keys.ToArray())
        {
            Assert.True(map.Remove(key));
        }

        model.Entries.Clear();
        model.AssertSame(map);
        space.Dispose();
    }

    [Fact]
    public void Keys_in_rising_order_fill_whole_leaves()
    {
        using PlainSpace space = new(64 << 20);
        PersistentSortedMap map = SortedModel.Open(space);

        long count = map.Load(Enumerable.Range(0, 50_000).Select(i =>
            KeyValuePair.Create(SortedModel.Bytes($"{i:D8}"), SortedModel.Bytes("v" + i))));

        Assert.Equal(50_000, count);
        Assert.Equal(50_000, map.Count);
        Assert.True(map.TryGetAt(31_415, out var entry));
        Assert.Equal(SortedModel.Bytes("00031415"), entry.Key);
        int leaves = GuestMemFs.Heap.HeapBlocks.Find(space).Count(pair => IsLeaf(space, pair.Key));
        Assert.InRange(leaves, 50_000 / 12, (50_000 / 12) + 10);
        Assert.Empty(HeapVerifier.Verify(map.Core.Heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_cursor_goes_on_over_changes()
    {
        using PlainSpace space = new(16 << 20);
        PersistentSortedMap map = SortedModel.Open(space);
        for (int i = 0; i < 2_000; i += 2)
        {
            map.Set(SortedModel.Bytes($"{i:D6}"), "v"u8);
        }

        int seen = 0;
        byte[] last = [];
        foreach (SortedEntry entry in map.Scan())
        {
            Assert.True(last.AsSpan().SequenceCompareTo(entry.Key) < 0);
            last = entry.Key.ToArray();
            int number = int.Parse(entry.Key, null);
            seen += number % 2 == 0 ? 1 : 0;
            map.Set(SortedModel.Bytes($"{number + 1:D6}"), "between"u8);
            Assert.True(map.Remove(last));
        }

        Assert.Equal(1_000, seen);
        Assert.Empty(HeapVerifier.Verify(map.Core.Heap, TestContext.Current.CancellationToken));
    }

    /// <summary>
    /// A cursor that keeps its way to a leaf: nodes before it, at it and behind it are split and joined meanwhile.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_cursor_sees_all_that_stays_while_nodes_around_it_are_replaced(bool descends)
    {
        using PlainSpace space = new(64 << 20);
        PersistentSortedMap map = SortedModel.Open(space);
        const int Keys = 6_000;
        for (int i = 0; i < Keys; i++)
        {
            map.Set(SortedModel.Bytes($"{i:D6}"), SortedModel.Bytes($"value {i}"));
        }

        // Every eighth key stays. Others come and go: near the cursor, far before it and far behind.
        Random random = new(11);
        List<int> seen = [];
        foreach (SortedEntry entry in descends ? map.ScanDescending() : map.Scan())
        {
            int at = int.Parse(entry.Key, null);
            Assert.Equal(SortedModel.Bytes($"value {at}"), entry.Value);
            seen.Add(at);
            int other = random.Next(3) == 0 ? random.Next(Keys) : Math.Clamp(at + random.Next(-40, 40), 0, Keys - 1);
            for (int key = other; key < Math.Min(other + 12, Keys); key++)
            {
                if (key % 8 != 0 && !map.Remove(SortedModel.Bytes($"{key:D6}")))
                {
                    map.Set(SortedModel.Bytes($"{key:D6}"), SortedModel.Bytes($"value {key}"));
                }
            }
        }

        Assert.Equal(descends ? seen.OrderDescending() : seen.Order(), seen);
        Assert.Equal(seen.Count, seen.Distinct().Count());
        Assert.Equal(Keys / 8, seen.Count(it => it % 8 == 0));
        Assert.Empty(HeapVerifier.Verify(map.Core.Heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Compare_and_swap_add_and_integers()
    {
        using PlainSpace space = new(16 << 20);
        PersistentSortedMap map = SortedModel.Open(space);

        Assert.True(map.TryAdd("k"u8, "1"u8));
        Assert.False(map.TryAdd("k"u8, "2"u8));
        Assert.False(map.TryUpdate("k"u8, "3"u8, "2"u8));
        Assert.True(map.TryUpdate("k"u8, "3"u8, "1"u8));
        Assert.Equal("3"u8.ToArray(), map.Get("k"u8));
        Assert.Equal(8, map.Increment("k"u8, 5));
        Assert.Equal(9, map.Increment("k"u8));
        Assert.True(map.TryGetFirst(out var entry));
        Assert.Equal("9"u8.ToArray(), entry.Value);
        Assert.Throws<ArgumentException>(() => map.Set(new byte[PersistentSortedMap.MaximumKeyLength + 1], []));
        map.Set(new byte[PersistentSortedMap.MaximumKeyLength], "long"u8);
        map.Set([], "empty"u8);
        Assert.True(map.TryGetFirst(out entry));
        Assert.Empty(entry.Key);
        Assert.Empty(HeapVerifier.Verify(map.Core.Heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void What_expired_is_absent_and_is_removed_by_a_timer()
    {
        using PlainSpace space = new(16 << 20);
        Clock clock = new();
        PersistentSortedMap map = SortedModel.Open(space, clock);
        for (int i = 0; i < 1_000; i++)
        {
            map.Set(SortedModel.Bytes($"{i:D4}"), "v"u8, i % 3 == 0 ? clock.Now.AddSeconds(10) : null);
        }

        Assert.True(map.Expire("0001"u8, clock.Now.AddSeconds(20)));
        Assert.True(map.Expire("0000"u8, null));
        Assert.Equal(334, map.ExpiringCount);
        clock.Now = clock.Now.AddSeconds(10);

        Assert.Null(map.Get("0003"u8));
        Assert.NotNull(map.Get("0000"u8));
        Assert.NotNull(map.Get("0001"u8));
        int seen = 0;
        foreach (SortedEntry entry in map.Scan())
        {
            seen++;
            Assert.Equal(entry.Key.SequenceEqual("0001"u8) ? clock.Now.AddSeconds(10) : null, entry.ExpiresAt);
        }

        Assert.Equal(667, seen);
        Assert.True(map.TryGetFloor("0003"u8, out var floor));
        Assert.Equal("0002"u8.ToArray(), floor.Key);
        Assert.Equal(1_000, map.Count);
        int removed = 0;
        for (int i = 0; i < 20; i++)
        {
            removed += map.RemoveExpired(20);
        }

        Assert.Equal(333, removed);
        Assert.Equal(667, map.Count);
        Assert.Equal(1, map.ExpiringCount);
        Assert.Empty(HeapVerifier.Verify(map.Core.Heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_full_heap_refuses_and_loses_nothing()
    {
        using PlainSpace space = new(4 << 20);
        PersistentSortedMap map = SortedModel.Open(space);
        SortedModel model = new();
        Random random = new(5);
        int refused = 0;
        for (int i = 0; i < 60_000 && refused < 500; i++)
        {
            byte[] key = SortedModel.Bytes("k" + random.Next(100_000));
            byte[] value = new byte[random.Next(300)];
            try
            {
                map.Set(key, value);
                model.Entries[key] = value;
            }
            catch (ArenaOutOfSpaceException)
            {
                refused++;
                foreach (byte[] victim in model.Entries.Keys.Where(_ => random.Next(1_000) == 0).ToArray())
                {
                    Assert.True(map.Remove(victim));
                    model.Entries.Remove(victim);
                }
            }
        }

        Assert.True(refused > 0);
        model.AssertSame(map);
    }

    [Fact]
    [Trait("speed", "slow")]
    public unsafe void In_a_heap_that_erases_what_was_removed_is_gone()
    {
        using PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space, new HeapOptions { Erase = true });
        PersistentSortedMap map = PersistentSortedMap.OpenOrCreate(heap, "map");
        for (int i = 0; i < 500; i++)
        {
            map.Set(SortedModel.Bytes($"{i:D3}-key-of-it"), "a-secret-value"u8);
        }

        for (int i = 0; i < 500; i++)
        {
            byte[] key = SortedModel.Bytes($"{i:D3}-key-of-it");
            map.Set(key, "other"u8);
            Assert.True(i % 2 == 0 || map.Remove(key));
        }

        ReadOnlySpan<byte> memory = new(space.Base, (int)space.Length);
        Assert.True(memory.IndexOf("a-secret-value"u8) < 0);
        for (int i = 0; i < 500; i++)
        {
            Assert.Equal(i % 2 == 0, memory.IndexOf(SortedModel.Bytes($"{i:D3}-key-of-it")) >= 0);
            Assert.True(i % 2 == 0 || memory.IndexOf(Slice($"{i:D3}-key-of-it", heap)) < 0, "a slice of a removed key");
        }

        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void All_openings_share_one_map_and_another_clock_is_refused()
    {
        using PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentSortedMap map = PersistentSortedMap.OpenOrCreate(heap, "map");

        Assert.Same(map.Core, PersistentSortedMap.OpenOrCreate(heap, "map").Core);
        Assert.Throws<DictionaryOptionsException>(() =>
            PersistentSortedMap.OpenOrCreate(heap, "map", new() { TimeProvider = new Clock() }));
        Assert.Throws<HeapLayoutException>(() => PersistentDictionary.OpenOrCreate(heap, "map"));
        using AtomicGroup group = heap.BeginAtomic();
        Assert.Throws<AtomicGroupException>(() => PersistentSortedMap.OpenOrCreate(heap, "other"));
    }

    // As it lies there under a prefix of two bytes or less: the last of the others would be part of each slice.
    private static byte[] Slice(string key, PersistentHeap heap)
    {
        Assert.True(heap.Erases);
        byte[] slice = SortedModel.Bytes(key)[..8];
        Array.Reverse(slice);
        return slice;
    }

    private static unsafe bool IsLeaf(PlainSpace space, long block) =>
        GuestMemFs.Heap.BlockHeader.TypeOf(*(ulong*)(space.Base + block)) == GuestMemFs.Heap.BlockHeader.TypeLeaf;

    private static byte[] Key(string shape, Random random)
    {
        byte[] bytes = new byte[random.Next(5)];
        switch (shape)
        {
            case "numbers":
                return SortedModel.Bytes(random.Next(3_000).ToString("D6", null));
            case "random bytes":
                random.NextBytes(bytes);
                return bytes;
            case "one shared prefix":
                return SortedModel.Bytes($"tenant/0001/user/{random.Next(40)}/item/{random.Next(60)}");
            case "zeros":
                return new byte[random.Next(400)];
            default:
                return [.. Enumerable.Repeat((byte)'x', random.Next(3) * 400), (byte)random.Next(256),
                    (byte)random.Next(4)];
        }
    }

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.FromUnixTimeMilliseconds(1_000_000);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
