using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Arena;

/// <summary>
/// An arena that another user of the machine made, or can change, is not opened. That user is 65534, in a process of
/// his own where he does something himself.
/// </summary>
public sealed class SecondUserTests : IDisposable
{
    private const string Stranger = "65534";
    private const string Readers = "65533";
    private readonly TestMedium _place;
    private readonly string _arena;

    public SecondUserTests()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "takes root, to be somebody else");
        Assert.SkipUnless(File.Exists("/usr/bin/setpriv"), "setpriv(1) is not there (package util-linux)");
        _place = TestMedia.Create("tmpfs");
        _arena = Path.Combine(_place.Directory!, "arena");
        Do("chmod", "1777", _place.Directory!); // As /tmp and /dev/shm are.
    }

    public void Dispose() => _place?.Dispose();

    [Theory]
    [InlineData(ArenaAccess.ReadWrite)]
    [InlineData(ArenaAccess.ReadOnly)]
    public void Another_users_arena_is_opened_only_where_he_is_named(ArenaAccess access)
    {
        Make();
        Do("chown", "-R", Stranger, _arena);

        UntrustedOwnerException e = Assert.Throws<UntrustedOwnerException>(() => Open(access));
        using PersistentArena trusted = Open(access, new PathTrust(Stranger));

        Assert.Equal(ReasonCodes.UntrustedOwner, e.ReasonCode);
        Assert.Contains($"'{_arena}' belongs to user nobody ({Stranger})", e.Message, StringComparison.Ordinal);
        Assert.Contains("--trust-owner USER", e.Message, StringComparison.Ordinal);
        Assert.Equal(["r"], trusted.ListRegions().Select(region => region.Name));
    }

    [Fact]
    public void Another_users_arena_is_not_looked_at_either()
    {
        Make();
        Do("chown", "-R", Stranger, _arena);

        Assert.Throws<UntrustedOwnerException>(() => ArenaInspection.Open(_arena));

        ArenaInspection.Open(_arena, new PathTrust(Stranger)).Dispose();
    }

    [Fact]
    public void A_directory_that_another_user_made_first_stays_as_he_made_it()
    {
        Do("setpriv", "--reuid=" + Stranger, "--clear-groups", "mkdir", "--mode=777", _arena);

        Assert.Throws<UntrustedOwnerException>(
            () => PersistentArena.OpenOrCreate(new ArenaOptions { Directory = _arena }));

        Assert.Empty(Directory.EnumerateFileSystemEntries(_arena));
    }

    [Theory]
    [InlineData("arena.meta", "chown", Stranger)]
    [InlineData("arena.meta", "chmod", "666")]
    [InlineData("extent-*", "chown", Stranger)]
    [InlineData("extent-*", "chmod", "662")]
    public void A_file_that_another_user_owns_or_can_write_is_not_mapped(string pattern, string how, string what)
    {
        Make();
        string file = Directory.EnumerateFiles(_arena, pattern).First();
        Do("chmod", "1777", _arena); // Anybody can put files here: so each file is asked.
        OpenRegion().Dispose();
        Do(how, what, file);

        UntrustedOwnerException e = Assert.Throws<UntrustedOwnerException>(OpenRegion);

        Assert.Contains(file, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("777", "0", false)]
    [InlineData("775", Stranger, false)]
    [InlineData("775", "0", true)] // The owner's own group.
    [InlineData("755", Stranger, true)]
    public void A_directory_that_others_can_write_is_refused_with_the_way_out(string mode, string group, bool opens)
    {
        Make();
        Do("chgrp", group, _arena);
        Do("chmod", mode, _arena);

        if (opens)
        {
            Open().Dispose();
            return;
        }

        UntrustedOwnerException e = Assert.Throws<UntrustedOwnerException>(() => Open());
        Assert.Contains($"(mode {mode})", e.Message, StringComparison.Ordinal);
        Assert.Contains("chmod go-w", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_made_or_opened_over_another_users_link_or_directory()
    {
        string real = Path.Combine(_place.Directory!, "real"), link = Path.Combine(_place.Directory!, "link");
        Directory.CreateDirectory(real);
        Do("setpriv", "--reuid=" + Stranger, "--clear-groups", "ln", "-s", real, link);
        var overLink = new ArenaOptions { Directory = Path.Combine(link, "arena") };

        UntrustedOwnerException e = Assert.Throws<UntrustedOwnerException>(() => PersistentArena.Create(overLink));
        Assert.Contains("symbolic link 'link'", e.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(real));

        Do("chown", "--no-dereference", "0", link);
        PersistentArena.Create(overLink).Dispose(); // Our own link may be followed.
        Do("chown", Stranger, real);
        e = Assert.Throws<UntrustedOwnerException>(() => PersistentArena.Open(overLink));
        Assert.Contains("real/ on the way to", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_members_of_a_group_may_read_and_not_write_and_nobody_else_may_do_either()
    {
        var shared = new ArenaOptions { Directory = _arena, Sharing = ArenaSharing.ReadableBy(Readers) };
        using (PersistentArena arena = PersistentArena.Create(shared))
        {
            arena.CreateRegion("r", 2 << 20).Dispose();
            AssertShared(true);
        }

        using (PersistentArena arena = PersistentArena.Open(new ArenaOptions { Directory = _arena }))
        {
            arena.CreateRegion("made by one who does not share", 2 << 20).Dispose();
            AssertShared(false);
        }

        Do("chmod", "640", Directory.EnumerateFiles(_arena, "extent-*").First()); // As a killed writer leaves it.
        using (PersistentArena arena = PersistentArena.Open(shared))
        {
            arena.CreateRegion("later", 2 << 20).Dispose();
            AssertShared(true);
        }

        Assert.NotNull(ArenaSharing.ReadableBy("root"));
        var e = Assert.Throws<ArgumentException>(() => ArenaSharing.ReadableBy("no such group"));
        Assert.Contains("There is no group 'no such group'.", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_has_no_files_is_shared_with_nobody()
    {
        using TestMedium medium = TestMedia.Create("memfd");
        var options = new ArenaOptions { Medium = medium.Open(), Sharing = ArenaSharing.ReadableBy(Readers) };

        ArenaMediumException e = Assert.Throws<ArenaMediumException>(() => PersistentArena.Create(options));

        Assert.Contains("no files that a group could read", e.Message, StringComparison.Ordinal);
    }

    private void AssertShared(bool isShared)
    {
        string[] files = Directory.GetFiles(_arena);
        Assert.True(files.Length >= 2);
        foreach (string file in files)
        {
            Assert.Equal(isShared, CanAsStranger("sha256sum \"$0\" >/dev/null", file, "--groups=" + Readers));
            Assert.False(CanAsStranger("sha256sum \"$0\" >/dev/null", file, "--clear-groups"), file);
            Assert.False(CanAsStranger(": >>\"$0\"", file, "--groups=" + Readers), file);
        }

        Assert.False(CanAsStranger(": >\"$0\"", Path.Combine(_arena, "new"), "--groups=" + Readers));
    }

    private static bool CanAsStranger(string script, string file, string groups) =>
        TestMedia.Run("setpriv", "--reuid=" + Stranger, "--regid=" + Stranger, groups, "sh", "-c", script, file)
            .ExitCode == 0;

    private static void Do(string program, params string[] arguments) =>
        Assert.Equal((0, string.Empty), TestMedia.Run(program, arguments));

    private void Make()
    {
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = _arena });
        arena.CreateRegion("r", 2 << 20).Dispose();
    }

    private PersistentArena Open(ArenaAccess access = ArenaAccess.ReadWrite, PathTrust? trust = null) =>
        PersistentArena.Open(
            new ArenaOptions { Directory = _arena, Access = access, Trust = trust ?? PathTrust.Own });

    private PersistentRegion OpenRegion()
    {
        using PersistentArena arena = Open();
        return arena.OpenRegion("r");
    }
}
