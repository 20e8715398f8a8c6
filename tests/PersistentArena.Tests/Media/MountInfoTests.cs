using GuestMemFs.Media;
using GuestMemFs.Native;

namespace GuestMemFs.Tests.Media;

public sealed class MountInfoTests
{
    [Fact]
    public void A_line_is_read_with_its_optional_fields_and_escapes()
    {
        MountInfo mount = MountInfo.Parse(
            @"36 35 98:0 /sub\040dir /mnt/a\040b\011c\134d rw,noatime master:1 shared:7 - " +
            @"tmpfs guestmemfs\043x rw,size=8k,huge=within_size")!;
        Assert.Equal(
            new MountInfo(36, "98:0", "/sub dir", "/mnt/a b\tc\\d", "rw,noatime", "tmpfs", "guestmemfs#x",
                "rw,size=8k,huge=within_size"),
            mount);
        Assert.Equal("within_size", mount.Value("huge"));
        Assert.True(mount.Has("noatime"));
        Assert.False(mount.Has("huge"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("36 35 98:0 / /mnt rw")]
    [InlineData("36 35 98:0 / /mnt rw - tmpfs")]
    [InlineData("x 35 98:0 / /mnt rw - tmpfs t rw")]
    public void What_is_no_line_is_none(string line) => Assert.Null(MountInfo.Parse(line));

    [Fact]
    public void The_mounts_of_this_process_are_read() =>
        Assert.Contains(MountInfo.ReadAll(), mount => mount is { MountPoint: "/proc", FileSystem: "proc" });

    [Theory]
    [InlineData("guestmemfs", "rw", 0, 0, "guestmemfs")]
    [InlineData("hugetlbfs", "rw,pagesize=1024M", 0, 0, "hugetlbfs")]
    [InlineData("tmpfs", "rw", 0, 0, "tmpfs")]
    [InlineData("ext4", "rw,dax=always", 0, 0, "dax")]
    [InlineData("xfs", "rw,dax", 0, 0, "dax")]
    [InlineData("xfs", "rw", 0, Libc.STATX_ATTR_DAX, "dax")]
    [InlineData("xfs", "rw,dax=never", 0, 0, "directory")]
    [InlineData("ext4", "rw", 0, 0, "directory")]
    [InlineData("overlay", "rw,dax=always", 0, 0, "directory")]
    [InlineData(null, "", 0x01021994, 0, "tmpfs")]
    [InlineData(null, "", 0x958458f6, 0, "hugetlbfs")]
    [InlineData(null, "", 0xef53, 0, "directory")]
    public void The_kernel_decides_which_medium_it_is(
        string? type, string options, long magic, ulong attributes, string expected)
    {
        MountInfo? mount = type is null ? null
            : new MountInfo(1, "1:1", "/", "/mnt/tmpfs", "rw", type, "none", options);
        Assert.Equal(expected, MediumDetector.NameOf(MediumDetector.Kind(mount, magic, attributes)));
    }

    [Theory]
    [InlineData(null, "never", false, "No")]
    [InlineData(null, "never", true, "Collapse")]
    [InlineData(null, "never", null, "Perhaps")]
    [InlineData("always", "never", null, "Yes")]
    [InlineData("never", "always", false, "No")]
    [InlineData("never", "always", true, "Collapse")]
    [InlineData("advise", "never", true, "Advise")]
    [InlineData("always", "never", false, "Yes")]
    [InlineData("within_size", "advise", false, "Yes")]
    [InlineData("always", "deny", true, "No")]
    [InlineData("never", "force", false, "Yes")]
    [InlineData("always", null, true, "No")]
    public void Mount_and_machine_say_together_whether_tmpfs_has_huge_pages(
        string? mount, string? machine, bool? canCollapse, string expected) =>
        Assert.Equal(expected, ShmemHugePages.ForMount(mount, machine, canCollapse).ToString());

    [Fact]
    public void The_word_in_brackets_is_the_choice()
    {
        Assert.Equal("within_size", ShmemHugePages.Chosen("always [within_size] advise never deny force"));
        Assert.Null(ShmemHugePages.Chosen("always"));
    }

    [Theory]
    [InlineData("/sys/devices/platform/e820_pmem/ndbus0/region0/namespace0.0/block/pmem0",
        "/sys/devices/platform/e820_pmem/ndbus0")]
    [InlineData("/sys/devices/LNXSYSTM:00/LNXSYBUS:00/ACPI0012:00/ndbus1",
        "/sys/devices/LNXSYSTM:00/LNXSYBUS:00/ACPI0012:00/ndbus1")]
    [InlineData("/sys/devices/virtual/block/dm-0", null)]
    public void The_bus_of_a_persistent_memory_device_is_found(string device, string? bus) =>
        Assert.Equal(bus, PersistentMemory.BusOf(device));

    [Fact]
    public void A_device_of_which_nothing_is_known_is_not_said_to_survive_a_loss_of_power()
    {
        Assert.False(PersistentMemory.SurvivesPowerLoss(null));
        Assert.False(PersistentMemory.SurvivesPowerLoss("0:0"));
        string? disk = MountInfo.ReadAll().FirstOrDefault(mount => mount.MountPoint == "/")?.Device;
        Assert.False(PersistentMemory.SurvivesPowerLoss(disk));
    }
}
