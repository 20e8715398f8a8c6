namespace KvStore.Tests.Infrastructure;

/// <summary>
/// A filesystem of its own for a test, unmounted with it; skips the test where mounting is not allowed.
/// </summary>
internal sealed class TemporaryMount : IDisposable
{
    public TemporaryMount(string type, string options)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, $"Mounting a {type} needs root.");
        Path = Directory.CreateTempSubdirectory("gmf-kvstore-tests-").FullName;
        (int exitCode, _, string error) = Tool.Run("mount", ["-t", type, "-o", options, "gmf-kvstore-tests", Path]);
        if (exitCode != 0)
        {
            Directory.Delete(Path);
            Assert.Skip($"mount -t {type} -o {options} failed: {error}");
        }
    }

    public string Path { get; }

    public void Dispose()
    {
        // Lazy, because an ended process's memory may still be being unmapped.
        Tool.Run("umount", ["-l", Path]);
        Directory.Delete(Path);
    }
}
