using System.Globalization;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Typed;

/// <summary>Tables: records, indexes and the feed of changes, together or not at all.</summary>
public sealed class TableTests : IDisposable
{
    private const StringComparison Is = StringComparison.Ordinal;
    private readonly PlainSpace _space = new(16 << 20);

    private record struct Person(string City, string Mail, int Age);

    [Fact]
    public void Each_index_follows_each_change()
    {
        (PersistentTable<string, Person> table, var byCity, var byMail, var byAge) = Open(_space);
        table.Set("ada", new Person("Rome", "a@x", 30));
        table.Set("bob", new Person("Rome", "b@x", 20));
        table.Set("cyd", new Person("Oslo", "c@x", 25));
        Assert.Equal(["ada", "bob"], byCity["Rome"].Select(it => it.Key));
        Assert.Equal(2, byCity.Count("Rome"));
        Assert.True(byMail.TryGetFirst("c@x", out KeyValuePair<string, Person> cyd));
        Assert.Equal("cyd", cyd.Key);
        Assert.Equal(["bob", "cyd", "ada"], byAge.Ascending().Select(it => it.Key));
        Assert.Equal(["ada", "cyd", "bob"], byAge.Descending().Select(it => it.Key));
        Assert.Equal(["bob", "cyd"], byAge.Range(20, 30).Select(it => it.Key));
        Assert.Equal(2, byAge.CountRange(20, 30));
        Assert.Equal(0, byAge.CountRange(30, 20));

        table["ada"] = new Person("Oslo", "a@y", 31);
        Assert.Equal(["bob"], byCity["Rome"].Select(it => it.Key));
        Assert.Equal(["ada", "cyd"], byCity["Oslo"].Select(it => it.Key));
        Assert.False(byMail.TryGetFirst("a@x", out _));
        Assert.True(table.Remove("bob", out Person bob));
        Assert.Equal(20, bob.Age);
        Assert.False(table.Remove("bob"));
        Assert.Empty(byCity["Rome"]);
        Assert.False(table.TryAdd("ada", default));
        Assert.True(table.TryAdd("dan", new Person("Rome", "d@x", 1)));
        Assert.Equal(2, table.AddOrUpdate("dan", default, (_, it) => it with { Age = it.Age + 1 }).Age);
        Assert.Equal("dan", byAge.Ascending().First().Key);
        Assert.Equal(3, table.Count);
        Assert.Empty(table.Verify());
    }

    [Fact]
    public void A_second_record_of_a_unique_key_changes_nothing()
    {
        (PersistentTable<string, Person> table, var byCity, var byMail, _) = Open(_space);
        table.Set("ada", new Person("Rome", "a@x", 30));
        table.Set("bob", new Person("Rome", "b@x", 30));
        DuplicateIndexKeyException refused = Assert.Throws<DuplicateIndexKeyException>(
            () => table.Set("bob", new Person("Oslo", "a@x", 40)));
        Assert.Equal("GMF6013", refused.ReasonCode);
        Assert.Contains("'ada'", refused.Message, StringComparison.Ordinal);
        Assert.Throws<DuplicateIndexKeyException>(() => table.TryAdd("cyd", new Person("Oslo", "b@x", 1)));
        Assert.Equal(2, byCity.Count("Rome"));
        Assert.Empty(byCity["Oslo"]);
        Assert.Equal("b@x", table["bob"].Mail);
        Assert.Equal(2, table.Changes!.Count);
        Assert.True(byMail.TryGetFirst("b@x", out _));
        Assert.Empty(table.Verify());
    }

    [Fact]
    public void In_a_group_a_refused_change_leaves_the_others_and_going_back_takes_all()
    {
        (PersistentTable<string, Person> table, var byCity, _, _) = Open(_space);
        table.Set("ada", new Person("Rome", "a@x", 30));
        using (AtomicGroup group = HeapOf(table).BeginAtomic())
        {
            table.Set("bob", new Person("Rome", "b@x", 30));
            Assert.Throws<DuplicateIndexKeyException>(() => table.Set("cyd", new Person("Rome", "a@x", 30)));
            Assert.Equal(2, byCity.Count("Rome"));
        }

        Assert.Equal(1, byCity.Count("Rome"));
        Assert.Equal(1, table.Changes!.Count);
        Assert.Empty(table.Verify());
        Assert.Empty(HeapVerifier.Verify(HeapOf(table), TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Keys_with_zeros_in_them_lie_where_they_belong()
    {
        PersistentTable<int, string> table = PersistentHeap.Open(_space).OpenOrCreateTable<int, string>("t");
        PersistentIndex<int, string, string> index = table.Index("value", it => it);
        string[] values = ["", "\0", "\0\0", "\0a", "a", "a\0", "a\0b", "a\u0001", "ab", "\u00ff"];
        for (int i = 0; i < values.Length; i++)
        {
            table.Set(i, values[i]);
            table.Set(i + 100, values[i]);
        }

        foreach ((string value, int i) in values.Select((it, i) => (it, i)))
        {
            Assert.Equal([i, i + 100], index[value].Select(it => it.Key));
        }

        Assert.Equal(
            values.Order(StringComparer.Ordinal).SelectMany(it => new[] { it, it }),
            index.Ascending().Select(it => it.Value));
    }

    [Fact]
    public void A_value_without_a_key_is_in_no_index()
    {
        PersistentTable<int, string> table = PersistentHeap.Open(_space).OpenOrCreateTable<int, string>("t");
        PersistentIndex<int, string, string> index = table.Index("long", it => it.Length > 3 ? it : null);
        table.Set(1, "four");
        table.Set(2, "two");
        Assert.Equal([1], index.Ascending().Select(it => it.Key));
        table.Set(1, "one");
        table.Set(2, "three");
        Assert.Equal([2], index.Ascending().Select(it => it.Key));
        Assert.Empty(table.Verify());
    }

    [Fact]
    public void A_process_that_has_not_declared_an_index_changes_nothing()
    {
        Open(_space).Table.Set("ada", new Person("Rome", "a@x", 30));
        using PlainSpace crashed = _space.Crash();
        PersistentTable<string, Person> table = OpenTable(crashed);
        Assert.Equal(["age", "city", "mail"], table.Indexes.Order());
        PersistentIndexException refused = Assert.Throws<PersistentIndexException>(() => table.Remove("ada"));
        Assert.Equal("GMF6012", refused.ReasonCode);
        Assert.Throws<PersistentIndexException>(() => table.Set("bob", default));
        Assert.Throws<PersistentIndexException>(() => table.Index("city", it => it.Age));
        Assert.Throws<PersistentIndexException>(() => table.UniqueIndex("city", it => it.City));
        var byCity = table.Index("city", it => it.City);
        table.UniqueIndex("mail", it => it.Mail);
        Assert.True(table.DropIndex("age"));
        Assert.False(table.DropIndex("age"));
        table.Set("bob", new Person("Rome", "b@x", 1));
        Assert.Equal(2, byCity.Count("Rome"));
        Assert.Empty(table.Verify());
    }

    [Fact]
    [Trait("speed", "slow")]
    public void An_index_of_a_table_with_records_is_built_on_and_on_over_crashes()
    {
        PersistentTable<int, string> table = PersistentHeap.Open(_space).OpenOrCreateTable<int, string>("t");
        for (int i = 0; i < 2000; i++)
        {
            table.Set(i, $"{i % 10}");
        }

        PersistentIndex<int, string, string> index = table.Index("value", it => it);
        Assert.False(index.IsReady);
        Assert.Throws<PersistentIndexException>(() => index["1"]);
        Assert.Throws<PersistentIndexException>(() => index.Ascending());
        PlainSpace space = _space;
        int crashes = 0;
        while (table.BuildIndexes(TimeSpan.Zero))
        {
            table.Set(crashes, "changed");
            table.Remove(1000 + crashes);
            PlainSpace next = space.Crash();
            if (crashes++ > 0)
            {
                space.Dispose();
            }

            space = next;
            table = PersistentHeap.Open(space).OpenOrCreateTable<int, string>("t");
            index = table.Index("value", it => it);
        }

        Assert.True(crashes > 10, $"built in {crashes} steps");
        Assert.True(index.IsReady);
        Assert.Equal(crashes, index.Count("changed"));
        Assert.Empty(table.Verify());
        Assert.Equal(table.Count, index.Ascending().Count());
        space.Dispose();
    }

    [Fact]
    public void A_unique_index_of_records_that_are_not_unique_names_two_of_them()
    {
        PersistentTable<int, string> table = PersistentHeap.Open(_space).OpenOrCreateTable<int, string>("t");
        table.Set(1, "same");
        table.Set(2, "same");
        PersistentIndex<int, string, string> index = table.UniqueIndex("value", it => it);
        Assert.Throws<DuplicateIndexKeyException>(() => table.BuildIndexes(TimeSpan.FromSeconds(1)));
        Assert.False(index.IsReady);
        table.Set(2, "other");
        Assert.False(table.BuildIndexes(TimeSpan.FromSeconds(10)));
        Assert.Equal([1], index["same"].Select(it => it.Key));
        Assert.Equal([2], index["other"].Select(it => it.Key));
        Assert.Empty(table.Verify());
    }

    /// <summary>A crash at each store is the crash lab's; here at each change, over three indexes and a feed.</summary>
    [Fact]
    [Trait("speed", "slow")]
    public void After_a_crash_records_indexes_and_feed_agree()
    {
        (PersistentTable<string, Person> table, _, _, _) = Open(_space);
        Random random = new(1);
        for (int i = 0; i < 60; i++)
        {
            string key = $"k{random.Next(12)}";
            using AtomicGroup group = HeapOf(table).BeginAtomic();
            table.Set(key, new Person($"{random.Next(3)}", $"{key}@{random.Next(100)}", random.Next(5)));
            bool commits = random.Next(2) == 0;
            if (commits)
            {
                group.Commit();
            }

            using PlainSpace crashed = _space.Crash();
            (PersistentTable<string, Person> found, _, _, _) = Open(crashed);
            Assert.Empty(found.Verify());
            Assert.Empty(HeapVerifier.Verify(HeapOf(found), TestContext.Current.CancellationToken));
            Dictionary<string, Person> replayed = [];
            foreach ((_, PersistentTableChange<string, Person> change) in found.Changes!)
            {
                replayed[change.Key] = change.Value;
            }

            Assert.Equal(replayed.OrderBy(it => it.Key), found.OrderBy(it => it.Key));
        }
    }

    [Fact]
    public async Task Followers_get_what_is_committed_and_nothing_else()
    {
        (PersistentTable<string, Person> table, _, _, _) = Open(_space);
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(
            TestContext.Current.CancellationToken);
        List<string> seen = [];
        Task follower = Follow();
        async Task Follow()
        {
            await foreach ((_, PersistentTableChange<string, Person> change)
                in table.FollowChangesAsync(default, end.Token))
            {
                lock (seen)
                {
                    seen.Add($"{change.Kind} {change.Key}");
                }
            }
        }

        Thread writer = new(() =>
        {
            for (int i = 0; i < 200; i++)
            {
                using AtomicGroup group = HeapOf(table).BeginAtomic();
                string mail = i.ToString(CultureInfo.InvariantCulture);
                table.Set($"{(i % 2 == 0 ? "kept" : "gone")}{i}", new Person("", mail, 0));
                Thread.SpinWait(20_000);
                if (i % 2 == 0)
                {
                    group.Commit();
                }
            }

            table.Remove("kept0");
        });
        writer.Start();
        writer.Join();
        Assert.True(SpinWait.SpinUntil(() => { lock (seen) { return seen.Count >= 101; } }, Patience.Limit));
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => follower);
        Assert.Equal(
            [.. Enumerable.Range(0, 100).Select(i => $"Set kept{2 * i}"), "Removed kept0"], seen);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Indexes_that_come_and_go_beside_writers_are_right_or_refused()
    {
        PersistentTable<int, string> table = PersistentHeap.Open(_space).OpenOrCreateTable<int, string>("t");
        PersistentIndex<int, string, string> kept = table.Index("kept", it => it);
        bool stop = false;
        Thread[] writers = [.. Enumerable.Range(0, 2).Select(n => new Thread(() =>
        {
            Random random = new(n);
            while (!Volatile.Read(ref stop))
            {
                int key = random.Next(200);
                _ = random.Next(4) == 0 ? table.Remove(key) : table.AddOrUpdate(key, "new", (_, it) => it + "x") is { };
            }
        }))];
        Array.ForEach(writers, it => it.Start());
        try
        {
            for (int round = 0; round < 20; round++)
            {
                PersistentIndex<int, string, int> coming = table.Index("coming", it => it.Length);
                while (table.BuildIndexes(TimeSpan.Zero))
                {
                    Assert.False(coming.IsReady);
                }

                Assert.Empty(table.Verify());
                Assert.All(kept["newx"], it => Assert.Equal("newx", it.Value));
                Assert.All(coming[3], it => Assert.Equal(3, it.Value.Length));
                Assert.True(table.DropIndex("coming"));
            }
        }
        finally
        {
            Volatile.Write(ref stop, true);
            Array.ForEach(writers, it => it.Join());
        }

        Assert.Empty(table.Verify());
        Assert.Empty(HeapVerifier.Verify(table.Heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_function_that_throws_or_changes_the_table_changes_nothing()
    {
        PersistentTable<int, string> table = PersistentHeap.Open(_space).OpenOrCreateTable<int, string>("t");
        PersistentIndex<int, string, string> index = table.Index("value", it =>
            it == "bad" ? throw new FormatException(it) : it == "again" ? table.Remove(1) ? it : it : it);
        table.Set(1, "good");
        Assert.Throws<FormatException>(() => table.Set(1, "bad"));
        Assert.Throws<ReentrantCallException>(() => table.Set(2, "again"));
        Assert.Throws<ReentrantCallException>(() => table.AddOrUpdate(1, "", (_, it) =>
        {
            table.Set(1, "other");
            return it;
        }));
        Assert.Throws<FormatException>(() => table.AddOrUpdate(1, "", (_, it) => throw new FormatException(it)));
        Assert.Equal([KeyValuePair.Create(1, "good")], table);
        Assert.Equal([1], index.Ascending().Select(it => it.Key));
        table.Set(2, "good");
        Assert.Equal(2, index.Count("good"));
        Assert.Empty(table.Verify());
        Assert.Empty(HeapVerifier.Verify(table.Heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_deep_check_finds_entries_that_lead_nowhere()
    {
        PersistentHeap heap = PersistentHeap.Open(_space);
        PersistentTable<string, string> table = heap.OpenOrCreateTable<string, string>("t");
        table.Index("value", it => it);
        table.UniqueIndex("unique", it => it);
        table.Set("a", "1");
        table.Set("b", "2");
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));

        PersistentDictionary.OpenOrCreate(heap, "t").Remove("a"u8); // past the table
        PersistentSortedMap map = PersistentSortedMap.OpenOrCreate(heap, "t.index");
        map.Set([9, 1], default);
        map.Set([1, 1], default);
        map.Set([0, (byte)'x'], "short"u8);
        string[] problems = [.. HeapVerifier.Verify(heap, TestContext.Current.CancellationToken)];

        Assert.Equal(5, problems.Length);
        Assert.Single(problems, it => it.Contains("table 't': index 'value' leads to a record 61", Is));
        Assert.Single(problems, it => it.Contains("table 't': index 'unique' leads to a record 61", Is));
        Assert.Single(problems, it => it.Contains("no end of its key", Is));
        Assert.Single(problems, it => it.Contains("an entry 0901 is of no index", Is));
        Assert.Single(problems, it => it.Contains("described by 5 bytes", Is));
        Assert.Throws<FormatException>(() => table.Indexes);
    }

    [Fact]
    public void Opened_twice_it_is_one_table_and_as_something_else_it_is_refused()
    {
        PersistentHeap heap = PersistentHeap.Open(_space);
        PersistentTable<int, string> table = heap.OpenOrCreateTable<int, string>("t");
        Assert.Same(table, heap.OpenOrCreateTable<int, string>("t"));
        Assert.Throws<ArgumentException>(() => heap.OpenOrCreateTable<int, int>("t"));
        Assert.Throws<PersistentShapeException>(() => heap.OpenOrCreateDictionary<int, string>("t"));
        heap.OpenOrCreateDictionary<int, string>("d");
        Assert.Throws<PersistentShapeException>(() => heap.OpenOrCreateTable<int, string>("d"));
        Assert.Throws<ArgumentException>(() => heap.OpenOrCreateTable<int, string>(new string('n', 24)));
        Assert.Throws<ArgumentException>(() => table.Index(new string('n', 64), it => it));
        Assert.Throws<ArgumentNullException>(() => table.Index<string>("n", null!));
        using AtomicGroup group = heap.BeginAtomic();
        Assert.Throws<AtomicGroupException>(() => table.Index("late", it => it));
    }

    [Fact]
    public void The_255th_index_is_the_last()
    {
        PersistentTable<int, string> table = PersistentHeap.Open(_space).OpenOrCreateTable<int, string>("t");
        for (int i = 0; i < 255; i++)
        {
            table.Index($"i{i}", it => it);
        }

        Assert.Throws<PersistentIndexException>(() => table.Index("more", it => it));
        table.DropIndex("i7");
        PersistentIndex<int, string, string> again = table.Index("more", it => it);
        PersistentIndex<int, string, string> last = table.Index("i254", it => it);
        table.Set(1, "v");
        Assert.Equal([1], again["v"].Select(it => it.Key));
        Assert.Equal([1], last.Ascending().Select(it => it.Key));
        Assert.Equal([1], last.Descending().Select(it => it.Key));
    }

    public void Dispose() => _space.Dispose();

    private static PersistentHeap HeapOf(PersistentTable<string, Person> table) => table.Heap;

    private static PersistentTable<string, Person> OpenTable(PlainSpace space) =>
        PersistentHeap.Open(space).OpenOrCreateTable("people", new PersistentTableOptions<string, Person>
        {
            ValueSerializer = new PersonSerializer(),
            KeepsChanges = true,
        });

    private static (PersistentTable<string, Person> Table, PersistentIndex<string, Person, string> ByCity,
        PersistentIndex<string, Person, string> ByMail, PersistentIndex<string, Person, int> ByAge) Open(
        PlainSpace space)
    {
        PersistentTable<string, Person> table = OpenTable(space);
        return (table, table.Index("city", it => it.City), table.UniqueIndex("mail", it => it.Mail),
            table.Index("age", it => it.Age));
    }

    private sealed class PersonSerializer : IPersistentSerializer<Person>
    {
        private static readonly IPersistentSerializer<((string City, string Mail) Texts, int Age)> s_parts =
            PersistentSerializers.Pair(
                PersistentSerializers.Pair(PersistentSerializers.Text, PersistentSerializers.Text),
                PersistentSerializers.Default<int>());

        public string Shape => "person";

        public void Write(Person value, System.Buffers.IBufferWriter<byte> output) =>
            s_parts.Write(((value.City ?? "", value.Mail ?? ""), value.Age), output);

        public Person Read(ReadOnlySpan<byte> bytes)
        {
            ((string city, string mail), int age) = s_parts.Read(bytes);
            return new Person(city, mail, age);
        }
    }
}
