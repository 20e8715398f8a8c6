using System.Globalization;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

/// <summary>
/// A dictionary and a sorted map beside a plain map of values and times, while a clock goes: what has expired is there
/// for nobody, and counted until it is removed.
/// </summary>
public sealed class ExpiryModelTests
{
    private const int Steps = 2_500;

    [Theory]
    [InlineData(false, 60)]
    [InlineData(true, 60)]
    [InlineData(false, 2)]
    [InlineData(true, 2)]
    public void Random_changes_and_times_equal_a_plain_map(bool sorted, int keys)
    {
        Random random = new(keys);
        Clock clock = new();
        using PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        IExpiring map = Open(heap, sorted, clock);
        Dictionary<string, (string Value, long At)> model = new(StringComparer.Ordinal);
        int removed = 0;
        for (int i = 0; i < Steps; i++)
        {
            clock.Now += random.Next(4);
            Change(random, Key(random, keys), map, model, clock.Now);
            removed += Sweep(random, map, model, clock.Now);
            string key = Key(random, keys);
            bool live = IsLive(model, key, clock.Now);
            Assert.Equal(live ? model[key].Value : null, map.Get(key));
            Assert.Equal(model.Count, map.Count);
            Assert.Equal(model.Values.Count(one => one.At != 0), map.ExpiringCount);
        }

        Assert.InRange(removed, Steps / 200, Steps);
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    private static string Key(Random random, int keys) =>
        string.Create(CultureInfo.InvariantCulture, $"key {random.Next(keys)}");

    private static bool IsLive(Dictionary<string, (string Value, long At)> model, string key, long now) =>
        model.TryGetValue(key, out var one) && (one.At == 0 || one.At > now);

    private static void Change(
        Random random, string key, IExpiring map, Dictionary<string, (string Value, long At)> model, long now)
    {
        string value = new((char)('a' + random.Next(26)), random.Next(random.Next(10) == 0 ? 900 : 40));
        long at = random.Next(3) == 0 ? 0 : now + random.Next(-3, 120);
        bool live = IsLive(model, key, now);
        switch (random.Next(6))
        {
            case 0 or 1:
                map.Set(key, value, at);
                model[key] = (value, at);
                break;
            case 2:
                Assert.Equal(!live, map.TryAdd(key, value, at));
                model[key] = live ? model[key] : (value, at);
                break;
            case 3 or 4:
                Assert.Equal(live, map.Expire(key, at));
                if (live)
                {
                    model[key] = model[key] with { At = at };
                }

                break;
            default:
                Assert.Equal(live, map.Remove(key));
                model.Remove(key);
                break;
        }
    }

    // In steps now and then, and all of it at times.
    private static int Sweep(
        Random random, IExpiring map, Dictionary<string, (string Value, long At)> model, long now)
    {
        if (random.Next(8) > 0)
        {
            return 0;
        }

        int due = model.Values.Count(one => one.At != 0 && one.At <= now);
        int removed = map.RemoveExpired(random.Next(2) == 0 ? int.MaxValue : random.Next(4));
        Assert.InRange(removed, 0, due);
        if (removed < due)
        {
            removed += map.RemoveExpired(int.MaxValue);
        }

        Assert.Equal(due, removed);
        foreach (string key in model.Where(one => one.Value.At != 0 && one.Value.At <= now).Select(one => one.Key)
            .ToArray())
        {
            model.Remove(key);
        }

        Assert.Equal(0, map.RemoveExpired(int.MaxValue));
        return due;
    }

    private static IExpiring Open(PersistentHeap heap, bool sorted, TimeProvider clock) => sorted
        ? new OfSortedMap(PersistentSortedMap.OpenOrCreate(heap, "map", new() { TimeProvider = clock }))
        : new OfDictionary(PersistentDictionary.OpenOrCreate(heap, "map", new() { TimeProvider = clock }));

    private static DateTimeOffset? Time(long at) => at == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(at);

    private static byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    private static string? Text(byte[]? bytes) => bytes is null ? null : System.Text.Encoding.UTF8.GetString(bytes);

    private sealed class Clock : TimeProvider
    {
        public long Now { get; set; } = 1_000_000;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(Now);
    }

    private interface IExpiring
    {
        long Count { get; }

        long ExpiringCount { get; }

        void Set(string key, string value, long at);

        bool TryAdd(string key, string value, long at);

        bool Expire(string key, long at);

        bool Remove(string key);

        string? Get(string key);

        int RemoveExpired(int most);
    }

    private sealed class OfDictionary(PersistentDictionary map) : IExpiring
    {
        public long Count => map.Count;

        public long ExpiringCount => map.ExpiringCount;

        public void Set(string key, string value, long at) => map.Set(Bytes(key), Bytes(value), Time(at));

        public bool TryAdd(string key, string value, long at) => map.TryAdd(Bytes(key), Bytes(value), Time(at));

        public bool Expire(string key, long at) => map.Expire(Bytes(key), Time(at));

        public bool Remove(string key) => map.Remove(Bytes(key));

        public string? Get(string key) => Text(map.Get(Bytes(key)));

        public int RemoveExpired(int most) => map.RemoveExpired(most);
    }

    private sealed class OfSortedMap(PersistentSortedMap map) : IExpiring
    {
        public long Count => map.Count;

        public long ExpiringCount => map.ExpiringCount;

        public void Set(string key, string value, long at) => map.Set(Bytes(key), Bytes(value), Time(at));

        public bool TryAdd(string key, string value, long at) => map.TryAdd(Bytes(key), Bytes(value), Time(at));

        public bool Expire(string key, long at) => map.Expire(Bytes(key), Time(at));

        public bool Remove(string key) => map.Remove(Bytes(key));

        public string? Get(string key) => Text(map.Get(Bytes(key)));

        public int RemoveExpired(int most) => map.RemoveExpired(most);
    }
}
