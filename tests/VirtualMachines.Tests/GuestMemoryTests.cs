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
            ["-m", "67108864B", "-object",
                $"memory-backend-file,id=ram0,size=67108864,mem-path={path},share=on,prealloc=off,align=2097152," +
                "dump=off,merge=off", "-machine", "memory-backend=ram0"],
            memory.ToQemuArguments());
        Assert.Equal(["--memory", "size=0", "--memory-zone", $"id=ram0,size=67108864,file={path},shared=on"],
            memory.ToCloudHypervisorArguments());
    }

    [Fact]
    public void Several_regions_are_nodes_in_their_order()
    {
        using var folder = new TestFolder();
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = folder.Path });
        arena.CreateRegion("b", 2 * MiB, Ram).Dispose();
        arena.CreateRegion("a", 4 * MiB, Ram).Dispose();
        GuestMemory memory = GuestMemory.Of(arena, "b", "a");
        Assert.Equal([("ram0", "b", 2 * MiB), ("ram1", "a", 4 * MiB)],
            memory.Backends.Select(backend => (backend.Id, backend.Region, backend.Length)));
        Assert.Equal(["-numa", "node,memdev=ram0", "-numa", "node,memdev=ram1"], memory.ToQemuArguments().TakeLast(4));
        Assert.Equal(2, memory.LockFiles.Count);
    }

    [Fact]
    public void A_grown_region_is_a_backend_for_each_file()
    {
        using var folder = new TestFolder();
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = folder.Path });
        using (PersistentRegion region = arena.CreateRegion("vm", 4 * MiB,
            new RegionOptions { Kind = RegionKind.GuestRam, MaximumLength = 64 * MiB }))
        {
            region.Grow(16 * MiB);
        }

        GuestMemory memory = GuestMemory.Of(arena, "vm");
        Assert.Equal(arena.GetRegionFiles("vm").Count, memory.Backends.Count);
        Assert.Equal(16 * MiB, memory.Length);
        Assert.Single(memory.LockFiles);
    }

    [Fact]
    public void A_part_of_a_device_is_told_with_where_it_begins()
    {
        using var folder = new TestFolder();
        DeviceDax device = Device(folder, 512 * MiB);
        GuestMemory memory = GuestMemory.Of(device, 64 * MiB, 128 * MiB);
        Assert.Equal(128 * MiB, memory.Length);
        Assert.Equal([device.Path], memory.LockFiles);
        Assert.Equal(
            $"memory-backend-file,id=ram0,size=134217728,mem-path={device.Path},share=on,prealloc=off," +
            "align=2097152,dump=off,merge=off,offset=67108864",
            memory.ToQemuArguments()[3]);
        Assert.Contains("first byte", Assert.Throws<GuestMemoryException>(memory.ToCloudHypervisorArguments).Message,
            StringComparison.Ordinal);
        Assert.Equal($"id=ram0,size=2097152,file={device.Path},shared=on",
            GuestMemory.Of(device, 0, 2 * MiB).ToCloudHypervisorArguments()[^1]);
    }

    [Theory]
    [InlineData(MiB, 2 * MiB, "are not multiples of 2097152")]
    [InlineData(0, 3 * MiB, "are not multiples of 2097152")]
    [InlineData(510 * MiB, 4 * MiB, "end behind its 536870912 bytes")]
    [InlineData(514 * MiB, 2 * MiB, "end behind its 536870912 bytes")]
    public void What_is_not_a_part_of_the_device_is_refused(long offset, long length, string because)
    {
        using var folder = new TestFolder();
        DeviceDax device = Device(folder, 512 * MiB);
        GuestMemoryException refused = Assert.Throws<GuestMemoryException>(() =>
            GuestMemory.Of(device, offset, length));
        Assert.StartsWith($"Device '{device.Path}' cannot be a machine's memory: ", refused.Message,
            StringComparison.Ordinal);
        Assert.Contains(because, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_such_device_is_refused()
    {
        using var folder = new TestFolder();
        Assert.Contains("no such file", Assert.Throws<GuestMemoryException>(() =>
            GuestMemory.OfDevice(folder["dax7.0"], 0, 2 * MiB)).Message, StringComparison.Ordinal);
        Assert.Contains("no device-dax", Assert.Throws<GuestMemoryException>(() =>
            GuestMemory.OfDevice("/dev/null", 0, 2 * MiB)).Message, StringComparison.Ordinal);
    }

    // As the kernel tells of one, behind a link such as udev makes.
    private static DeviceDax Device(TestFolder folder, long length)
    {
        File.WriteAllText(folder["dax0.0"], "");
        File.CreateSymbolicLink(folder["memory"], folder["dax0.0"]);
        string said = Directory.CreateDirectory(folder["devices/dax0.0"]).FullName;
        File.WriteAllText(Path.Combine(said, "size"), $"{length}\n");
        File.WriteAllText(Path.Combine(said, "align"), $"{2 * MiB}\n");
        return DeviceDax.Find(folder["memory"], folder["devices"]);
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
        Assert.Contains("comma", Assert.Throws<GuestMemoryException>(memory.ToCloudHypervisorArguments).Message,
            StringComparison.Ordinal);
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
        Assert.Contains("named twice", Assert.Throws<GuestMemoryException>(() =>
            GuestMemory.Of(arena, "vm", "vm")).Message, StringComparison.Ordinal);
        using PersistentArena volatileArena = PersistentArena.Create(
            new ArenaOptions { Medium = Medium.InMemory("vm") });
        volatileArena.CreateRegion("vm", 2 * MiB, Ram).Dispose();
        Assert.Contains("memfd", Assert.Throws<GuestMemoryException>(() => GuestMemory.Of(volatileArena, "vm")).Message,
            StringComparison.Ordinal);
    }
}
