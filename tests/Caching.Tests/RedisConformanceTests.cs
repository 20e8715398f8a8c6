using System.Diagnostics;
using System.Net.Sockets;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.StackExchangeRedis;
using StackExchange.Redis;

namespace GuestMemFs.Caching.Tests;

/// <summary>Microsoft's cache on a redis-server; skipped where there is none.</summary>
[Trait("speed", "slow")]
public sealed class RedisConformanceTests : ConformanceTests, IAsyncLifetime
{
    private readonly TestFolder _folder = new();
    private Process? _server;
    private RedisCache? _cache;

    protected override IDistributedCache Cache => _cache!;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/redis-server"), "there is no redis-server to compare with");
        string socket = _folder["redis.sock"];
        _server = Process.Start(new ProcessStartInfo("/usr/bin/redis-server",
            ["--port", "0", "--unixsocket", socket, "--save", "", "--dir", Path.GetDirectoryName(socket)!])
        {
            RedirectStandardOutput = true,
        })!;
        _server.BeginOutputReadLine();
        for (int i = 0; i < 600 && !File.Exists(socket); i++)
        {
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }

        _cache = new RedisCache(new RedisCacheOptions
        {
            ConfigurationOptions = new ConfigurationOptions { EndPoints = { new UnixDomainSocketEndPoint(socket) } },
        });
    }

    public async ValueTask DisposeAsync()
    {
        _cache?.Dispose();
        if (_server is not null)
        {
            _server.Kill();
            await _server.WaitForExitAsync(CancellationToken.None);
            _server.Dispose();
        }

        _folder.Dispose();
    }

    protected override bool KeepsNoOldExpiry => false;

    // Twice as long as by our clock: the machine may be busy.
    protected override double Slowness => 2;

    protected override Task PassAsync(TimeSpan time) => Task.Delay(time, TestContext.Current.CancellationToken);
}
