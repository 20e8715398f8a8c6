using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using ZiggyCreatures.Caching.Fusion;

namespace GuestMemFs.Caching.Tests;

/// <summary>The cache in a host's services, over a restart of the host.</summary>
public sealed class HostTests : IDisposable
{
    private readonly TestFolder _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task One_line_gives_a_cache_that_is_there_after_a_restart()
    {
        await RunAsync(services => services.AddPersistentArenaCache(Arena), async services =>
            await services.GetRequiredService<IDistributedCache>().SetAsync("a", [1, 2], new(), Cancellation));
        await RunAsync(services => services.AddPersistentArenaCache(Arena), async services =>
        {
            IDistributedCache cache = services.GetRequiredService<IDistributedCache>();
            Assert.Equal([1, 2], await cache.GetAsync("a", Cancellation));
            Assert.Same(cache, services.GetRequiredService<PersistentCache>());
            Assert.Same(cache, services.GetRequiredKeyedService<IDistributedCache>("cache"));
        });
    }

    [Fact]
    public async Task Several_caches_lie_in_arenas_of_their_own()
    {
        await RunAsync(
            services => services.AddPersistentArenaCache(Arena)
                .AddPersistentArenaCache(arena => arena.Directory = _folder["pages"], name: "pages")
                .AddPersistentArenaCache(name: "pages"),
            services =>
            {
                services.GetRequiredKeyedService<IDistributedCache>("pages").Set("a", [1], new());
                Assert.Null(services.GetRequiredService<IDistributedCache>().Get("a"));
                return Task.CompletedTask;
            });
    }

    [Fact]
    public async Task An_applications_only_dictionary_stays_its_only_one()
    {
        await RunAsync(
            services => services.AddPersistentArenaCache(Arena)
                .AddPersistentArena(arena => arena.Directory = _folder["own"]).AddPersistentDictionary("orders"),
            services =>
            {
                services.GetRequiredService<PersistentDictionary>().Set("a"u8, "b"u8);
                return Task.CompletedTask;
            });
    }

    [Fact]
    public async Task HybridCache_finds_in_it_what_it_made_before_the_restart()
    {
        void Add(IServiceCollection services) => services.AddPersistentArenaCache(Arena).AddHybridCache();
        await RunAsync(Add, async services =>
        {
            Assert.Equal("made", await services.GetRequiredService<HybridCache>()
                .GetOrCreateAsync("a", _ => ValueTask.FromResult("made"), cancellationToken: Cancellation));
            PersistentCache cache = services.GetRequiredService<PersistentCache>();
            for (int i = 0; i < 600 && cache.Count == 0; i++)
            {
                await Task.Delay(100, Cancellation); // It stores after it has answered.
            }
        });
        await RunAsync(Add, async services => Assert.Equal("made", await services.GetRequiredService<HybridCache>()
            .GetOrCreateAsync("a", _ => ValueTask.FromResult("again"), cancellationToken: Cancellation)));
    }

    [Fact]
    public async Task FusionCache_finds_in_it_what_it_made_before_the_restart()
    {
        void Add(IServiceCollection services) => services.AddPersistentArenaCache(Arena).AddFusionCache()
            .WithRegisteredDistributedCache().WithSerializer(new Text());
        await RunAsync(Add, async services => Assert.Equal("made", await services.GetRequiredService<IFusionCache>()
            .GetOrSetAsync<string>("a", _ => Task.FromResult("made"), token: Cancellation)));
        await RunAsync(Add, async services => Assert.Equal("made", await services.GetRequiredService<IFusionCache>()
            .GetOrSetAsync<string>("a", _ => Task.FromResult("again"), token: Cancellation)));
    }

    [Fact]
    public async Task A_negative_limit_stops_the_start_and_is_named()
    {
        OptionsValidationException e = await Assert.ThrowsAsync<OptionsValidationException>(() => RunAsync(
            services => services.AddPersistentArenaCache(Arena, cache => cache.SizeLimit = -1),
            _ => Task.CompletedTask));
        Assert.Contains("size limit of cache 'cache'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Hits_misses_and_evictions_are_counted()
    {
        var seen = new ConcurrentDictionary<string, long>(StringComparer.Ordinal);
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, it) =>
            {
                if (instrument.Meter.Name == "GuestMemFs.Caching")
                {
                    it.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            // It hears the other tests' caches too, on their threads: it allocates nothing for them.
            string kind = instrument.Name;
            bool ours = false;
            foreach ((string name, object? said) in tags)
            {
                ours |= "metered".Equals(said);
                kind = name.EndsWith(".type", StringComparison.Ordinal) ? (string)said! : kind;
            }

            if (ours)
            {
                seen.AddOrUpdate(kind, static (_, added) => added, static (_, before, added) => before + added, value);
            }
        });
        listener.Start();
        await RunAsync(
            services => services.AddPersistentArenaCache(Arena, cache => cache.SizeLimit = 1_000, "metered"),
            services =>
            {
                PersistentCache cache = services.GetRequiredService<PersistentCache>();
                cache.Get("a");
                cache.Set("a", new byte[200], new());
                cache.Get("a");
                for (int i = 0; i < 100; i++)
                {
                    cache.Set($"{i}", new byte[100], new());
                }

                Assert.Equal(101 - cache.Count, seen["guestmemfs.cache.evictions"]);
                return Task.CompletedTask;
            });
        Assert.Equal((1, 1), (seen["hit"], seen["miss"]));
    }

    private void Arena(PersistentArenaOptions arena)
    {
        arena.Directory = _folder["arena"];
        arena.HeapSize = 16 << 20;
        arena.MetadataSize = 2 << 20;
    }

    private static async Task RunAsync(Action<IServiceCollection> add, Func<IServiceProvider, Task> work)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new());
        add(builder.Services);
        using IHost host = builder.Build();
        await host.StartAsync(Cancellation);
        await work(host.Services);
        await host.StopAsync(Cancellation);
    }

    private sealed class Text : ZiggyCreatures.Caching.Fusion.Serialization.IFusionCacheSerializer
    {
        public byte[] Serialize<T>(T? obj) => System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(obj);

        public T? Deserialize<T>(byte[] data) => System.Text.Json.JsonSerializer.Deserialize<T>(data);

        public ValueTask<byte[]> SerializeAsync<T>(T? obj, CancellationToken token = default) => new(Serialize(obj));

        public ValueTask<T?> DeserializeAsync<T>(byte[] data, CancellationToken token = default) =>
            new(Deserialize<T>(data));
    }
}
