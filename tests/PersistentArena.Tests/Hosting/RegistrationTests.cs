using GuestMemFs.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace GuestMemFs.Tests.Hosting;

/// <summary>What the registrations give to those who ask.</summary>
public class RegistrationTests
{
    [Fact]
    public void A_table_is_injected_with_its_indexes_declared()
    {
        using var directory = new ArenaDirectory();
        for (int life = 0; life < 2; life++)
        {
            using var host = new TestHost(directory.Path, s => s.AddPersistentArena()
                .AddPersistentTable<string, long>("ages", table => table.Index("age", it => it)));
            PersistentTable<string, long> ages = host.Get<PersistentTable<string, long>>();
            Assert.Same(ages, host.Get<PersistentTable<string, long>>("ages"));
            Assert.Equal(["age"], ages.Indexes);
            Assert.Equal(life, ages.Count);
            ages.Set("ada", 36);
        }

        IServiceCollection services = new ServiceCollection().AddPersistentTable<string, long>("d");
        Assert.Throws<ArgumentException>(() => services.AddPersistentDictionary<string, long>("d"));
        Assert.Throws<ArgumentException>(() => services.AddPersistentTable<string, int>("d"));
        int registered = services.Count;
        Assert.Equal(registered, services.AddPersistentTable<string, long>("d").Count);
    }

    [Fact]
    public async Task Keyed_arenas_and_dictionaries_come_by_their_keys_and_are_apart()
    {
        using var directory = new ArenaDirectory();
        for (int life = 0; life < 2; life++)
        {
            using var host = new TestHost("unused", services => services
                .AddPersistentArena("hot", o => o.Directory = directory["hot"])
                .AddPersistentArena("cold", o => o.Directory = directory["cold"])
                .AddPersistentDictionary("sessions", "hot")
                .AddPersistentDictionary("archive", "cold")
                .AddPersistentDictionary("index", "cold")
                .AddSingleton<Consumer>());
            await host.Host.StartAsync(TestContext.Current.CancellationToken);
            Consumer consumer = host.Get<Consumer>();
            Assert.NotEqual(consumer.Hot.AttachReport.ArenaId, consumer.Cold.AttachReport.ArenaId);
            Assert.Equal(life == 0 ? [0L, 0L, 0L] : [1L, 2L, 3L],
                new[] { consumer.Sessions.Count, consumer.Archive.Count, consumer.Index.Count });
            consumer.Sessions.Set("0"u8, "sessions"u8);
            foreach (byte i in (byte[])[0, 1])
            {
                consumer.Archive.Set([i], "archive"u8);
            }

            foreach (byte i in (byte[])[0, 1, 2])
            {
                consumer.Index.Set([i], "index"u8);
            }

            Assert.Same(consumer.Sessions, host.Get<PersistentDictionary>("sessions"));
            Assert.NotSame(host.Get<PersistentHeap>("hot"), host.Get<PersistentHeap>("cold"));
            Assert.Null(host.Services.GetService<PersistentArena>());
            await host.Host.StopAsync(TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public void Registering_an_arena_twice_adds_options_and_opens_it_once()
    {
        using var directory = new ArenaDirectory();
        using var host = new TestHost(directory.Path,
            s => s.AddPersistentArena().AddPersistentArena(o => o.HeapSize = 32L << 20));
        Assert.Single(host.Services.GetServices<IHostedService>().OfType<ArenaLifetime>());
        Assert.Equal(32L << 20, host.Get<PersistentHeap>().GetStatistics().Length);
        Assert.Same(host.Get<PersistentArena>(), Assert.Single(host.Services.GetServices<PersistentArena>()));
    }

    [Fact]
    public void A_dictionary_without_a_key_must_be_the_only_one()
    {
        using var directory = new ArenaDirectory();
        using var host = new TestHost(directory.Path,
            s => s.AddPersistentArena().AddPersistentDictionary("a").AddPersistentDictionary("a")
                .AddPersistentDictionary("b"));
        var e = Assert.Throws<InvalidOperationException>(() => host.Get<PersistentDictionary>());
        Assert.Contains("There are 2 persistent dictionaries (a, b)", e.Message, StringComparison.Ordinal);
        Assert.NotNull(host.Get<PersistentDictionary>("a"));
    }

    [Fact]
    public void A_dictionary_needs_its_arena_and_one_arena_only()
    {
        using var host = new TestHost("unused", s => s.AddPersistentArena().AddPersistentDictionary("d", "other"));
        var e = Assert.Throws<InvalidOperationException>(() => host.Get<PersistentDictionary>());
        Assert.Contains("services.AddPersistentArena(\"other\")", e.Message, StringComparison.Ordinal);
        var twice = Assert.Throws<ArgumentException>(() =>
            new ServiceCollection().AddPersistentDictionary("d", "a").AddPersistentDictionary("d", "b"));
        Assert.Contains("'d' is registered for arena 'a' already", twice.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_typed_dictionary_is_opened_with_the_host_and_comes_by_its_types()
    {
        using var directory = new ArenaDirectory();
        for (int life = 0; life < 2; life++)
        {
            using var host = new TestHost(directory.Path, s => s
                .AddPersistentArena()
                .AddPersistentDictionary<string, long>("visits")
                .AddPersistentDictionary<string, string>("names")
                .AddPersistentDictionary("bytes"));
            await host.Host.StartAsync(TestContext.Current.CancellationToken);
            Assert.Contains("names", host.Get<PersistentHeap>().Roots);
            PersistentDictionary<string, long> visits = host.Get<PersistentDictionary<string, long>>();
            Assert.Equal(life + 1, visits.AddOrUpdate("ada", 1, (_, present) => present + 1));
            Assert.Same(visits, host.Get<PersistentDictionary<string, long>>("visits"));
            Assert.Equal(0, host.Get<PersistentDictionary>().Count);
            await host.Host.StopAsync(TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task A_typed_dictionary_of_another_shape_ends_the_start_of_the_host()
    {
        using var directory = new ArenaDirectory();
        using (var host = new TestHost(
            directory.Path, s => s.AddPersistentArena().AddPersistentDictionary<string, long>("visits")))
        {
            await host.Host.StartAsync(TestContext.Current.CancellationToken);
            await host.Host.StopAsync(TestContext.Current.CancellationToken);
        }

        using var other = new TestHost(
            directory.Path, s => s.AddPersistentArena().AddPersistentDictionary<string, int>("visits"));
        await Assert.ThrowsAsync<PersistentShapeException>(
            () => other.Host.StartAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_name_is_of_one_dictionary_with_one_pair_of_types()
    {
        IServiceCollection services = new ServiceCollection().AddPersistentDictionary<string, long>("d");
        services.AddPersistentDictionary<string, long>("d");
        var types = Assert.Throws<ArgumentException>(() => services.AddPersistentDictionary<string, int>("d"));
        Assert.Contains("one of System.String and System.Int64", types.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => services.AddPersistentDictionary("d"));
        Assert.Throws<ArgumentException>(() => services.AddPersistentDictionary<string, long>("d", arena: "other"));
    }

    [Fact]
    public void A_typed_dictionary_without_a_key_must_be_the_only_one_of_its_types()
    {
        using var directory = new ArenaDirectory();
        using var host = new TestHost(directory.Path, s => s
            .AddPersistentArena().AddPersistentDictionary<string, int>("a").AddPersistentDictionary<string, int>("b"));
        var e = Assert.Throws<InvalidOperationException>(() => host.Get<PersistentDictionary<string, int>>());
        Assert.Contains("(a, b)", e.Message, StringComparison.Ordinal);
    }

    private sealed class Consumer(
        [FromKeyedServices("hot")] PersistentArena hot,
        [FromKeyedServices("cold")] PersistentArena cold,
        [FromKeyedServices("sessions")] PersistentDictionary sessions,
        [FromKeyedServices("archive")] PersistentDictionary archive,
        [FromKeyedServices("index")] PersistentDictionary index)
    {
        public PersistentArena Hot => hot;

        public PersistentArena Cold => cold;

        public PersistentDictionary Sessions => sessions;

        public PersistentDictionary Archive => archive;

        public PersistentDictionary Index => index;
    }
}
