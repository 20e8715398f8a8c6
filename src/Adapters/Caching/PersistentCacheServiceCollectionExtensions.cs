using GuestMemFs;
using GuestMemFs.Caching;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers caches in persistent arenas.</summary>
public static class PersistentCacheServiceCollectionExtensions
{
    /// <summary>The name of the cache, and of its arena, where none is said.</summary>
    public const string DefaultName = "cache";

    /// <summary>
    /// Registers <see cref="IDistributedCache"/> in a persistent arena of its own, which a host opens before its first
    /// service starts and closes after the last one has stopped: <c>AddSession</c>, HybridCache and FusionCache take it
    /// as they take any other.
    /// </summary>
    /// <remarks>
    /// Inject <see cref="IDistributedCache"/>, or <see cref="PersistentCache"/>; by key where there are several. One
    /// process at a time has the arena: set <see cref="PersistentArenaOptions.WaitForWriter"/> where a new process
    /// begins before the old one has ended.
    /// </remarks>
    /// <param name="services">The services.</param>
    /// <param name="configureArena">
    /// Sets the arena's options: its directory, and the heap's size, which is the cache's room.
    /// </param>
    /// <param name="configure">Sets the cache's options.</param>
    /// <param name="name">The name of the arena and of the cache in it, and the key.</param>
    public static IServiceCollection AddPersistentArenaCache(
        this IServiceCollection services,
        Action<PersistentArenaOptions>? configureArena = null,
        Action<PersistentCacheOptions>? configure = null,
        string name = DefaultName)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(name);
        services.AddOptions<PersistentCacheOptions>(name).Configure(configure ?? (_ => { }))
            .Validate(options => options.SizeLimit >= 0,
                $"The size limit of cache '{name}' is negative: it is 0 (as much as the heap holds) or more bytes.")
            .ValidateOnStart();
        services.AddPersistentArena(name, configureArena).AddPersistentDictionary<string, CacheEntry>(
            name, options => options.ValueSerializer = new CacheEntrySerializer(), name);
        services.TryAddKeyedSingleton(name, (provider, _) => Open(provider, name));
        services.TryAddKeyedSingleton<IDistributedCache>(name, (provider, _) => Cache(provider, name));
        services.TryAddSingleton(provider => Cache(provider, name));
        services.TryAddSingleton<IDistributedCache>(provider => Cache(provider, name));
        return services;
    }

    private static PersistentCache Cache(IServiceProvider provider, string name) =>
        provider.GetRequiredKeyedService<PersistentCache>(name);

    private static PersistentCache Open(IServiceProvider provider, string name)
    {
        PersistentCacheOptions options =
            provider.GetRequiredService<IOptionsMonitor<PersistentCacheOptions>>().Get(name);
        options.TimeProvider ??= provider.GetService<TimeProvider>();
        return new PersistentCache(provider.GetRequiredKeyedService<PersistentHeap>(name), name,
            provider.GetRequiredKeyedService<PersistentDictionary<string, CacheEntry>>(name), options);
    }
}
