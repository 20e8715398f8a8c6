using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Terminal;
using GuestMemFs.Cli.Tests.Infrastructure;

namespace GuestMemFs.Cli.Tests.Commands;

/// <summary>A region that went through a file is the same region; a file that is not whole makes none.</summary>
public sealed class DumpTests
{
    [Fact]
    public void A_raw_region_comes_back_byte_for_byte()
    {
        using TestArena arena = new TestArena().Filled();
        using var files = new TestArena();
        arena.Gmfs("dump", "blob", files.File("blob.dump")).IsDone();
        arena.Gmfs("restore", files.File("blob.dump")).Is(3);
        arena.Gmfs("restore", files.File("blob.dump"), "again").IsDone();
        using PersistentArena library = PersistentArena.Open(arena.Options);
        using PersistentRegion one = library.OpenRegion("blob");
        using PersistentRegion two = library.OpenRegion("again");
        Assert.True(one.AsSpan(0, (int)one.Length).SequenceEqual(two.AsSpan(0, (int)two.Length)));
    }

    [Fact]
    public void A_heap_lives_on_in_another_arena()
    {
        using TestArena arena = new TestArena().Filled(5000);
        using var other = new TestArena();
        using var files = new TestArena();
        string file = files.File("carts.dump");
        Answer dump = arena.Gmfs("dump", "carts", file, "--json");
        dump.IsDone();
        Assert.True(dump.Json.GetProperty("copied").GetInt64() < 16 * TestArena.MiB,
            "what was never handed out is not copied");

        other.Gmfs("create").IsDone();
        other.Gmfs("restore", file, "--max-size", "32M").IsDone();
        other.Gmfs("check", "--deep").IsDone();
        using PersistentArena library = PersistentArena.Open(other.Options);
        using PersistentRegion heap = library.OpenRegion("carts");
        Assert.Equal(32 * TestArena.MiB, library.FindRegion("carts")!.MaximumLength);
        PersistentDictionary carts = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(heap), "carts");
        Assert.Equal(5000, carts.Count);
        for (int i = 0; i < 5000; i++)
        {
            Assert.Equal(100 + (i % 50), carts.Get(BitConverter.GetBytes(i))!.Length);
        }

        heap.Grow(20 * TestArena.MiB);
        carts.Set("new"u8, "record"u8);
        Assert.Equal("record"u8, carts.Get("new"u8)!);
    }

    [Fact]
    public void The_heap_of_a_killed_writer_recovers_where_it_is_restored()
    {
        using TestArena arena = new TestArena().Filled();
        using (PersistentArena killed = PersistentArena.Open(arena.Options))
        {
            PersistentDictionary carts = PersistentDictionary.OpenOrCreate(
                PersistentHeap.Open(killed.OpenRegion("carts")), "carts");
            carts.Set("last"u8, "words"u8);
            killed.Abandon();
        }

        using var files = new TestArena();
        arena.Gmfs("dump", "carts", files.File("d")).IsDone();
        arena.Gmfs("restore", files.File("d"), "copy").IsDone();
        using PersistentArena library = PersistentArena.Open(arena.Options);
        PersistentDictionary copy = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(library.OpenRegion("copy")),
            "carts");
        Assert.Equal("words"u8, copy.Get("last"u8)!);
        Assert.Equal(1001, copy.Count);
    }

    [Fact]
    public void Memory_that_was_never_touched_stays_so()
    {
        using var arena = new TestArena();
        using var files = new TestArena();
        arena.Gmfs("create").IsDone();
        arena.Gmfs("create", "sparse", "64M", "--on-demand").IsDone();
        using (PersistentArena library = PersistentArena.Open(arena.Options))
        using (PersistentRegion region = library.OpenRegion("sparse"))
        {
            region.AsSpan(40 << 20, 1).Fill(7);
        }

        long before = Blocks(arena.File("extent-1"));
        arena.Gmfs("dump", "sparse", files.File("d")).IsDone();
        Assert.Equal(before, Blocks(arena.File("extent-1")));
        Assert.True(new FileInfo(files.File("d")).Length < 2 * TestArena.MiB);
        arena.Gmfs("restore", files.File("d"), "copy").IsDone();
        using PersistentArena again = PersistentArena.Open(arena.Options);
        using PersistentRegion copy = again.OpenRegion("copy");
        Assert.Equal(RegionReserve.OnDemand, again.FindRegion("copy")!.Reserve);
        Assert.Equal(7, copy.AsSpan(40 << 20, 1)[0]);
        Assert.Equal(0, copy.AsSpan(41 << 20, 1)[0]);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_damaged_file_restores_nothing()
    {
        using TestArena arena = new TestArena().Filled();
        using var files = new TestArena();
        string file = files.File("d");
        arena.Gmfs("dump", "blob", file).IsDone();
        byte[] whole = File.ReadAllBytes(file);
        var random = new Random(7);
        int[] places = [0, 9, 50, 100, 4095, 4096, 4104, 4108, whole.Length - 1, whole.Length - 16,
            .. Enumerable.Range(0, 20).Select(_ => random.Next(4096, whole.Length))];
        foreach (int at in places)
        {
            byte[] damaged = (byte[])whole.Clone();
            damaged[at] ^= 0x10;
            File.WriteAllBytes(file, damaged);
            arena.Gmfs("restore", file, "copy").Is(5);
        }

        foreach (int length in (int[])[0, 100, 4096, 5000, whole.Length / 2, whole.Length - 16, whole.Length - 1])
        {
            File.WriteAllBytes(file, whole[..length]);
            arena.Gmfs("restore", file, "copy").Is(5);
        }

        Assert.Equal(2, arena.Gmfs("list", "--json").Json.GetProperty("regions").GetArrayLength());
        arena.Gmfs("check").IsDone();
        arena.Gmfs("restore", files.File("none"), "copy").Is(4);
    }

    [Fact]
    public void Interrupted_it_leaves_nothing_and_killed_only_what_the_next_one_removes()
    {
        using TestArena arena = new TestArena().Filled();
        using var files = new TestArena();
        string file = files.File("d");
        arena.Gmfs("dump", "blob", file).IsDone();
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Shell stopped = TestArena.Silent with { Cancellation = stop.Token };
        Assert.Equal(3, Cli.Gmfs.Run(["restore", file, "copy", "-a", arena.Directory], stopped));
        Assert.Equal(3, Cli.Gmfs.Run(["dump", "blob", files.File("second"), "-a", arena.Directory], stopped));
        Assert.Equal(["d"], Directory.GetFiles(files.Directory).Select(Path.GetFileName));
        arena.Gmfs("check").IsDone();

        // What SIGKILL in the middle leaves.
        string half = Dumps.RestoringRegion.NewName();
        arena.Gmfs("create", half, "4M").IsDone();
        Answer found = arena.Gmfs("check", "--json");
        found.Is(1);
        Assert.Equal([FindingCodes.HalfRestored], found.Findings);
        arena.Gmfs("restore", file, "copy").IsDone();
        Assert.Equal(["blob", "carts", "copy"], arena.Gmfs("list", "--json").Json.GetProperty("regions")
            .EnumerateArray().Select(r => r.GetProperty("name").GetString()));
    }

    [Fact]
    public void Beside_a_writer_it_is_refused_unless_asked_for_and_always_for_heaps()
    {
        using TestArena arena = new TestArena().Filled();
        using var files = new TestArena();
        using PersistentArena writer = PersistentArena.Open(arena.Options);
        arena.Gmfs("dump", "blob", files.File("a")).Is(3);
        arena.Gmfs("dump", "carts", files.File("b"), "--live").Is(3);
        Answer live = arena.Gmfs("dump", "blob", files.File("c"), "--live", "--json");
        live.IsDone();
        Assert.True(live.Json.GetProperty("besideWriter").GetBoolean());
        Assert.Equal(["c"], Directory.GetFiles(files.Directory).Select(Path.GetFileName));
        arena.Gmfs("restore", files.File("c"), "copy").Is(3);
    }

    [Fact]
    public void A_file_that_is_there_is_replaced_only_on_request()
    {
        using TestArena arena = new TestArena().Filled();
        using var files = new TestArena();
        File.WriteAllText(files.File("d"), "precious");
        arena.Gmfs("dump", "blob", files.File("d")).Is(3);
        Assert.Equal("precious", File.ReadAllText(files.File("d")));
        arena.Gmfs("dump", "blob", files.File("d"), "--force").IsDone();
        arena.Gmfs("restore", files.File("d"), "copy").IsDone();
    }

    private static long Blocks(string path)
    {
        using Microsoft.Win32.SafeHandles.SafeFileHandle handle = File.OpenHandle(path);
        return (long)Media.Descriptors.Status(handle, path).Blocks;
    }
}
