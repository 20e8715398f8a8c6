namespace GuestMemFs.Support;

/// <summary>A folder of a test's own, in shared memory, short enough for a socket's path.</summary>
public sealed class TestFolder : IDisposable
{
    public string Path { get; } = Directory.CreateDirectory(System.IO.Path.Combine(Directory.Exists("/dev/shm")
        ? "/dev/shm" : System.IO.Path.GetTempPath(), $"gmf-vm-{Guid.NewGuid():N}")).FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
