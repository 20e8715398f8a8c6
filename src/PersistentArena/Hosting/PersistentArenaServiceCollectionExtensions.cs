using GuestMemFs;
using GuestMemFs.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers persistent arenas and what lies in them.</summary>
/// <remarks>
/// An arena is a singleton. It is opened before the host's first hosted service starts, with its options checked, and closed clean after the last one has
/// stopped; without a host, when it is first asked for and when the provider is disposed of. Its exceptions
/// (<see cref="ArenaException"/>, <see cref="OptionsValidationException"/>) come out of the host's start.
/// </remarks>
public static class PersistentArenaServiceCollectionExtensions
{
    /// <summary>Registers the arena without a name: inject <see cref="PersistentArena"/> or <see cref="PersistentHeap"/>.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the options; may be called more than once for an arena.</param>
    public static IServiceCollection AddPersistentArena(this IServiceCollection services, Action<PersistentArenaOptions>? configure = null) =>
        services.AddPersistentArena(Options.Options.DefaultName, configure);

    /// <summary>Registers the arena without a name, with options from the configuration.</summary>
    /// <param name="services">The services.</param>
    /// <param name="section">The section whose keys are the options' names; sizes are in bytes.</param>
    public static IServiceCollection AddPersistentArena(this IServiceCollection services, IConfiguration section) =>
        services.AddPersistentArena(Options.Options.DefaultName, section);

    /// <summary>Registers an arena by name: inject <c>[FromKeyedServices("name")] PersistentArena</c> or <c>PersistentHeap</c>.</summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The key, and the directory's name where no directory is set.</param>
    /// <param name="section">The section whose keys are the options' names; sizes are in bytes.</param>
    public static IServiceCollection AddPersistentArena(this IServiceCollection services, string name, IConfiguration section)
    {
        ArgumentNullException.ThrowIfNull(section);
        services.AddPersistentArena(name).AddOptions<PersistentArenaOptions>(name).Bind(section);
        return services;
    }

    /// <summary>Registers an arena by name: inject <c>[FromKeyedServices("name")] PersistentArena</c> or <c>PersistentHeap</c>.</summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The key, and the directory's name where no directory is set.</param>
    /// <param name="configure">Sets the options; may be called more than once for an arena.</param>
    public static IServiceCollection AddPersistentArena(this IServiceCollection services, string name, Action<PersistentArenaOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(name);
        services.AddOptions<PersistentArenaOptions>(name).Configure(configure ?? (_ => { })).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<PersistentArenaOptions>, PersistentArenaOptionsValidator>());
        if (services.Any(s => s.ServiceType == typeof(ArenaLifetime) && name.Equals(s.ServiceKey)))
        {
            return services;
        }

        services.AddKeyedSingleton(name, (provider, _) => new ArenaLifetime(
            name,
            provider.GetServices<DictionaryRegistration>(),
            provider.GetRequiredService<IOptionsMonitor<PersistentArenaOptions>>(),
            provider.GetService<ILoggerFactory>(),
            Clock(provider)));
        services.AddSingleton<IHostedService>(provider => Lifetime(provider, name));
        services.AddSingleton<IHostedService>(provider => new DictionaryUpkeep(Lifetime(provider, name).Dictionaries, Clock(provider)));
        services.AddSingleton<IHostedService>(provider => new ArenaWatch(Lifetime(provider, name), Clock(provider)));
        services.AddKeyedSingleton(name, (provider, _) => Lifetime(provider, name).Arena);
        services.AddKeyedSingleton(name, (provider, _) => Lifetime(provider, name).Heap);
        if (name.Length == 0)
        {
            services.AddSingleton(provider => Lifetime(provider, name).Arena);
            services.AddSingleton(provider => Lifetime(provider, name).Heap);
        }

        return services;
    }

    /// <summary>
    /// Registers a dictionary in an arena's heap: inject <c>[FromKeyedServices("name")] PersistentDictionary</c>, or <see cref="PersistentDictionary"/> where it is the only one.
    /// A host also gives back, in the background, the memory of what expired in it.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The dictionary's name in the heap, and the key; unique over all arenas of the services.</param>
    /// <param name="arena">The name of the arena, which <c>AddPersistentArena</c> registers; none for the one without a name.</param>
    /// <exception cref="ArgumentException">The name is registered for another arena.</exception>
    public static IServiceCollection AddPersistentDictionary(this IServiceCollection services, string name, string arena = "")
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(arena);
        var registration = new DictionaryRegistration(name, arena);
        if (services.Select(s => s.ServiceKey is null ? s.ImplementationInstance : null).OfType<DictionaryRegistration>().FirstOrDefault(r => r.Name == name) is { } present)
        {
            return present == registration
                ? services
                : throw new ArgumentException($"A dictionary '{name}' is registered for arena '{present.Arena}' already; one for arena '{arena}' needs another name.", nameof(name));
        }

        services.AddSingleton(registration);
        services.AddKeyedSingleton(name, (provider, _) => Lifetime(provider, arena).Dictionary(registration));
        services.TryAddSingleton(OnlyDictionary);
        return services;
    }

    private static PersistentDictionary OnlyDictionary(IServiceProvider provider)
    {
        DictionaryRegistration[] all = [.. provider.GetServices<DictionaryRegistration>()];
        return all.Length == 1
            ? provider.GetRequiredKeyedService<PersistentDictionary>(all[0].Name)
            : throw new InvalidOperationException(
                $"There are {all.Length} persistent dictionaries ({string.Join(", ", all.Select(d => d.Name))}): say which with [FromKeyedServices(\"{all[0].Name}\")].");
    }

    private static TimeProvider Clock(IServiceProvider provider) => provider.GetService<TimeProvider>() ?? TimeProvider.System;

    private static ArenaLifetime Lifetime(IServiceProvider provider, string name) => provider.GetKeyedService<ArenaLifetime>(name)
        ?? throw new InvalidOperationException($"There is no persistent arena '{name}': call services.AddPersistentArena({(name.Length == 0 ? "" : $"\"{name}\"")}) too.");
}
