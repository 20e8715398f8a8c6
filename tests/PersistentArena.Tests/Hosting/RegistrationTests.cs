using GuestMemFs.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace GuestMemFs.Tests.Hosting;

/// <summary>What the registrations give to those who ask.</summary>
public class RegistrationTests
{
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
            Assert.Equal(life == 0 ? [0L, 0L, 0L] : [1L, 2L, 3L], new[] { consumer.Sessions.Count, consumer.Archive.Count, consumer.Index.Count });
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
        using var host = new TestHost(directory.Path, s => s.AddPersistentArena().AddPersistentArena(o => o.HeapSize = 32L << 20));
        Assert.Single(host.Services.GetServices<IHostedService>().OfType<ArenaLifetime>());
        Assert.Equal(32L << 20, host.Get<PersistentHeap>().GetStatistics().Length);
        Assert.Same(host.Get<PersistentArena>(), Assert.Single(host.Services.GetServices<PersistentArena>()));
    }

    [Fact]
    public void A_dictionary_without_a_key_must_be_the_only_one()
    {
        using var directory = new ArenaDirectory();
        using var host = new TestHost(directory.Path, s => s.AddPersistentArena().AddPersistentDictionary("a").AddPersistentDictionary("a").AddPersistentDictionary("b"));
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
        var twice = Assert.Throws<ArgumentException>(() => new ServiceCollection().AddPersistentDictionary("d", "a").AddPersistentDictionary("d", "b"));
        Assert.Contains("'d' is registered for arena 'a' already", twice.Message, StringComparison.Ordinal);
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
