using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Dumps;

/// <summary>One name, and more than one who writes dumps to it.</summary>
public sealed class SeveralWritersTests : IDisposable
{
    private readonly TestMedium _medium = TestMedia.Create("tmpfs");
    private readonly TestMedium _place = TestMedia.Create("tmpfs");
    private readonly PersistentArena _arena;

    public SeveralWritersTests() => _arena = PersistentArena.Create(new ArenaOptions { Medium = _medium.Open() });

    private string File => Path.Combine(_place.Directory!, "copy");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _arena.Dispose();
        _medium.Dispose();
        _place.Dispose();
    }

    [Fact]
    public void A_file_that_is_being_written_is_nobody_elses_and_becomes_whole()
    {
        (PersistentHeap one, PersistentHeap two) = (Heap("one"), Heap("two"));
        List<string> refused = [];
        var during = new Now(() => refused.Add(Assert.Throws<DumpInUseException>(() =>
            RegionDump.Write(two, File, new DumpOptions { Overwrite = true }, Token)).Message));

        RegionDump.Write(one, File, new DumpOptions { Progress = during }, Token);

        Assert.NotEmpty(refused);
        Assert.All(refused, message => Assert.StartsWith($"GMF8006: '{File}' is being written", message));
        Assert.Equal("one", RegionDump.Verify(File, cancellationToken: Token).Region);
        RegionDump.Write(two, File, new DumpOptions { Overwrite = true }, Token);
        Assert.Equal("two", RegionDump.Verify(File, cancellationToken: Token).Region);
        Assert.Equal([File], Directory.GetFiles(_place.Directory!));
    }

    [Fact]
    public void Backups_under_one_name_are_written_by_one_at_a_time()
    {
        (PersistentHeap one, PersistentHeap two) = (Heap("one"), Heap("two"));
        var backups = new RegionBackups(File);
        backups.Write(two, cancellationToken: Token);
        List<string> refused = [];
        var during = new Now(() => refused.Add(Assert.Throws<DumpInUseException>(() =>
            new RegionBackups(File).Write(two, cancellationToken: Token)).Message));

        backups.Write(one, new DumpOptions { Progress = during }, Token);

        Assert.NotEmpty(refused);
        Assert.All(refused, message => Assert.StartsWith($"GMF8006: '{File}' is being written", message));
        Assert.Equal(["one", "two"], backups.Find().Select(found => found.Dump.Region));
        Assert.Equal([File, File + ".1"], Directory.GetFiles(_place.Directory!).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_a_killed_writer_left_hinders_nobody()
    {
        PersistentHeap heap = Heap("one");
        foreach (string left in (string[])[".partial", ".lock", ".new", ".new.partial"])
        {
            System.IO.File.WriteAllBytes(File + left, new byte[100_000]);
        }

        RegionDump.Write(heap, File, cancellationToken: Token);
        new RegionBackups(File).Write(heap, cancellationToken: Token);

        Assert.All((string[])[File, File + ".1"], file => RegionDump.Verify(file, cancellationToken: Token));
        Assert.Equal(2, Directory.GetFiles(_place.Directory!).Length);
    }

    [Fact]
    public void Where_no_dump_can_be_read_a_restore_says_so_and_takes_it_for_none_only_where_none_was_kept()
    {
        var backups = new RegionBackups(File);
        System.IO.File.WriteAllBytes(File + ".new", new byte[100]); // What a killed first one leaves.
        Assert.Null(backups.RestoreNewest(_arena, cancellationToken: Token));

        foreach (string name in (string[])[File, File + ".1"])
        {
            System.IO.File.WriteAllBytes(name, new byte[100]);
            Assert.Empty(backups.Find());
            Assert.Throws<DumpDamagedException>(() => backups.RestoreNewest(_arena, cancellationToken: Token));
            System.IO.File.Delete(name);
        }

        System.IO.File.WriteAllBytes(File, new byte[100]);
        System.IO.File.SetUnixFileMode(File, (UnixFileMode)0x1b6); // Anybody could have written it.
        Assert.Throws<UntrustedOwnerException>(() => backups.RestoreNewest(_arena, cancellationToken: Token));
        Assert.Empty(_arena.ListRegions());
    }

    [Theory]
    [InlineData(".partial")]
    [InlineData(".lock")]
    public void A_link_in_the_place_of_what_is_written_is_not_followed(string name)
    {
        PersistentHeap heap = Heap("one");
        string victim = Path.Combine(_place.Directory!, "victim");
        System.IO.File.WriteAllText(victim, "of another");
        System.IO.File.CreateSymbolicLink(File + name, victim);

        Assert.ThrowsAny<IOException>(() => name == ".lock"
            ? new RegionBackups(File).Write(heap, cancellationToken: Token)
            : RegionDump.Write(heap, File, cancellationToken: Token));

        Assert.Equal("of another", System.IO.File.ReadAllText(victim));
    }

    [Theory]
    [Trait("speed", "slow")]
    [InlineData(1)]
    [InlineData(2)]
    public void A_restore_beside_a_writer_finds_a_whole_dump(int count)
    {
        PersistentHeap heap = Heap("one");
        var backups = new RegionBackups(File, count);
        backups.Write(heap, cancellationToken: Token);
        using var stop = new ManualResetEventSlim();
        var writer = new Thread(() =>
        {
            while (!stop.IsSet)
            {
                backups.Write(heap, cancellationToken: Token);
            }
        });
        writer.Start();
        try
        {
            for (int i = 0; i < 200; i++)
            {
                Assert.NotNull(backups.RestoreNewest(_arena, new RestoreOptions { Region = "restored" },
                    (file, damaged) => Assert.Fail(damaged.Message), Token));
                _arena.DeleteRegion("restored");
            }
        }
        finally
        {
            stop.Set();
            writer.Join();
        }
    }

    private PersistentHeap Heap(string region)
    {
        PersistentHeap heap = PersistentHeap.Open(
            _arena.CreateRegion(region, 2 << 20, new RegionOptions { Kind = RegionKind.Heap }));
        PersistentDictionary.OpenOrCreate(heap, "keys").Set("k"u8, "v"u8);
        return heap;
    }

    /// <summary>Does it where progress is told: on the thread that writes, in the midst of it.</summary>
    private sealed class Now(Action action) : IProgress<DumpProgress>
    {
        public void Report(DumpProgress value) => action();
    }
}
