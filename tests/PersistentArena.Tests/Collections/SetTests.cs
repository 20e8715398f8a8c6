using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

public sealed class SetTests
{
    [Fact]
    public void Random_changes_equal_plain_sets_over_crashes()
    {
        using PlainSpace first = new(32 << 20);
        PlainSpace space = first;
        PersistentSet[] sets = Open(space);
        SortedSet<string>[] models = [.. sets.Select(_ => new SortedSet<string>(StringComparer.Ordinal))];
        Random random = new(22);
        for (int i = 0; i < 600; i++)
        {
            for (int k = 0; k < 20; k++)
            {
                Change(random, sets, models);
            }

            if (i % 20 == 0)
            {
                int target = random.Next(sets.Length);
                Combine(random, sets, models, target);
                AssertSame(models[target], sets[target]);
            }

            if (i % 200 == 199)
            {
                PlainSpace after = space.Crash();
                (space == first ? null : space)?.Dispose();
                space = after;
                sets = Open(space);
                Array.ForEach([0, 1, 2], set => AssertSame(models[set], sets[set]));
            }
        }

        Assert.Empty(HeapVerifier.Verify(sets[0].Heap, TestContext.Current.CancellationToken));
        Assert.Equal(models[0].Count, sets[0].Clear());
        AssertSame([], sets[0]);
        (space == first ? null : space)?.Dispose();
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_small_set_beside_a_large_one_is_searched_for_in_it()
    {
        using PlainSpace space = new(64 << 20);
        PersistentSet[] sets = Open(space);
        for (int i = 0; i < 50_000; i++)
        {
            sets[0].Add(SortedModel.Bytes($"{i:D6}"));
        }

        string[] few = ["000000", "012345", "0123456", "049999", "05"];
        Array.ForEach(few, each => sets[1].Add(SortedModel.Bytes(each)));

        Assert.Equal(["000000", "012345", "049999"], Texts(PersistentSet.Intersection(sets[0], sets[1])));
        Assert.Equal(["0123456", "05"], Texts(PersistentSet.Difference(sets[1], sets[0])));
        Assert.Equal(50_002, Texts(PersistentSet.Union(sets[0], sets[1], sets[0])).Count);
        Assert.Equal(50_000, sets[0].IntersectWith(sets[0], sets[1], sets[2]));
        Assert.Equal(0, sets[0].Count);
    }

    [Fact]
    public void Chance_meets_each_member()
    {
        using PlainSpace space = new(8 << 20);
        PersistentSet set = Open(space)[0];
        Assert.False(set.TryGetRandom(out _));
        Assert.False(set.TryRemoveRandom(out _));
        for (int i = 0; i < 30; i++)
        {
            set.Add([(byte)i]);
        }

        HashSet<byte> met = [];
        for (int i = 0; i < 2_000; i++)
        {
            Assert.True(set.TryGetRandom(out byte[]? member));
            met.Add(member![0]);
        }

        Assert.Equal(30, met.Count);
        met.Clear();
        while (set.TryRemoveRandom(out byte[]? member))
        {
            Assert.True(met.Add(member![0]));
        }

        Assert.Equal((30, 0), (met.Count, (int)set.Count));
    }

    [Fact]
    public void Members_that_do_not_rise_are_refused_and_nothing_changes()
    {
        using PlainSpace space = new(8 << 20);
        PersistentSet set = Open(space)[0];
        PersistentList list = PersistentList.OpenOrCreate(set.Heap, "list");
        set.Add("kept"u8);
        list.AddLast("b"u8);
        list.AddLast("a"u8);

        Assert.Throws<ArgumentException>(() => set.ReplaceWith(list.Scan()));

        Assert.Equal(["kept"], Texts(set.Scan()));
        list.RemoveAt(0);
        Assert.Equal(2, set.ReplaceWith(list.Scan()));
        Assert.Equal(["a"], Texts(set.Scan()));
        Assert.Throws<ArgumentOutOfRangeException>(() => PersistentSet.Intersection());
        Assert.False(PersistentSet.Union().MoveNext());
    }

    private static PersistentSet[] Open(PlainSpace space)
    {
        PersistentHeap heap = PersistentHeap.Open(space);
        return [.. new[] { "a", "b", "c" }.Select(name => PersistentSet.OpenOrCreate(heap, name))];
    }

    private static void Change(Random random, PersistentSet[] sets, SortedSet<string>[] models)
    {
        int which = random.Next(sets.Length);
        string member = $"m{random.Next(600)}";
        if (random.Next(3) == 0)
        {
            Assert.Equal(models[which].Remove(member), sets[which].Remove(SortedModel.Bytes(member)));
        }
        else
        {
            Assert.Equal(models[which].Add(member), sets[which].Add(SortedModel.Bytes(member)));
        }

        Assert.Equal(models[which].Contains(member), sets[which].Contains(SortedModel.Bytes(member)));
    }

    private static void Combine(Random random, PersistentSet[] sets, SortedSet<string>[] models, int target)
    {
        int other = random.Next(sets.Length);
        int third = random.Next(sets.Length);
        string[] before = [.. models[target]];
        int how = random.Next(4);
        string[] wanted = how switch
        {
            0 => [.. models[target].Union(models[other]).Union(models[third])],
            1 => [.. models[target].Intersect(models[other])],
            2 => [.. models[target].Except(models[other])],
            _ => [.. models[other].Except(models[third])],
        };
        long changed = how switch
        {
            0 => sets[target].UnionWith(sets[other], sets[third]),
            1 => sets[target].IntersectWith(sets[other]),
            2 => sets[target].ExceptWith(sets[other]),
            _ => sets[target].ReplaceWith(PersistentSet.Difference(sets[other], sets[third])),
        };
        Assert.Equal(wanted.Except(before).Count() + before.Except(wanted).Count(), changed);
        models[target].Clear();
        models[target].UnionWith(wanted);
    }

    private static void AssertSame(SortedSet<string> expected, PersistentSet set)
    {
        Assert.Equal(expected.Count, set.Count);
        Assert.Equal(expected, Texts(set.GetEnumerator()));
    }

    private static List<string> Texts(ElementCursor cursor) =>
        [.. ListTests.All(cursor).Select(System.Text.Encoding.UTF8.GetString)];
}
