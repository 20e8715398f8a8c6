namespace KvStore.Tests.Infrastructure;

/// <summary>
/// A fresh directory in shared memory where there is one (the arena's natural place), else in the temporary folder;
/// deleted with its content.
/// </summary>
internal sealed class TemporaryDirectory : IDisposable
{
    /// <param name="parent">Where to make it, or null for the usual place.</param>
    public TemporaryDirectory(string? parent = null)
    {
        parent ??= Directory.Exists("/dev/shm") ? "/dev/shm" : System.IO.Path.GetTempPath();
        Path = System.IO.Path.Combine(parent, $"gmf-kvstore-tests-{Environment.ProcessId}-{Guid.NewGuid():N}");
        Directory.CreateDirectory(Path);
    }

    public string Path { get; }

    public void Dispose()
    {
        if (Directory.Exists(Path))
        {
            Directory.Delete(Path, recursive: true);
        }
    }
}
