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
/// An arena is a singleton. It is opened before the host's first hosted service starts, with its options checked, and
/// closed clean after the last one has stopped; without a host, when it is first asked for and when the provider is
/// disposed of. Its exceptions (<see cref="ArenaException"/>, <see cref="OptionsValidationException"/>) come out of the
/// host's start.
/// </remarks>
public static class PersistentArenaServiceCollectionExtensions
{
    /// <summary>
    /// Registers the arena without a name: inject <see cref="PersistentArena"/> or <see cref="PersistentHeap"/>.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the options; may be called more than once for an arena.</param>
    public static IServiceCollection AddPersistentArena(
        this IServiceCollection services, Action<PersistentArenaOptions>? configure = null) =>
        services.AddPersistentArena(Options.Options.DefaultName, configure);

    /// <summary>Registers the arena without a name, with options from the configuration.</summary>
    /// <param name="services">The services.</param>
    /// <param name="section">The section whose keys are the options' names; sizes are in bytes.</param>
    public static IServiceCollection AddPersistentArena(this IServiceCollection services, IConfiguration section) =>
        services.AddPersistentArena(Options.Options.DefaultName, section);

    /// <summary>
    /// Registers an arena by name: inject <c>[FromKeyedServices("name")] PersistentArena</c> or <c>PersistentHeap</c>.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The key, and the directory's name where no directory is set.</param>
    /// <param name="section">The section whose keys are the options' names; sizes are in bytes.</param>
    public static IServiceCollection AddPersistentArena(
        this IServiceCollection services, string name, IConfiguration section)
    {
        ArgumentNullException.ThrowIfNull(section);
        services.AddPersistentArena(name).AddOptions<PersistentArenaOptions>(name).Bind(section);
        return services;
    }

    /// <summary>
    /// Registers an arena by name: inject <c>[FromKeyedServices("name")] PersistentArena</c> or <c>PersistentHeap</c>.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The key, and the directory's name where no directory is set.</param>
    /// <param name="configure">Sets the options; may be called more than once for an arena.</param>
    public static IServiceCollection AddPersistentArena(
        this IServiceCollection services, string name, Action<PersistentArenaOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(name);
        services.AddOptions<PersistentArenaOptions>(name).Configure(configure ?? (_ => { })).ValidateOnStart();
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<PersistentArenaOptions>, PersistentArenaOptionsValidator>());
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
        services.AddSingleton<IHostedService>(provider =>
            new DictionaryUpkeep(Lifetime(provider, name).Dictionaries, Clock(provider)));
        services.AddSingleton<IHostedService>(provider => new ArenaWatch(Lifetime(provider, name), Clock(provider)));
        services.AddSingleton<IHostedService>(
            provider => new BackupSchedule(Lifetime(provider, name), Clock(provider)));
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
    /// Registers a dictionary in an arena's heap: inject <c>[FromKeyedServices("name")] PersistentDictionary</c>, or
    /// <see cref="PersistentDictionary"/> where it is the only one. A host also gives back, in the background, the
    /// memory of what expired in it.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The dictionary's name in the heap, and the key; unique over all arenas of the
    /// services.</param>
    /// <param name="arena">The name of the arena, which <c>AddPersistentArena</c> registers; none for the one without a
    /// name.</param>
    /// <exception cref="ArgumentException">The name is registered for another arena.</exception>
    public static IServiceCollection AddPersistentDictionary(
        this IServiceCollection services, string name, string arena = "")
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(arena);
        var registration = new DictionaryRegistration(name, arena);
        if (services.TryRegister(registration))
        {
            services.AddKeyedSingleton(
                name, (provider, _) => Opened<PersistentDictionary>(provider, registration));
            services.TryAddSingleton(OnlyDictionary);
        }

        return services;
    }

    /// <summary>
    /// Registers a typed dictionary in an arena's heap: inject
    /// <c>[FromKeyedServices("name")] PersistentDictionary&lt;TKey, TValue&gt;</c>, or without a key where it is the
    /// only one of these types. A host opens it before its first service starts, and gives back in the background the
    /// memory of what expired in it.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The dictionary's name in the heap, and the key; unique over all arenas of the
    /// services.</param>
    /// <param name="configure">Sets its serializers, where they do not go without saying.</param>
    /// <param name="arena">The name of the arena, which <c>AddPersistentArena</c> registers; none for the one without a
    /// name.</param>
    /// <exception cref="ArgumentException">The name is registered for another arena, or with other types.</exception>
    public static IServiceCollection AddPersistentDictionary<TKey, TValue>(
        this IServiceCollection services,
        string name,
        Action<PersistentMapOptions<TKey, TValue>>? configure = null,
        string arena = "")
        where TKey : notnull
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(arena);
        var registration = new TypedDictionaryRegistration<TKey, TValue>(name, arena, configure);
        if (services.TryRegister(registration))
        {
            services.AddKeyedSingleton(
                name, (provider, _) => Opened<PersistentDictionary<TKey, TValue>>(provider, registration));
            services.TryAddSingleton(provider =>
                Only<PersistentDictionary<TKey, TValue>, TypedDictionaryRegistration<TKey, TValue>>(
                    provider, $"dictionaries of {typeof(TKey)} and {typeof(TValue)}"));
        }

        return services;
    }

    /// <summary>
    /// Registers a table in an arena's heap: inject
    /// <c>[FromKeyedServices("name")] PersistentTable&lt;TKey, TValue&gt;</c>, or without a key where it is the only
    /// one of these types. A host opens it, and has its indexes declared, before its first service starts.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The table's name in the heap, and the key; unique over all arenas of the services.</param>
    /// <param name="declare">
    /// Declares its indexes, once: no service sees the table before. To be built where there are records already
    /// (<see cref="PersistentTable{TKey, TValue}.BuildIndexes"/>).
    /// </param>
    /// <param name="configure">Sets its serializers, where they do not go without saying, and its feed.</param>
    /// <param name="arena">The name of the arena, which <c>AddPersistentArena</c> registers; none for the one without a
    /// name.</param>
    /// <exception cref="ArgumentException">The name is registered for another arena, or as something else.</exception>
    public static IServiceCollection AddPersistentTable<TKey, TValue>(
        this IServiceCollection services,
        string name,
        Action<PersistentTable<TKey, TValue>>? declare = null,
        Action<PersistentTableOptions<TKey, TValue>>? configure = null,
        string arena = "")
        where TKey : notnull
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(arena);
        var registration = new TableRegistration<TKey, TValue>(name, arena, configure, declare);
        if (services.TryRegister(registration))
        {
            services.AddKeyedSingleton(
                name, (provider, _) => Opened<PersistentTable<TKey, TValue>>(provider, registration));
            services.TryAddSingleton(provider =>
                Only<PersistentTable<TKey, TValue>, TableRegistration<TKey, TValue>>(
                    provider, $"tables of {typeof(TKey)} and {typeof(TValue)}"));
        }

        return services;
    }

    private static bool TryRegister<T>(this IServiceCollection services, T registration)
        where T : DictionaryRegistration
    {
        DictionaryRegistration? present = services
            .Select(s => s.ServiceKey is null ? s.ImplementationInstance : null)
            .OfType<DictionaryRegistration>()
            .FirstOrDefault(r => r.Name == registration.Name);
        if (present is null)
        {
            services.AddSingleton<DictionaryRegistration>(registration);
            return true;
        }

        if (present.Arena != registration.Arena)
        {
            throw new ArgumentException(
                $"A dictionary '{registration.Name}' is registered for arena '{present.Arena}' already; one for arena "
                + $"'{registration.Arena}' needs another name.", nameof(registration));
        }

        bool same = present.Types == registration.Types && present.Kind == registration.Kind;
        return same ? false : throw new ArgumentException(
            $"A dictionary '{registration.Name}' is registered as {Describe(present)} already; one as "
            + $"{Describe(registration)} needs another name.", nameof(registration));
    }

    private static string Describe(DictionaryRegistration registration) =>
        registration.Types is not (Type key, Type value) ? "one of bytes"
        : registration is { Kind: "dictionary" } ? $"one of {key} and {value}"
        : $"a {registration.Kind} of {key} and {value}";

    private static TCollection Opened<TCollection>(IServiceProvider provider, DictionaryRegistration registration) =>
        (TCollection)Lifetime(provider, registration.Arena).Dictionary(registration);

    private static TCollection Only<TCollection, TRegistration>(IServiceProvider provider, string what)
        where TRegistration : DictionaryRegistration
    {
        TRegistration[] all = [.. provider.GetServices<DictionaryRegistration>().OfType<TRegistration>()];
        return all.Length == 1 ? Opened<TCollection>(provider, all[0]) : throw Several(what, all);
    }

    private static PersistentDictionary OnlyDictionary(IServiceProvider provider)
    {
        DictionaryRegistration[] all = [.. provider.GetServices<DictionaryRegistration>().Where(d => d.Types is null)];
        return all.Length == 1
            ? provider.GetRequiredKeyedService<PersistentDictionary>(all[0].Name)
            : throw Several("dictionaries", all);
    }

    private static InvalidOperationException Several(string what, DictionaryRegistration[] all)
    {
        string names = string.Join(", ", all.Select(d => d.Name));
        return new($"There are {all.Length} persistent {what} ({names}): say which with " +
            $"[FromKeyedServices(\"{all[0].Name}\")].");
    }

    private static TimeProvider Clock(IServiceProvider provider) =>
        provider.GetService<TimeProvider>() ?? TimeProvider.System;

    private static ArenaLifetime Lifetime(IServiceProvider provider, string name) =>
        provider.GetKeyedService<ArenaLifetime>(name) ?? throw new InvalidOperationException(
            $"There is no persistent arena '{name}': call services.AddPersistentArena("
            + $"{(name.Length == 0 ? "" : $"\"{name}\"")}) too.");
}
