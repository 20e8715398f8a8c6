using System.Diagnostics;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Dumps;

/// <summary>Copies that a command keeps and gives back, and commands that do not.</summary>
public sealed class BackupCommandTests : IDisposable
{
    private const string Region = "heap";
    private readonly TestMedium _medium = TestMedia.Create("tmpfs");
    private readonly TestMedium _place = TestMedia.Create("tmpfs");
    private readonly PersistentArena _arena;
    private readonly PersistentHeap _heap;
    private readonly PersistentDictionary _dictionary;

    public BackupCommandTests()
    {
        _arena = PersistentArena.Create(new ArenaOptions { Medium = _medium.Open() });
        _heap = PersistentHeap.Open(_arena.OpenOrCreateRegion(
            Region, 8 << 20, new RegionOptions { Kind = RegionKind.Heap }));
        _dictionary = PersistentDictionary.OpenOrCreate(_heap, "d");
        byte[] noise = new byte[1 << 20]; // no pipe has room for it
        new Random(1).NextBytes(noise);
        _dictionary.Set("noise"u8, noise);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string CopyFile => In("copy");

    private string[] Store => ["/usr/bin/tee", In("slot-{slot}")];

    private string[] Fetch => ["/bin/cat", In("slot-{slot}")];

    public void Dispose()
    {
        _arena.Dispose();
        _medium.Dispose();
        _place.Dispose();
    }

    [Fact]
    public void Where_the_files_are_lost_the_command_gives_the_newest_copy()
    {
        Write(Backups(), "1", "2", "3");
        LoseFiles();

        Assert.Equal("3", Restored(Backups()));

        Assert.Equal([In("slot-0"), In("slot-1")], Directory.GetFiles(_place.Directory!).Order());
    }

    [Fact]
    public void A_file_that_is_older_than_what_the_command_has_is_not_taken()
    {
        Write(Backups(), "1");
        byte[] old = File.ReadAllBytes(CopyFile);
        Write(Backups(), "2");
        LoseFiles();
        File.WriteAllBytes(CopyFile, old);

        Assert.Equal("2", Restored(Backups()));
    }

    [Fact]
    public void A_damaged_copy_of_the_commands_is_told_and_the_one_before_is_taken()
    {
        Write(Backups(), "1", "2");
        LoseFiles();
        File.WriteAllBytes(In("slot-1"), File.ReadAllBytes(In("slot-1"))[..^1000]);
        List<string> skipped = [];

        Assert.Equal("1", Restored(Backups(), skipped));

        Assert.Equal(["/bin/cat (slot 1)"], skipped);
        Assert.False(File.Exists(CopyFile + ".fetched"));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void The_next_process_does_not_store_over_the_only_whole_copy(int cut)
    {
        Write(Backups(), "1", "2");
        byte[] whole = File.ReadAllBytes(In($"slot-{1 - cut}"));
        File.WriteAllBytes(In($"slot-{cut}"), File.ReadAllBytes(In($"slot-{cut}"))[..^1000]);

        // Its store is killed in the middle.
        string[] killed = ["/bin/sh", "-c", "head -c 100000 > $0; kill -9 $$", In("slot-{slot}")];
        Assert.Throws<BackupCommandException>(() => Write(Backups(killed), "3"));

        Assert.Equal(whole, File.ReadAllBytes(In($"slot-{1 - cut}")));
        LoseFiles();
        Assert.Equal(cut == 0 ? "2" : "1", Restored(Backups()));
    }

    [Fact]
    public void The_next_process_does_not_store_to_a_slot_that_does_not_answer_while_others_do()
    {
        string[] fetch = ["/bin/sh", "-c", "test ! -e $0.down && exec cat $0", In("slot-{slot}")];
        Write(Backups(fetch: fetch, count: 3), "1", "2", "3");
        byte[] newest = File.ReadAllBytes(In("slot-2"));
        File.WriteAllText(In("slot-2.down"), "");

        Write(Backups(fetch: fetch, count: 3), "4");

        Assert.Equal(newest, File.ReadAllBytes(In("slot-2")));
        File.Delete(In("slot-2.down"));
        LoseFiles();
        Assert.Equal("4", Restored(Backups(fetch: fetch, count: 3)));
    }

    [Theory]
    [InlineData("echo no room >&2; exit 3", "failed (exit code 3). It said: no room The copies", 3)]
    [InlineData("kill -9 $$", "failed (exit code 137). The copies", 137)]
    [InlineData("exec head -c 1000", "ended well, but did not read the whole copy.", null)]
    [InlineData("cat > /dev/null", "failed (exit code 1)", 1)] // of what fetches: there is nothing
    [InlineData("head -c 9000 > $0; cat > /dev/null", "gave back other bytes than were stored", null)]
    [InlineData("(cat; echo) > $0", "gave back other bytes than were stored", null)]
    public void What_a_command_did_not_keep_is_told_and_the_file_is_whole(string script, string message, int? exitCode)
    {
        var failed = Assert.Throws<BackupCommandException>(() =>
            Write(Backups(["/bin/sh", "-c", script, In("slot-{slot}")]), "1"));

        Assert.StartsWith("GMF8007: ", failed.Message, StringComparison.Ordinal);
        Assert.Contains(message, failed.Message, StringComparison.Ordinal);
        Assert.Equal(exitCode, failed.ExitCode);
        Assert.Equal(exitCode == 1 ? "/bin/cat" : failed.Program, failed.Program);
        Assert.Equal(Region, RegionDump.Verify(CopyFile, cancellationToken: Token).Region);
        Assert.Null(Record.Exception(() => Write(Backups(), "2")));
    }

    [Fact]
    public void What_a_command_says_is_cut_and_has_no_control_characters()
    {
        var failed = Assert.Throws<BackupCommandException>(() => Write(Backups(
            ["/bin/sh", "-c", @"printf 'a\033[31mb\n' >&2; yes | head -c 5000000 >&2; exit 1", "{slot}"]), "1"));

        Assert.Contains("It said: a [31mb y y", failed.Message, StringComparison.Ordinal);
        Assert.InRange(failed.Message.Length, 1000, 1400);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_command_that_hangs_is_killed_with_its_children(bool cancelled)
    {
        using var soon = new CancellationTokenSource(cancelled ? TimeSpan.FromSeconds(1) : Timeout.InfiniteTimeSpan);
        RegionBackups backups = Backups(
            ["/bin/sh", "-c", "sleep 1000 & echo $! > $0; wait", In("pid-{slot}")],
            timeout: cancelled ? TimeSpan.FromMinutes(10) : TimeSpan.FromSeconds(1));
        long begin = Stopwatch.GetTimestamp();

        Exception failed = Record.Exception(() => backups.Write(_heap, cancellationToken: soon.Token))!;

        Assert.InRange(Stopwatch.GetElapsedTime(begin), TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(60));
        bool isRight = cancelled ? failed is OperationCanceledException
            : failed.Message.Contains("did not end within 1 s, and was killed.", StringComparison.Ordinal);
        Assert.True(isRight, $"{failed}");
        string child = File.ReadAllText(In("pid-0")).Trim();
        Assert.True(SpinWait.SpinUntil(() => !IsAlive(child), TimeSpan.FromSeconds(30)));
        Assert.Equal(Region, RegionDump.Verify(CopyFile, cancellationToken: Token).Region);
    }

    [Fact]
    public void Where_no_slot_can_be_asked_nothing_is_restored_not_even_from_a_file()
    {
        Write(new RegionBackups(CopyFile), "1");

        Assert.Throws<BackupCommandException>(() => Restored(Backups()));
    }

    [Fact]
    public void A_command_that_has_no_copy_says_so_by_no_byte()
    {
        RegionBackups backups = Backups(fetch: ["/bin/true", "{slot}"]);

        Assert.Null(Restored(backups));
        Assert.Empty(backups.Find());
    }

    [Fact]
    public void Copies_of_a_command_are_listed_with_those_in_files()
    {
        RegionBackups backups = Backups();
        Write(backups, "1", "2");

        Assert.Equal([CopyFile, "/bin/cat (slot 1)", CopyFile + ".1", "/bin/cat (slot 0)"],
            backups.Find().Select(found => found.Path));
    }

    [Fact]
    public void Words_are_handed_on_as_they_are()
    {
        string odd = In("a b;touch $(x) '*");
        RegionBackups backups = Backups(["/usr/bin/tee", odd], ["/bin/cat", odd]);

        Write(backups, "1");

        Assert.True(File.Exists(odd));
    }

    [Fact]
    public void A_program_that_another_user_could_have_written_is_not_started()
    {
        string program = In("program");
        File.WriteAllText(program, $"#!/bin/sh\ntouch {In("started")}\n");
        File.SetUnixFileMode(program, (UnixFileMode)511); // 0777

        Assert.Throws<UntrustedOwnerException>(() => Write(Backups([program, "{slot}"]), "1"));
        Assert.Throws<BackupCommandException>(() => Write(Backups([In("nothing"), "{slot}"]), "1"));

        Assert.False(File.Exists(In("started")));
    }

    [Fact]
    public void Words_that_cannot_be_a_command_are_refused()
    {
        Assert.Throws<ArgumentNullException>(() => new BackupCommand(null!, Fetch));
        Assert.Throws<ArgumentNullException>(() => new BackupCommand(Store, null!));
        Assert.Throws<ArgumentException>(() => new BackupCommand([], Fetch));
        Assert.Throws<ArgumentException>(() => new BackupCommand(["tee", "{slot}"], Fetch));
        Assert.Throws<ArgumentException>(() => new BackupCommand(["/bin/{slot}"], Fetch));
        Assert.Throws<ArgumentException>(() => new BackupCommand(["/usr/bin/tee", "x"], Fetch));
        Assert.Throws<ArgumentException>(() => new BackupCommand(Store, ["/bin/cat", "x"]));
    }

    private static bool IsAlive(string process)
    {
        try
        {
            return !File.ReadAllText($"/proc/{process}/stat").Contains(") Z ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }

    private string In(string name) => Path.Combine(_place.Directory!, name);

    private RegionBackups Backups(
        string[]? store = null, string[]? fetch = null, TimeSpan? timeout = null, int count = 2) => new(CopyFile, count)
    {
        Command = new BackupCommand(store ?? Store, fetch ?? Fetch)
        {
            Timeout = timeout ?? TimeSpan.FromMinutes(2),
        },
    };

    private void Write(RegionBackups backups, params string[] values)
    {
        foreach (string value in values)
        {
            _dictionary.Set("value"u8, System.Text.Encoding.UTF8.GetBytes(value));
            backups.Write(_heap, cancellationToken: Token);
            Thread.Sleep(2); // Copies are told apart by the millisecond.
        }
    }

    private void LoseFiles()
    {
        foreach (string file in Directory.GetFiles(_place.Directory!, "copy*"))
        {
            File.Delete(file);
        }
    }

    private static string? Restored(RegionBackups backups, List<string>? skipped = null)
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using var arena = PersistentArena.Create(new ArenaOptions { Medium = medium.Open() });
        if (backups.RestoreNewest(arena, skipped: (path, _) => skipped?.Add(path), cancellationToken: Token) is null)
        {
            return null;
        }

        using PersistentRegion region = arena.OpenRegion(Region);
        PersistentHeap heap = PersistentHeap.Open(region);
        return System.Text.Encoding.UTF8.GetString(PersistentDictionary.OpenOrCreate(heap, "d").Get("value"u8)!);
    }
}
