namespace GuestMemFs.VirtualMachines.Tests;

public sealed class GuestMemoryTests
{
    private const long MiB = 1L << 20;
    private static readonly RegionOptions Ram = new() { Kind = RegionKind.GuestRam, Reserve = RegionReserve.OnDemand };

    [Fact]
    public void One_region_is_the_machines_memory_backend()
    {
        using var folder = new TestFolder();
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = folder.Path });
        arena.CreateRegion("vm", 64 * MiB, Ram).Dispose();
        GuestMemory memory = GuestMemory.Of(arena, "vm");
        string path = Assert.Single(memory.LockFiles);
        Assert.Equal(64 * MiB, memory.Length);
        Assert.Equal(
            ["-m", "67108864B", "-object", $"memory-backend-file,id=ram0,size=67108864,mem-path={path},share=on,prealloc=off,align=2097152,dump=off,merge=off", "-machine", "memory-backend=ram0"],
            memory.ToQemuArguments());
        Assert.Equal(["--memory", "size=0", "--memory-zone", $"id=ram0,size=67108864,file={path},shared=on"], memory.ToCloudHypervisorArguments());
    }

    [Fact]
    public void Several_regions_are_nodes_in_their_order()
    {
        using var folder = new TestFolder();
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = folder.Path });
        arena.CreateRegion("b", 2 * MiB, Ram).Dispose();
        arena.CreateRegion("a", 4 * MiB, Ram).Dispose();
        GuestMemory memory = GuestMemory.Of(arena, "b", "a");
        Assert.Equal([("ram0", "b", 2 * MiB), ("ram1", "a", 4 * MiB)], memory.Backends.Select(backend => (backend.Id, backend.Region, backend.Length)));
        Assert.Equal(["-numa", "node,memdev=ram0", "-numa", "node,memdev=ram1"], memory.ToQemuArguments().TakeLast(4));
        Assert.Equal(2, memory.LockFiles.Count);
    }

    [Fact]
    public void A_grown_region_is_a_backend_for_each_file()
    {
        using var folder = new TestFolder();
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = folder.Path });
        using (PersistentRegion region = arena.CreateRegion("vm", 4 * MiB, new RegionOptions { Kind = RegionKind.GuestRam, MaximumLength = 64 * MiB }))
        {
            region.Grow(16 * MiB);
        }

        GuestMemory memory = GuestMemory.Of(arena, "vm");
        Assert.Equal(arena.GetRegionFiles("vm").Count, memory.Backends.Count);
        Assert.Equal(16 * MiB, memory.Length);
        Assert.Single(memory.LockFiles);
    }

    [Fact]
    public void A_comma_in_the_path_is_told_to_QEMU_and_refused_for_Cloud_Hypervisor()
    {
        using var folder = new TestFolder();
        Directory.CreateDirectory(folder["a,b"]);
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = folder["a,b"] });
        arena.CreateRegion("vm", 2 * MiB, Ram).Dispose();
        GuestMemory memory = GuestMemory.Of(arena, "vm");
        Assert.Contains("/a,,b/", memory.ToQemuArguments()[3], StringComparison.Ordinal);
        Assert.Contains("comma", Assert.Throws<GuestMemoryException>(memory.ToCloudHypervisorArguments).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_a_machines_memory_is_refused_with_the_reason()
    {
        using var folder = new TestFolder();
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = folder.Path });
        arena.CreateRegion("raw", 2 * MiB).Dispose();
        arena.CreateRegion("odd", (2 * MiB) + 4096, Ram).Dispose();
        arena.CreateRegion("vm", 2 * MiB, Ram).Dispose();
        Assert.Throws<RegionKindException>(() => GuestMemory.Of(arena, "raw"));
        Assert.Throws<RegionNotFoundException>(() => GuestMemory.Of(arena, "none"));
        Assert.Throws<ArgumentOutOfRangeException>(() => GuestMemory.Of(arena));
        GuestMemoryException odd = Assert.Throws<GuestMemoryException>(() => GuestMemory.Of(arena, "odd"));
        Assert.Equal("odd", odd.Region);
        Assert.Contains("2101248 bytes", odd.Message, StringComparison.Ordinal);
        Assert.Contains("named twice", Assert.Throws<GuestMemoryException>(() => GuestMemory.Of(arena, "vm", "vm")).Message, StringComparison.Ordinal);
        using PersistentArena volatileArena = PersistentArena.Create(new ArenaOptions { Medium = Medium.InMemory("vm") });
        volatileArena.CreateRegion("vm", 2 * MiB, Ram).Dispose();
        Assert.Contains("memfd", Assert.Throws<GuestMemoryException>(() => GuestMemory.Of(volatileArena, "vm")).Message, StringComparison.Ordinal);
    }
}
