namespace GuestMemFs.LiveUpdate.Tests.Holding;

/// <summary>A directory that goes with the test; short, because a socket's path is.</summary>
internal sealed class SocketFolder : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("gmf-");

    public string this[string name] => Path.Combine(_directory.FullName, name);

    public void Dispose() => _directory.Delete(recursive: true);
}
