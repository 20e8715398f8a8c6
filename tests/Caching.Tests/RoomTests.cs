using System.Text;
using Microsoft.Extensions.Caching.Distributed;

namespace GuestMemFs.Caching.Tests;

/// <summary>A cache that is full.</summary>
public sealed class RoomTests
{
    private static readonly DistributedCacheEntryOptions s_none = new();

    [Theory]
    [InlineData(4 << 20, 200)]
    [InlineData(8 << 20, 1_000)]
    [InlineData(8 << 20, 100_000)]
    public void No_set_is_refused_for_room_and_what_is_used_stays(int size, int most)
    {
        using var folder = new CacheFolder(size);
        var random = new Random(7);
        folder.Cache.Set("used", [1, 2, 3], s_none);
        for (long written = 0; written < 8L * size;)
        {
            byte[] value = new byte[random.Next(most)];
            folder.Cache.Set($"key {written}", value, s_none);
            written += value.Length + 64;
            Assert.True(folder.Cache.Get("used") is not null, $"it went, of {folder.Cache.Count}, at {written}");
            Assert.Equal(value, folder.Cache.Get($"key {written - value.Length - 64}") ?? value);
        }

        Assert.InRange(folder.Cache.Size, size / 4, size);
    }

    [Fact]
    public void A_size_limit_holds_after_each_set()
    {
        using var folder = new CacheFolder(32 << 20, sizeLimit: 100_000);
        for (int i = 0; i < 2_000; i++)
        {
            folder.Cache.Set($"{i}", new byte[i % 997], s_none);
            Assert.InRange(folder.Cache.Size, 0, 100_000);
        }

        Assert.InRange(folder.Cache.Size, 90_000, 100_000);
    }

    [Fact]
    public void What_has_expired_goes_first()
    {
        using var folder = new CacheFolder(32 << 20, sizeLimit: 2_000_000);
        for (int i = 0; i < 8_000; i++)
        {
            folder.Cache.Set(
                $"short {i}", new byte[30], new() { AbsoluteExpirationRelativeToNow = TimeSpan.FromDays(1) });
        }

        for (int i = 0; i < 1_000; i++)
        {
            folder.Cache.Set($"long {i}", new byte[30], s_none);
        }

        Assert.Equal(9_000, folder.Cache.Count);
        folder.Clock.Advance(TimeSpan.FromDays(2));
        for (int i = 0; i < 12_000; i++)
        {
            folder.Cache.Set($"new {i}", new byte[30], s_none);
        }

        // Eight are looked at for each that goes: one in nine that is not expired has hardly a chance to be chosen.
        int left = Enumerable.Range(0, 1_000).Count(i => folder.Cache.Get($"long {i}") is not null);
        Assert.InRange(left, 900, 1_000);
    }

    [Fact]
    public void What_is_too_large_is_refused_and_nothing_goes_for_it()
    {
        using var folder = new CacheFolder(8 << 20);
        for (int i = 0; i < 100; i++)
        {
            folder.Cache.Set($"{i}", new byte[1_000], s_none);
        }

        folder.Cache.Set("largest", new byte[folder.Cache.MaximumValueLength], s_none);
        PersistentCacheEntryException e = Assert.Throws<PersistentCacheEntryException>(
            () => folder.Cache.Set("larger", new byte[folder.Cache.MaximumValueLength + 1], s_none));
        Assert.Equal((folder.Cache.MaximumValueLength + 1, folder.Cache.MaximumValueLength), (e.Length, e.Limit));
        Assert.Contains("'larger' in cache 'cache'", e.Message, StringComparison.Ordinal);
        Assert.Equal(101, folder.Cache.Count);
    }

    [Fact]
    public void A_heap_that_others_fill_refuses_and_keeps_what_is_there()
    {
        using var folder = new CacheFolder(4 << 20);
        PersistentDictionary other = PersistentDictionary.OpenOrCreate(folder.Heap, "other");
        try
        {
            for (int i = 0; ; i++)
            {
                other.Set(BitConverter.GetBytes(i), new byte[500]);
            }
        }
        catch (ArenaOutOfSpaceException)
        {
            // Full.
        }

        Assert.Throws<ArenaOutOfSpaceException>(() => folder.Cache.Set("a", new byte[100_000], s_none));
        Assert.Null(folder.Cache.Get("a"));
        Assert.NotNull(other.Get(BitConverter.GetBytes(0)));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void It_hits_as_often_as_one_that_removes_the_least_recently_used()
    {
        const int Keys = 20_000, Requests = 400_000, Kept = 2_000;
        using var folder = new CacheFolder(32 << 20, sizeLimit: Kept * (16 + 100 + 8L));
        var recent = new Recent(Kept);
        int[] trace = Zipf(Keys, Requests, 0.9);
        int ours = 0, theirs = 0;
        byte[] value = new byte[100];
        foreach (int key in trace)
        {
            string name = key.ToString("d8", System.Globalization.CultureInfo.InvariantCulture);
            ours += folder.Cache.Get(name) is null ? 0 : 1;
            theirs += recent.Use(key) ? 1 : 0;
            folder.Cache.Set(name, value, s_none);
        }

        Assert.InRange(folder.Cache.Count, Kept / 2, Kept + 1);
        TestContext.Current.TestOutputHelper?.WriteLine($"hits {100.0 * ours / Requests:f1} %, exact LRU of as many "
            + $"entries {100.0 * theirs / Requests:f1} %");
        Assert.InRange(ours, theirs, Requests);
    }

    [Fact]
    public void Threads_read_their_own_keys_values_while_others_go()
    {
        using var folder = new CacheFolder(4 << 20);
        Parallel.For(0, 8, thread =>
        {
            var random = new Random(thread);
            for (int i = 0; i < 20_000; i++)
            {
                string key = $"{random.Next(5_000)}";
                byte[] name = Encoding.UTF8.GetBytes(key);
                if (random.Next(3) == 0)
                {
                    byte[] value = new byte[name.Length + random.Next(2_000)];
                    name.CopyTo(value, 0);
                    folder.Cache.Set(key, value, new() { SlidingExpiration = TimeSpan.FromHours(1) });
                }
                else if (folder.Cache.Get(key) is { } value)
                {
                    Assert.Equal(name, value[..name.Length]);
                }
            }
        });
        Assert.True(folder.Cache.Count > 0);
    }

    [Fact]
    public void A_hit_into_a_buffer_allocates_nothing()
    {
        using var folder = new CacheFolder();
        PersistentCache cache = PersistentCache.OpenOrCreate(folder.Heap, "by the system's clock");
        cache.Set("a", new byte[200], new() { SlidingExpiration = TimeSpan.FromHours(1) });
        var writer = new System.Buffers.ArrayBufferWriter<byte>(1 << 10);
        for (int i = 0; i < 100; i++)
        {
            writer.ResetWrittenCount();
            Assert.True(cache.TryGet("a", writer));
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        bool all = true;
        for (int i = 0; i < 1_000; i++)
        {
            writer.ResetWrittenCount();
            all &= cache.TryGet("a", writer);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(all);
    }

    private static int[] Zipf(int keys, int requests, double skew)
    {
        double[] sums = new double[keys];
        double sum = 0;
        for (int i = 0; i < keys; i++)
        {
            sums[i] = sum += 1 / Math.Pow(i + 1, skew);
        }

        var random = new Random(11);
        return [.. Enumerable.Range(0, requests).Select(_ =>
            Array.BinarySearch(sums, random.NextDouble() * sum) is var place && place < 0 ? ~place : place)];
    }

    /// <summary>The numbers that were used most recently.</summary>
    private sealed class Recent(int most)
    {
        private readonly Dictionary<int, LinkedListNode<int>> _nodes = [];
        private readonly LinkedList<int> _order = new();

        public bool Use(int key)
        {
            if (_nodes.TryGetValue(key, out LinkedListNode<int>? node))
            {
                _order.Remove(node);
                _order.AddLast(node);
                return true;
            }

            _nodes.Add(key, _order.AddLast(key));
            if (_nodes.Count > most)
            {
                _nodes.Remove(_order.First!.Value);
                _order.RemoveFirst();
            }

            return false;
        }
    }
}
