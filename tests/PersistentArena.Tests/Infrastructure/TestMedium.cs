namespace GuestMemFs.Tests.Infrastructure;

/// <summary>
/// A medium for the length of a test, which outlives every <see cref="Medium"/> object that is opened on it.
/// </summary>
public sealed class TestMedium : IDisposable
{
    private readonly string? _directory;
    private readonly bool _mounted;
    private IDisposable? _pages;
    private Medium? _shared;

    private TestMedium(string kind, string? directory, bool mounted, Medium? shared)
    {
        Kind = kind;
        _directory = directory;
        _mounted = mounted;
        _shared = shared;
    }

    /// <summary>One of <see cref="TestMedia.All"/>.</summary>
    public string Kind { get; }

    /// <summary>The directory; null where the medium is none (memfd, strict).</summary>
    public string? Directory => _directory;

    /// <summary>The strict medium of now, or null where this is another one.</summary>
    internal StrictMedium? Strict => _shared as StrictMedium;

    /// <summary>
    /// Opens it, as a process does that starts. The result may be disposed; what is stored stays until this object is
    /// disposed.
    /// </summary>
    public Medium Open() => _directory is null ? new BorrowedMedium(_shared!) : Medium.ForDirectory(_directory);

    /// <summary>
    /// The writer's process is gone, as far as a test can have that within its own: locks of undisposed files of a
    /// strict medium are freed.
    /// </summary>
    public void SimulateProcessDeath() => Strict?.SimulateProcessDeath();

    /// <summary>
    /// A kexec of a strict medium, see <see cref="StrictMedium.SimulateKexec"/>. Open it again afterwards.
    /// </summary>
    public void SimulateKexec(int? seed = null, bool keepNames = false) =>
        _shared = (Strict ?? throw new InvalidOperationException($"{Kind} has no simulated kexec.")).SimulateKexec(seed,
            keepNames);

    /// <summary>Removes everything; fails the test where a strict medium was mistreated.</summary>
    public void Dispose()
    {
        if (_pages is null)
        {
            Remove();
        }
        else
        {
            lock (ReservedPages.Turn)
            {
                Remove();
            }
        }

        Strict?.DestroyMemory();
        _shared?.Dispose();
        if (Strict is { } strict)
        {
            Assert.Empty(strict.Violations);
        }
    }

    private void Remove()
    {
        try
        {
            if (_mounted)
            {
                // Lazy, because a test that failed may have left mappings.
                Assert.Equal((0, string.Empty), TestMedia.Run("umount", "-l", _directory!));
                System.IO.Directory.Delete(_directory!);
            }
            else if (_directory is not null)
            {
                System.IO.Directory.Delete(_directory, recursive: true);
            }
        }
        finally
        {
            _pages?.Dispose(); // The machine's, whatever happened.
        }
    }

    internal static TestMedium OfDirectory(string kind, string directory) => new(kind, directory, mounted: false, null);

    internal static TestMedium OfMount(string kind, string directory) => new(kind, directory, mounted: true, null);

    internal static TestMedium OfMedium(string kind, Medium medium) => new(kind, null, mounted: false, medium);

    /// <summary>Takes over what is to be given back after the unmount.</summary>
    internal TestMedium Owning(IDisposable pages)
    {
        _pages = pages;
        return this;
    }
}
