namespace GuestMemFs.PackageTests.Infrastructure;

/// <summary>A fresh directory, deleted with its content.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    public TemporaryDirectory(string? parent = null) => Path = Directory.CreateDirectory(
        System.IO.Path.Combine(parent ?? System.IO.Path.GetTempPath(),
            $"gmf-package-{Environment.ProcessId}-{Guid.NewGuid():N}")).FullName;

    public string Path { get; }

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
