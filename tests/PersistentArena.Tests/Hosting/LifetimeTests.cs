using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace GuestMemFs.Tests.Hosting;

/// <summary>When a registered arena is opened and closed.</summary>
public class LifetimeTests
{
    private static readonly byte[] s_key = "key"u8.ToArray();

    [Fact]
    public async Task It_is_opened_before_the_first_service_and_closed_clean_after_the_last()
    {
        using var directory = new ArenaDirectory();
        for (int life = 0; life < 3; life++)
        {
            // The service is registered first: it starts before, and stops after, what is registered behind it.
            using var host = new TestHost(directory.Path,
                s => s.AddHostedService<Reader>().AddPersistentArena().AddPersistentDictionary("d"));
            await host.Host.StartAsync(TestContext.Current.CancellationToken);
            Assert.Equal(life == 0 ? AttachKind.Fresh : AttachKind.Warm, host.Get<PersistentArena>().AttachReport.Kind);
            Reader reader = Assert.IsType<Reader>(
                Assert.Single(host.Services.GetServices<IHostedService>(), s => s is Reader));
            Assert.Equal<byte[]?>(life == 0 ? null : [(byte)(life - 1)], reader.AtStart);
            host.Get<PersistentDictionary>().Set(s_key, [(byte)life]);
            await host.Host.StopAsync(TestContext.Current.CancellationToken);
            Assert.Equal<byte[]?>([(byte)life], reader.AtStop);
        }
    }

    [Fact]
    public async Task Once_the_host_has_stopped_the_arena_is_free_and_its_objects_refuse()
    {
        using var directory = new ArenaDirectory();
        using var first = new TestHost(directory.Path, s => s.AddPersistentArena().AddPersistentDictionary("d"));
        await first.Host.StartAsync(TestContext.Current.CancellationToken);
        var dictionary = first.Get<PersistentDictionary>();
        await first.Host.StopAsync(TestContext.Current.CancellationToken);

        using var second = new TestHost(directory.Path, s => s.AddPersistentArena().AddPersistentDictionary("d"));
        await second.Host.StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal(AttachKind.Warm, second.Get<PersistentArena>().AttachReport.Kind);
        Assert.Throws<ObjectDisposedException>(() => dictionary.Set(s_key, s_key));
        Assert.Null(dictionary.Get(s_key));
    }

    [Fact]
    public async Task What_is_in_use_is_refused_at_start_and_names_the_process()
    {
        using var directory = new ArenaDirectory();
        using var first = new TestHost(directory.Path, s => s.AddPersistentArena());
        await first.Host.StartAsync(TestContext.Current.CancellationToken);
        using var second = new TestHost(directory.Path, s => s.AddPersistentArena());
        var e = await Assert.ThrowsAsync<ArenaInUseException>(() =>
            second.Host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Equal(Environment.ProcessId, e.ProcessId);
    }

    [Fact]
    public void Without_a_host_it_opens_when_asked_for_and_closes_with_the_provider()
    {
        using var directory = new ArenaDirectory();
        for (int life = 0; life < 2; life++)
        {
            using ServiceProvider services = new ServiceCollection()
                .AddPersistentArena(o => (o.Directory, o.HeapSize) = (directory["arena"], TestHost.HeapSize))
                .AddPersistentDictionary("d").BuildServiceProvider();
            Assert.Equal(life > 0, Directory.Exists(directory["arena"]));
            Assert.Equal(life, services.GetRequiredService<PersistentDictionary>().Count);
            services.GetRequiredService<PersistentDictionary>().Set([(byte)life], s_key);
            Assert.Equal(life == 0 ? AttachKind.Fresh : AttachKind.Warm,
                services.GetRequiredService<PersistentArena>().AttachReport.Kind);
        }
    }

    [Fact]
    public async Task A_larger_HeapSize_grows_the_heap_and_a_smaller_one_leaves_it()
    {
        using var directory = new ArenaDirectory();
        foreach ((long asked, long expected) in new[] { (16L << 20, 16L << 20), (48L << 20, 48L << 20),
            (2L << 20, 48L << 20) })
        {
            using var host = new TestHost(directory.Path, s => s.AddPersistentArena(o => o.HeapSize = asked));
            await host.Host.StartAsync(TestContext.Current.CancellationToken);
            Assert.Equal(expected, host.Get<PersistentHeap>().GetStatistics().Length);
            Assert.Equal(asked < expected ? 1 : 0, host.Get<PersistentArena>().AttachReport.LongerRegions.Count);
            bool told = host.Log.Any(line => line.StartsWith("Warning 2 GMF5019", StringComparison.Ordinal));
            Assert.Equal(asked < expected, told);
            await host.Host.StopAsync(TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task One_that_may_wait_starts_when_the_host_before_it_has_stopped()
    {
        using var directory = new ArenaDirectory();
        using var first = new TestHost(directory.Path, s => s.AddPersistentArena());
        await first.Host.StartAsync(TestContext.Current.CancellationToken);
        using var second = new TestHost(
            directory.Path, s => s.AddPersistentArena(o => o.WaitForWriter = TimeSpan.FromSeconds(60)));
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        Task starting = Task.Run(() => second.Host.StartAsync(cancellation), cancellation);
        await Task.Delay(100, TestContext.Current.CancellationToken);
        Assert.False(starting.IsCompleted);

        await first.Host.StopAsync(TestContext.Current.CancellationToken);

        await starting;
        Assert.Equal(AttachKind.Warm, second.Get<PersistentArena>().AttachReport.Kind);
    }

    [Fact]
    public async Task Files_that_are_removed_under_the_host_are_a_critical_line_and_a_count()
    {
        using var directory = new ArenaDirectory();
        long lost = 0;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Name == "guestmemfs.arena.files.lost")
            {
                l.EnableMeasurementEvents(instrument);
            }
        };
        string name = "removed" + Guid.NewGuid().ToString("N");
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
            Interlocked.Add(ref lost, tags.ToArray().Any(tag => name.Equals(tag.Value)) ? value : 0));
        listener.Start();
        using var host = new TestHost(
            directory.Path, s => s.AddSingleton<TimeProvider>(new HastyTime()).AddPersistentArena(name));
        await host.Host.StartAsync(TestContext.Current.CancellationToken);

        File.Delete(directory["arena.meta"]);

        Assert.True(SpinWait.SpinUntil(() => Interlocked.Read(ref lost) == 1, Patience.Limit));
        Assert.Single(host.Log, line => line.StartsWith("Critical 3 GMF5020", StringComparison.Ordinal));
        await host.Host.StopAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Timers are due at once.</summary>
    private sealed class HastyTime : TimeProvider
    {
        private static readonly TimeSpan s_soon = TimeSpan.FromMilliseconds(20);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            System.CreateTimer(callback, state, dueTime < s_soon ? dueTime : s_soon, period < s_soon ? period : s_soon);
    }

    [Fact]
    public async Task The_attach_is_a_log_line_and_a_measurement()
    {
        using var directory = new ArenaDirectory();
        var measured = new List<(double Seconds, Dictionary<string, object?> Tags)>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Name == "guestmemfs.arena.attach.duration")
            {
                Assert.Equal("s", instrument.Unit);
                l.EnableMeasurementEvents(instrument);
            }
        };
        string name = "measured" + Guid.NewGuid().ToString("N");
        listener.SetMeasurementEventCallback<double>((_, value, tags, _) =>
        {
            Dictionary<string, object?> all = tags.ToArray().ToDictionary();
            if (name.Equals(all["guestmemfs.arena.name"]))
            {
                measured.Add((value, all));
            }
        });
        listener.Start();

        using var host = new TestHost(directory.Path, s => s.AddPersistentArena(name));
        await host.Host.StartAsync(TestContext.Current.CancellationToken);
        AttachReport report = host.Get<PersistentArena>(name).AttachReport;
        await host.Host.StopAsync(TestContext.Current.CancellationToken);

        (double seconds, Dictionary<string, object?> tags) = Assert.Single(measured);
        Assert.Equal(report.Duration.TotalSeconds, seconds);
        Assert.Equal("fresh", tags["guestmemfs.arena.attach.kind"]);
        Assert.Equal(report.MediumName, tags["guestmemfs.arena.medium"]);
        Assert.Single(host.Log, line => line.Contains(report.ArenaId.ToString(), StringComparison.Ordinal));
        Assert.Single(host.Log, line => line.Contains($"Arena {name} closed clean", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_expired_is_removed_in_the_background()
    {
        using var directory = new ArenaDirectory();
        using var host = new TestHost(directory.Path, s => s.AddPersistentArena().AddPersistentDictionary("d"));
        await host.Host.StartAsync(TestContext.Current.CancellationToken);
        PersistentDictionary dictionary = host.Get<PersistentDictionary>();
        for (int i = 0; i < 1000; i++)
        {
            dictionary.Set(BitConverter.GetBytes(i), s_key, DateTimeOffset.UtcNow.AddMilliseconds(100));
        }

        dictionary.Set(s_key, s_key);
        DateTime limit = DateTime.UtcNow.AddSeconds(20);
        while (dictionary.ExpiringCount > 0 && DateTime.UtcNow < limit)
        {
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        Assert.Equal((0L, 1L), (dictionary.ExpiringCount, dictionary.Count));
    }

    /// <summary>Reads the dictionary when it starts and when it stops.</summary>
    private sealed class Reader(PersistentDictionary dictionary) : IHostedService
    {
        public byte[]? AtStart { get; private set; }

        public byte[]? AtStop { get; private set; }

        public Task StartAsync(CancellationToken cancellationToken)
        {
            AtStart = dictionary.Get(s_key);
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken)
        {
            AtStop = dictionary.Get(s_key);
            return Task.CompletedTask;
        }
    }
}
