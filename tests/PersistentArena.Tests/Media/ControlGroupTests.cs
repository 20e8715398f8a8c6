using GuestMemFs.Media;

namespace GuestMemFs.Tests.Media;

public sealed class ControlGroupTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("guestmemfs-test-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void The_tightest_group_upwards_decides_and_idle_cache_of_disks_does_not_count()
    {
        Group("", ("memory.stat", "anon 1"));
        Group("service", ("memory.max", "1000000"), ("memory.current", "700000"), ("memory.stat",
            "anon 500000\ninactive_file 60000\nactive_file 40000\nfile_dirty 3000\nfile_writeback 2000\nshmem 5"));
        Group("service/inner", ("memory.max", "max"), ("memory.current", "5"), ("memory.stat", ""));
        MemoryRoom room = ControlGroup.Memory("0::/service/inner\n", [Mount("cgroup2", "/", "rw")]);
        Assert.Equal(new MemoryRoom(1_000_000, 300_000 + 60_000 + 20_000 - 5_000), room);
    }

    [Fact]
    public void Version_1_is_read_where_it_has_the_controller()
    {
        Group("box", ("memory.limit_in_bytes", "5000"), ("memory.usage_in_bytes", "2000"),
            ("memory.stat", "inactive_file 7\ntotal_inactive_file 100\ntotal_active_file 0"));
        string groups = "5:cpu,cpuacct:/\n4:memory:/box\n0::/\n";
        Assert.Equal(3100, ControlGroup.Memory(groups, [Mount("cgroup", "/", "rw,memory"),
            Mount("cgroup2", "/", "rw")]).Available);
    }

    [Fact]
    public void A_container_sees_its_group_as_the_root()
    {
        Group("", ("memory.max", "100"), ("memory.current", "300"));
        Assert.Equal(0, ControlGroup.Memory("0::/docker/abc\n", [Mount("cgroup2", "/docker/abc", "rw")]).Available);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0::/")]
    [InlineData("7:memory:/x")]
    public void Without_groups_or_limits_there_is_no_limit(string groups) =>
        Assert.Equal(MemoryRoom.Unlimited, ControlGroup.Memory(groups, [Mount("cgroup2", "/", "rw")]));

    [Theory]
    [InlineData(256, 100, 68)]
    [InlineData(256, 20, 0)]
    [InlineData(32, 32, 28)]
    [InlineData(1 << 20, 1000, 744)]
    public void A_share_is_left_to_the_process(long limit, long available, long expected) =>
        Assert.Equal(expected << 20, new MemoryRoom(limit << 20, available << 20).ForArenas);

    private void Group(string path, params (string File, string Text)[] files)
    {
        Directory.CreateDirectory(Path.Combine(_root, path));
        foreach ((string file, string text) in files)
        {
            File.WriteAllText(Path.Combine(_root, path, file), text + "\n");
        }
    }

    private MountInfo Mount(string type, string root, string options) =>
        new(1, "0:1", root, _root, "rw", type, type, options);
}
