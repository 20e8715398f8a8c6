using GuestMemFs.Native;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Media;

/// <summary>Each thing that can be wrong with a directory is its own typed error, and nothing is left behind.</summary>
public sealed class DirectoryErrorsTests : IDisposable
{
    private readonly TestMedium _place = TestMedia.Create("directory");

    public void Dispose() => _place.Dispose();

    [Fact]
    public void A_missing_directory_is_made_for_us_alone_where_its_parent_is_there()
    {
        string path = Path.Combine(_place.Directory!, "new");
        using (Medium medium = Medium.ForDirectory(path))
        {
            Assert.Equal("directory", medium.Name);
            Assert.Equal(path, medium.Location);
        }

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            File.GetUnixFileMode(path));
        MediumException error = Assert.Throws<MediumException>(() =>
            Medium.ForDirectory(Path.Combine(_place.Directory!, "no", "such")));
        Assert.Equal(MediumErrorKind.Missing, error.Kind);
        Assert.Contains("parent", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reader_makes_nothing()
    {
        string path = Path.Combine(_place.Directory!, "new");
        Assert.Equal(MediumErrorKind.Missing,
            Assert.Throws<MediumException>(() => Medium.ForDirectory(path, writable: false)).Kind);
        Assert.False(Directory.Exists(path));
    }

    [Fact]
    public void A_file_is_no_directory()
    {
        string path = Path.Combine(_place.Directory!, "file");
        File.WriteAllText(path, "x");
        MediumException error = Assert.Throws<MediumException>(() => Medium.ForDirectory(path));
        Assert.Equal((MediumErrorKind.Missing, Errno.ENOTDIR), (error.Kind, error.Errno));
        Assert.Contains("not a directory", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_read_only_mount_is_named_as_that()
    {
        using TestMedium mount = TestMedia.Create("tmpfs-huge");
        Assert.Equal((0, string.Empty), TestMedia.Run("mount", "-o", "remount,ro", mount.Directory!));
        MediumException error = Assert.Throws<MediumException>(() => mount.Open());
        Assert.Equal((MediumErrorKind.Denied, Errno.EROFS), (error.Kind, error.Errno));
        Assert.Contains("read-only", error.Message, StringComparison.Ordinal);
        using Medium reader = Medium.ForDirectory(mount.Directory!, writable: false);
        Assert.Empty(reader.ListFiles());
    }

    [Fact]
    public void Files_are_for_us_alone()
    {
        using Medium medium = _place.Open();
        medium.CreateFile("a", 2 << 20).Dispose();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite,
            File.GetUnixFileMode(Path.Combine(_place.Directory!, "a")));
    }

    [Fact]
    public void A_symbolic_link_is_not_followed()
    {
        string target = Path.Combine(_place.Directory!, "target");
        File.WriteAllBytes(target, new byte[2 << 20]);
        File.CreateSymbolicLink(Path.Combine(_place.Directory!, "link"), target);
        using Medium medium = _place.Open();

        MediumException error = Assert.Throws<MediumException>(() => medium.TryOpenFile("link", writable: true));

        Assert.Equal((MediumErrorKind.Denied, Errno.ELOOP), (error.Kind, error.Errno));
        Assert.Throws<MediumException>(() => medium.CreateFile("link", 2 << 20));
        Assert.Equal(["target"], medium.ListFiles());
    }

    [Fact]
    public void What_is_no_regular_file_is_neither_listed_nor_opened()
    {
        Assert.Equal((0, string.Empty), TestMedia.Run("mkfifo", Path.Combine(_place.Directory!, "pipe")));
        Directory.CreateDirectory(Path.Combine(_place.Directory!, "directory"));
        using Medium medium = _place.Open();
        Assert.Empty(medium.ListFiles());
        Assert.Throws<MediumException>(() => medium.TryOpenFile("pipe", writable: false));
        Assert.Throws<MediumException>(() => medium.TryOpenFile("directory", writable: true));
        Assert.Throws<MediumException>(() => medium.TryOpenFile("directory", writable: false));
    }

    [Fact]
    public void A_medium_stays_what_it_was_when_something_is_mounted_over_its_path()
    {
        using TestMedium mount = TestMedia.Create("tmpfs-huge");
        using Medium medium = mount.Open();
        medium.CreateFile("a", 2 << 20).Dispose();
        Assert.Equal((0, string.Empty), TestMedia.Run("mount", "-t", "tmpfs", "guestmemfs-test", mount.Directory!));
        try
        {
            Assert.Equal(["a"], medium.ListFiles());
            using Medium over = mount.Open();
            Assert.Empty(over.ListFiles());
        }
        finally
        {
            Assert.Equal((0, string.Empty), TestMedia.Run("umount", mount.Directory!));
        }
    }
}
