using GuestMemFs.Heap;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Typed;

public sealed class TypedDictionaryTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void It_does_what_a_plain_dictionary_does_and_is_there_after_a_crash()
    {
        using PlainSpace space = new(64 << 20);
        PersistentDictionary<int, string> dictionary = Open<int, string>(space);
        Dictionary<int, string> model = [];
        Random random = new(3);
        for (int i = 0; i < 20_000; i++)
        {
            (int key, string value) = (random.Next(-500, 500), new string('v', random.Next(40)) + i);
            switch (random.Next(6))
            {
                case 0:
                    Assert.Equal(model.Remove(key, out string? mine), dictionary.Remove(key, out string? theirs));
                    Assert.Equal(mine, theirs);
                    break;
                case 1:
                    Assert.Equal(model.TryAdd(key, value), dictionary.TryAdd(key, value));
                    break;
                case 2:
                    Assert.Equal(model.TryGetValue(key, out mine), dictionary.TryGetValue(key, out theirs));
                    Assert.Equal(mine, theirs);
                    break;
                case 3:
                    model[key] = model.TryGetValue(key, out mine) ? mine + "+" : value;
                    Assert.Equal(model[key], dictionary.AddOrUpdate(key, value, (_, present) => present + "+"));
                    break;
                case 4:
                    Assert.Equal(model.Remove(key), dictionary.Remove(key));
                    Assert.False(dictionary.ContainsKey(key));
                    break;
                default:
                    model[key] = value;
                    dictionary[key] = value;
                    Assert.True(dictionary.ContainsKey(key));
                    break;
            }
        }

        Assert.Equal(model.OrderBy(pair => pair.Key), dictionary.OrderBy(pair => pair.Key));
        using PlainSpace after = space.Crash();
        PersistentHeap heap = PersistentHeap.Open(after);
        dictionary = heap.OpenOrCreateDictionary<int, string>("d");
        Assert.Equal(model.Count, dictionary.Count);
        Assert.Equal(model.OrderBy(pair => pair.Key), dictionary.OrderBy(pair => pair.Key));
        Assert.Empty(HeapVerifier.Verify(heap, Cancellation));
    }

    [Fact]
    public void A_missing_key_is_named()
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary<string, int> dictionary = Open<string, int>(space);
        var missing = Assert.Throws<KeyNotFoundException>(() => dictionary["nobody"]);
        Assert.Contains("'nobody'", missing.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentNullException>(() => dictionary[null!]);
    }

    [Fact]
    public void A_value_is_replaced_where_it_is_the_one_compared_with()
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary<string, long> dictionary = Open<string, long>(space);
        Assert.False(dictionary.TryUpdate("k", 2, 1));
        dictionary["k"] = 1;
        Assert.True(dictionary.TryUpdate("k", 2, 1));
        Assert.False(dictionary.TryUpdate("k", 3, 1));
        Assert.Equal(2, dictionary["k"]);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_factory_runs_once_for_all_threads_that_ask_meanwhile()
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary<string, string> dictionary = Open<string, string>(space);
        int runs = 0;
        for (int key = 0; key < 50; key++)
        {
            string name = $"k{key}";
            string[] got = new string[8];
            using var together = new Barrier(got.Length);
            Thread[] threads = [.. got.Select((_, i) => new Thread(() =>
            {
                together.SignalAndWait();
                got[i] = dictionary.GetOrAdd(name, asked =>
                {
                    Thread.Sleep(1);
                    return $"{asked} made by {Interlocked.Increment(ref runs)}";
                });
            }))];
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());
            Assert.Equal(dictionary[name], Assert.Single(got.Distinct()));
        }

        Assert.Equal(50, runs);
    }

    [Fact]
    public void A_factory_that_fails_adds_nothing_and_is_asked_again()
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary<int, int> dictionary = Open<int, int>(space);
        Assert.Throws<InvalidDataException>(() => dictionary.GetOrAdd(1, _ => throw new InvalidDataException()));
        Assert.Throws<InvalidOperationException>(() => dictionary.GetOrAdd(1, key => dictionary.GetOrAdd(key, _ => 5)));
        Assert.Equal(0, dictionary.Count);
        Assert.Equal(7, dictionary.GetOrAdd(1, _ => 7));
        Assert.Equal(7, dictionary.GetOrAdd(1, _ => 8));
    }

    [Fact]
    public void A_serializer_may_use_a_collection_of_the_heap()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary<int, string> names = heap.OpenOrCreateDictionary<int, string>("names");
        names[7] = "seven";
        PersistentDictionary<int, string> dictionary = heap.OpenOrCreateDictionary<int, string>(
            "d", new PersistentMapOptions<int, string> { ValueSerializer = new ByNumber(names) });
        dictionary[1] = "seven";
        Assert.Equal("seven", dictionary[1]);
        Assert.Equal("seven", dictionary.AddOrUpdate(1, "", (_, present) => present));
        Assert.Equal(KeyValuePair.Create(1, "seven"), Assert.Single(dictionary));
    }

    [Fact]
    public void Threads_that_update_one_key_lose_nothing()
    {
        const int threads = 4;
        const int each = 5_000;
        using PlainSpace space = new(8 << 20);
        PersistentDictionary<string, long> dictionary = Open<string, long>(space);
        Parallel.For(0, threads, _ =>
        {
            for (int i = 0; i < each; i++)
            {
                dictionary.AddOrUpdate("sum", 1, (_, present) => present + 1);
            }
        });
        Assert.Equal(threads * each, dictionary["sum"]);
    }

    [Fact]
    public void A_record_expires()
    {
        using PlainSpace space = new(8 << 20);
        var time = new Clock();
        PersistentDictionary<string, int> dictionary = PersistentHeap.Open(space).OpenOrCreateDictionary(
            "d", new PersistentMapOptions<string, int> { TimeProvider = time });
        dictionary.Set("k", 1, time.Now.AddMinutes(1));
        Assert.Equal(1, dictionary["k"]);
        time.Now = time.Now.AddMinutes(2);
        Assert.False(dictionary.TryGetValue("k", out _));
        dictionary["k"] = 2;
        Assert.True(dictionary.Expire("k", time.Now.AddSeconds(-1)));
        Assert.False(dictionary.ContainsKey("k"));
    }

    [Fact]
    public void It_is_part_of_a_group()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary<string, int> dictionary = heap.OpenOrCreateDictionary<string, int>("d");
        dictionary["a"] = 1;
        using (heap.BeginAtomic())
        {
            dictionary["a"] = 2;
            dictionary["b"] = 2;
        }

        Assert.Equal(KeyValuePair.Create("a", 1), Assert.Single(dictionary));
    }

    [Fact]
    public void A_hit_of_numbers_allocates_nothing()
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary<long, long> dictionary = Open<long, long>(space);
        long sum = 0;
        for (int warm = 0; warm < 2; warm++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (long i = 0; i < 1000; i++)
            {
                dictionary[i] = i;
                sum += dictionary.GetOrAdd(i, static _ => -1);
                sum += dictionary[i];
            }

            if (warm == 1)
            {
                Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
            }
        }

        Assert.Equal(1_998_000, sum);
    }

    private static PersistentDictionary<TKey, TValue> Open<TKey, TValue>(PlainSpace space)
        where TKey : notnull => PersistentHeap.Open(space).OpenOrCreateDictionary<TKey, TValue>("d");

    private sealed class ByNumber(PersistentDictionary<int, string> names) : IPersistentSerializer<string>
    {
        public string Shape => "a number of names";

        public void Write(string value, System.Buffers.IBufferWriter<byte> output) =>
            PersistentSerializers.Default<int>().Write(names.Single(pair => pair.Value == value).Key, output);

        public string Read(ReadOnlySpan<byte> bytes) => names[PersistentSerializers.Default<int>().Read(bytes)];
    }

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.UtcNow;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
