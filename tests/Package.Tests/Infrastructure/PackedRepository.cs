namespace GuestMemFs.PackageTests.Infrastructure;

/// <summary>The package as it is released: packed once, from the clone, for all tests that look at it.</summary>
public sealed class PackedRepository : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();

    internal Package Package { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Package = await Package.Pack(Repository.Root, _directory.Path);

    public ValueTask DisposeAsync()
    {
        _directory.Dispose();
        return ValueTask.CompletedTask;
    }
}
