using System.Globalization;
using GuestMemFs.PackageTests.Infrastructure;

namespace GuestMemFs.PackageTests;

/// <summary>A user's service gets the cache's package from a folder, and is killed while it sets.</summary>
[Trait("Category", "Package")]
public sealed class CacheTests(PackedRepository packed) : IClassFixture<PackedRepository>
{
    private const string Program = """
        using System.Text;
        using Microsoft.Extensions.Caching.Distributed;
        using Microsoft.Extensions.DependencyInjection;
        using Microsoft.Extensions.Hosting;

        var builder = Host.CreateApplicationBuilder(args);
        builder.Services.AddPersistentArenaCache(arena =>
        {
            arena.Directory = args[0];
            arena.HeapSize = 64 << 20;
        });
        using IHost host = builder.Build();
        await host.StartAsync();
        IDistributedCache cache = host.Services.GetRequiredService<IDistributedCache>();
        int there = 0;
        while (await cache.GetStringAsync($"session {there}") is { } text && text == $"of user {there}")
        {
            there++;
        }

        Console.WriteLine($"found {there}");
        for (int i = there; ; i++)
        {
            await cache.SetStringAsync($"session {i}", $"of user {i}",
                new DistributedCacheEntryOptions { SlidingExpiration = TimeSpan.FromHours(1) });
            Console.WriteLine($"set {i}");
        }
        """;

    [Fact]
    public async Task What_was_set_is_there_after_SIGKILL()
    {
        using var project = new FreshProject(packed.Package, Program, "GuestMemFs.Caching");
        await project.Build();
        using var arena = new TemporaryDirectory(Directory.Exists("/dev/shm") ? "/dev/shm" : null);
        int set = -1;
        for (int life = 0; life < 3; life++)
        {
            using var service = new RunningProgram(project.Program, arena["cache"]);
            string found = await service.Line(line => line.StartsWith("found ", StringComparison.Ordinal));
            Assert.True(Number(found) > set, $"{set} was the last one set, and life {life} {found}.");
            set = Number(found) + 200;
            await service.Line(line => line == $"set {set}");
            service.Kill();
        }
    }

    private static int Number(string line) => int.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
}
