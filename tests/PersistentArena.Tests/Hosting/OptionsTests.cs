using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace GuestMemFs.Tests.Hosting;

/// <summary>Options: what is refused at start and how it says so, and where they come from.</summary>
public class OptionsTests
{
    [Theory]
    [InlineData("WaitForWriter", -10_000_000L,
        "WaitForWriter is -00:00:01; it must be between 00:00:00 and 1.00:00:00.")]
    [InlineData("HeapSize", 1000L, "HeapSize is 1000 bytes; it must be at least 2097152 bytes (2 MiB).")]
    [InlineData("HeapSize", 1L << 49, "HeapSize is 562949953421312 bytes (512 TiB); it must be at most " +
        "281474976710656 bytes (256 TiB).")]
    [InlineData("MetadataSize", 4096L, "MetadataSize is 4096 bytes (4 KiB); it must be at least 1048576 " +
        "bytes (1 MiB).")]
    [InlineData("HeapSize", 2097153L, "HeapSize is 2097153 bytes; it must be a multiple of 4096 bytes (4 KiB).")]
    [InlineData("Directory", " ", "Directory is ' '; it must be a directory's path, or left out for the best medium " +
        "that is there.")]
    [InlineData("BackupFile", "", "BackupFile is ''; it must be a file's path, or left out for none.")]
    public async Task A_bad_option_fails_the_start_and_names_option_value_and_limit(
        string option, object value, string message)
    {
        using var directory = new ArenaDirectory();
        bool started = false;
        value = option == "WaitForWriter" ? TimeSpan.FromTicks((long)value) : value;
        using var host = new TestHost(directory["arena"], services => services
            .AddPersistentArena("bad", o => typeof(PersistentArenaOptions).GetProperty(option)!.SetValue(o, value))
            .AddHostedService(_ => new Service(() => started = true)));
        var e = await Assert.ThrowsAsync<OptionsValidationException>(() =>
            host.Host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Equal($"bad.{message}", Assert.Single(e.Failures));
        Assert.False(started);
        Assert.False(Directory.Exists(directory["arena"]));
    }

    [Fact]
    public async Task They_bind_from_a_section_of_the_configuration()
    {
        using var directory = new ArenaDirectory();
        using var host = new TestHost(
            "unused",
            s => s.AddPersistentArena("a", Section(("Directory", directory["from-configuration"]), ("HeapSize",
                "33554432"), ("HeapReserve", "Full"), ("MetadataSize", "2097152"))).AddPersistentDictionary("d", "a"));
        await host.Host.StartAsync(TestContext.Current.CancellationToken);
        Assert.True(Directory.Exists(directory["from-configuration"]));
        RegionInfo heap = Assert.Single(host.Get<PersistentArena>("a").ListRegions());
        Assert.Equal((32L << 20, RegionReserve.Full), (heap.Length, heap.Reserve));
    }

    [Fact]
    public async Task A_bad_value_in_the_configuration_names_its_key()
    {
        using var host = new TestHost("unused", s => s.AddPersistentArena(Section(("HeapSize", "much"))));
        var e = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            host.Host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains("Arena:HeapSize", e.Message, StringComparison.Ordinal);
    }

    private static IConfigurationSection Section(params (string Key, string Value)[] values) =>
        new ConfigurationBuilder()
        .AddInMemoryCollection(values.Select(v => KeyValuePair.Create("Arena:" + v.Key, (string?)v.Value))).Build()
        .GetSection("Arena");

    private sealed class Service(Action started) : BackgroundService
    {
        protected override Task ExecuteAsync(CancellationToken stoppingToken)
        {
            started();
            return Task.CompletedTask;
        }
    }
}
