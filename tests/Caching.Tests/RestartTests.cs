using Microsoft.Extensions.Caching.Distributed;

namespace GuestMemFs.Caching.Tests;

/// <summary>What a cache is after its process has ended.</summary>
public sealed class RestartTests : IDisposable
{
    private readonly CacheFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Entries_and_both_kinds_of_expiry_live_on()
    {
        _folder.Cache.Set("stays", [1], new());
        _folder.Cache.Set("ends", [2], new() { AbsoluteExpirationRelativeToNow = TimeSpan.FromMinutes(10) });
        _folder.Cache.Set("slides", [3], new() { SlidingExpiration = TimeSpan.FromMinutes(10) });
        _folder.Clock.Advance(TimeSpan.FromMinutes(6));
        Assert.NotNull(_folder.Cache.Get("slides"));
        _folder.Reopen();
        Assert.Equal(3, _folder.Cache.Count);
        _folder.Clock.Advance(TimeSpan.FromMinutes(6));
        Assert.Equal([1], _folder.Cache.Get("stays"));
        Assert.Null(_folder.Cache.Get("ends"));
        Assert.Equal([3], _folder.Cache.Get("slides")); // Its sliding time is kept too.
        _folder.Clock.Advance(TimeSpan.FromMinutes(11));
        Assert.Null(_folder.Cache.Get("slides"));
    }

    [Fact]
    public void A_dictionary_of_something_else_is_not_taken_for_a_cache()
    {
        _folder.Heap.OpenOrCreateDictionary<string, int>("numbers")["a"] = 1;
        PersistentShapeException e = Assert.Throws<PersistentShapeException>(
            () => PersistentCache.OpenOrCreate(_folder.Heap, "numbers"));
        Assert.Contains("numbers", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_openings_are_one_cache()
    {
        PersistentCache again = PersistentCache.OpenOrCreate(_folder.Heap, "cache");
        again.Set("a", [1], new());
        Assert.Equal([1], _folder.Cache.Get("a"));
        _folder.Cache.Clear();
        Assert.Null(again.Get("a"));
    }
}
