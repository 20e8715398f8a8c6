using System.Diagnostics;
using GuestMemFs.Media;
using GuestMemFs.Tests.Hosting;

namespace GuestMemFs.Tests.Arena;

/// <summary>Memory lent to another program: whose process holds the lock on the region's first file.</summary>
public sealed class LendingTests
{
    private const long Length = 4L << 20;

    [Fact]
    public void A_lent_region_is_neither_deleted_nor_grown_and_is_free_when_its_process_is_gone()
    {
        using var directory = new ArenaDirectory();
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = directory.Path });
        var options = new RegionOptions { Kind = RegionKind.GuestRam, MaximumLength = 4 * Length };
        arena.CreateRegion("ram", Length, options).Dispose();
        arena.CreateRegion("other", Length, options).Dispose();
        RegionFile file = Assert.Single(arena.GetRegionFiles("ram"));
        Assert.Equal(Length, file.Length);
        Assert.Equal(new FileInfo(file.Path!).Length, file.FileLength);

        using (Process holder = Lend(file.Path!))
        {
            try
            {
                using PersistentRegion region = arena.OpenRegion("ram");
                RegionLentException grown = Assert.Throws<RegionLentException>(() => region.Grow(2 * Length));
                Assert.Equal(holder.Id, grown.HolderProcessId);
                Assert.Equal("ram", grown.Name);
                region.Dispose();
                Assert.Throws<RegionLentException>(() => arena.DeleteRegion("ram"));
                arena.RenameRegion("ram", "renamed");
                arena.DeleteRegion("other");
            }
            finally
            {
                holder.Kill();
                holder.WaitForExit();
            }
        }

        using (PersistentRegion region = arena.OpenRegion("renamed"))
        {
            region.Grow(2 * Length);
        }

        arena.DeleteRegion("renamed");
        Assert.Empty(arena.ListRegions());
    }

    [Fact]
    public void A_borrowed_region_is_written_beside_the_writer_and_is_lent_until_it_is_given_back()
    {
        using var directory = new ArenaDirectory();
        using PersistentArena writer = PersistentArena.Create(new ArenaOptions { Directory = directory.Path });
        using PersistentRegion seen = writer.CreateRegion("plan", Length,
            new RegionOptions { MaximumLength = 2 * Length });
        writer.CreateRegion("keys", Length, new RegionOptions { Kind = RegionKind.Heap }).Dispose();
        using PersistentArena reader = PersistentArena.Open(
            new ArenaOptions { Directory = directory.Path, Access = ArenaAccess.ReadOnly });
        using PersistentRegion looked = reader.OpenRegion("plan");

        PersistentRegion borrowed = reader.BorrowRegion("plan");
        Assert.False(borrowed.IsReadOnly);
        Assert.True(looked.IsReadOnly);
        borrowed.AsSpan(Length - 1, 1)[0] = 42;
        Assert.Equal(42, seen.AsSpan(Length - 1, 1)[0]);

        Assert.Equal("plan", Assert.Throws<RegionLentException>(() => reader.BorrowRegion("plan")).Name);
        Assert.Throws<RegionLentException>(() => seen.Grow(2 * Length));
        Assert.Throws<RegionKindException>(() => reader.BorrowRegion("keys"));
        Assert.Throws<RegionNotFoundException>(() => reader.BorrowRegion("none"));

        borrowed.Dispose();
        Assert.Equal(42, looked.AsSpan(Length - 1, 1)[0]);
        seen.Grow(2 * Length);
        reader.BorrowRegion("plan").Dispose();
    }

    [Fact]
    public void Who_has_the_lock_from_another_that_is_gone_is_named()
    {
        using var directory = new ArenaDirectory();
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = directory.Path });
        arena.CreateRegion("ram", Length, new RegionOptions { Kind = RegionKind.GuestRam }).Dispose();

        // flock(1) takes the lock on the shell's open file, and ends.
        using Process holder = Process.Start(new ProcessStartInfo("sh",
            ["-c", "exec 9<\"$0\"; flock --nonblock 9; echo here; exec sleep 60",
                Assert.Single(arena.GetRegionFiles("ram")).Path!]) { RedirectStandardOutput = true })!;
        try
        {
            Assert.Equal("here", holder.StandardOutput.ReadLine());
            RegionLentException lent = Assert.Throws<RegionLentException>(() => arena.DeleteRegion("ram"));
            Assert.Equal(holder.Id, lent.HolderProcessId);
            Assert.Contains($"process {holder.Id} holds the lock", lent.Message, StringComparison.Ordinal);
        }
        finally
        {
            holder.Kill();
            holder.WaitForExit();
        }
    }

    [Fact]
    public void The_kernels_table_is_read_as_it_is_written()
    {
        string[] lines =
        [
            "1: POSIX  ADVISORY  READ 11 00:2b:77 0 EOF",
            "2: FLOCK  ADVISORY  WRITE 12 00:2b:77 0 EOF",
            "2: -> FLOCK  ADVISORY  WRITE 13 00:2b:77 0 EOF",
            "3: FLOCK  ADVISORY  WRITE 0 00:2b:78 0 EOF",
        ];
        Assert.Equal(12, LockTable.Holder(lines, "00:2b:77"));
        Assert.Null(LockTable.Holder(lines, "00:2b:78"));
        Assert.Null(LockTable.Holder(lines, "00:2b:79"));
    }

    // As a machine is started: the lock is taken, and the program then takes the place of who took it.
    private static Process Lend(string file)
    {
        Process process = Process.Start(new ProcessStartInfo("flock", ["--nonblock", "--no-fork", file, "sh", "-c",
            "echo here; exec sleep 60"]) { RedirectStandardOutput = true })!;
        Assert.Equal("here", process.StandardOutput.ReadLine());
        return process;
    }
}
