using Microsoft.Extensions.Caching.Distributed;

namespace GuestMemFs.Caching.Tests;

public sealed class PersistentConformanceTests : ConformanceTests, IDisposable
{
    private readonly CacheFolder _folder = new();

    protected override IDistributedCache Cache => _folder.Cache;

    protected override DateTimeOffset Now => _folder.Clock.GetUtcNow();

    public void Dispose() => _folder.Dispose();

    protected override Task PassAsync(TimeSpan time)
    {
        _folder.Clock.Advance(time);
        return Task.CompletedTask;
    }
}
