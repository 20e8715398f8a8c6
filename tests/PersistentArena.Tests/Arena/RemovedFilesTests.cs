using GuestMemFs.Native;
using GuestMemFs.Tests.Infrastructure;
using Microsoft.Win32.SafeHandles;
using static GuestMemFs.Tests.Arena.ArenaTest;

namespace GuestMemFs.Tests.Arena;

/// <summary>Somebody removes the files of an open arena, or wants to.</summary>
public sealed class RemovedFilesTests
{
    public static TheoryData<string> Directories => ["directory", "tmpfs"];

    /// <summary>What systemd-tmpfiles does before it looks into a directory.</summary>
    [Theory, MemberData(nameof(Directories))]
    public void While_it_is_open_the_directory_cannot_be_locked_by_a_cleaner(string kind)
    {
        using TestMedium medium = TestMedia.Create(kind);
        using (PersistentArena writer = PersistentArena.Create(On(medium, owned: true)))
        {
            Assert.False(CleanerLocks(medium.Directory!));
            using (PersistentArena reader = PersistentArena.Open(On(medium, ArenaAccess.ReadOnly, owned: true)))
            {
                Assert.Equal(AttachKind.Reader, reader.AttachReport.Kind);
            }

            Assert.False(CleanerLocks(medium.Directory!));
        }

        Assert.True(CleanerLocks(medium.Directory!));
    }

    [Theory, MemberData(nameof(Directories))]
    public void What_is_removed_is_told_once_and_named(string kind)
    {
        using TestMedium medium = TestMedia.Create(kind);
        using PersistentArena arena = PersistentArena.Create(On(medium));
        using PersistentRegion region = arena.CreateRegion("data", 4 * MiB);
        var raised = new List<ArenaFilesLost>();
        arena.FilesRemoved += (_, lost) => raised.Add(lost);
        Assert.Null(arena.CheckFiles());

        File.Delete(Path.Combine(medium.Directory!, "extent-1"));

        ArenaFilesLost first = arena.CheckFiles()!;
        Assert.Equal((ReasonCodes.FilesLost, medium.Directory), (first.ReasonCode, first.Location));
        Assert.False(first.IsDirectoryGone);
        Assert.Equal(["extent-1"], first.Files);
        File.Delete(Path.Combine(medium.Directory!, "arena.meta"));
        Assert.Equal(["arena.meta", "extent-1"], arena.CheckFiles()!.Files);
        Assert.Same(first, Assert.Single(raised));
        Assert.NotNull(arena.FilesLost);
        Fill(region, 1); // It goes on in memory.
        AssertFilled(region, 1);
    }

    [Theory]
    [InlineData(false, 1, "1 files were removed (a0)")]
    [InlineData(false, 5, "5 files were removed (a0, a1, a2, a3, a4)")]
    [InlineData(false, 6, "6 files were removed (a0, a1, a2, a3, a4, ...)")]
    [InlineData(true, 0, "the directory was moved, or something was mounted over it")]
    [InlineData(true, 2, "the directory was removed")]
    public void The_text_says_what_is_gone_and_names_the_first(bool isDirectoryGone, int files, string said)
    {
        ArenaFilesLost lost = new("/place", isDirectoryGone, [.. Enumerable.Range(0, files).Select(i => $"a{i}")]);

        Assert.StartsWith($"{ReasonCodes.FilesLost} The files of the arena in /place are not there any more: {said}. ",
            lost.ToString());
    }

    [Fact]
    public void A_directory_that_was_moved_or_removed_is_told()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        string directory = medium.Directory!;
        string elsewhere = directory + "-elsewhere";
        using PersistentArena arena = PersistentArena.Create(On(medium));

        Directory.Move(directory, elsewhere);
        Assert.True(arena.CheckFiles()!.IsDirectoryGone);
        Directory.CreateDirectory(directory); // Another one.
        Assert.True(arena.CheckFiles()!.IsDirectoryGone);
        Directory.Delete(directory);
        Directory.Move(elsewhere, directory);
        Assert.Null(arena.CheckFiles());
        Assert.Null(arena.FilesLost);

        Directory.Delete(directory, recursive: true);
        ArenaFilesLost lost = arena.CheckFiles()!;
        Assert.True(lost.IsDirectoryGone);
        Assert.Equal(["arena.meta"], lost.Files);
        Directory.CreateDirectory(directory); // The test's to remove.
    }

    [Fact]
    public void A_file_of_the_same_name_is_not_the_metadata()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena arena = PersistentArena.Create(On(medium));
        string path = Path.Combine(medium.Directory!, "arena.meta");
        File.WriteAllText(path + ".other", "");

        File.Move(path + ".other", path, overwrite: true);

        Assert.Equal(["arena.meta"], arena.CheckFiles()!.Files);
    }

    [Theory]
    [InlineData("memfd")]
    [InlineData("strict")]
    public void Where_there_are_no_names_nothing_can_go(string kind)
    {
        using TestMedium medium = TestMedia.Create(kind);
        using PersistentArena arena = PersistentArena.Create(On(medium));

        Assert.Null(arena.CheckFiles());
    }

    private static ArenaOptions On(TestMedium medium, ArenaAccess access = ArenaAccess.ReadWrite, bool owned = false)
    {
        ArenaOptions options = ArenaTest.On(medium, access);
        options.OwnsMedium = owned;
        return options;
    }

    private static bool CleanerLocks(string directory)
    {
        int flags = Libc.O_RDONLY | Libc.O_DIRECTORY | Libc.O_CLOEXEC;
        using var handle = new SafeFileHandle(Libc.OpenAt(Libc.AT_FDCWD, directory, flags, 0), ownsHandle: true);
        return Libc.FLock(handle, Libc.LOCK_EX | Libc.LOCK_NB) == 0;
    }
}
