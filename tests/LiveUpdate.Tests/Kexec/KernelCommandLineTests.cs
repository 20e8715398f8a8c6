namespace GuestMemFs.LiveUpdate.Tests.Kexec;

/// <summary>What a kernel's command line keeps apart, and what it forgets.</summary>
public sealed class KernelCommandLineTests
{
    private static readonly ReservedMemory s_vms = new(new MemoryRange(0x4000_0000, 512 << 20), "guestmemfs range vms",
        '$');
    private static readonly ReservedMemory s_pmem = new(new MemoryRange(0x1_0000_0000, 1UL << 30), "/dev/pmem0", '!');

    [Theory]
    [InlineData("quiet memmap=512M$0x40000000 memmap=1G!4G", "")]
    [InlineData("memmap=0x20000000$1G,1G!0x100000000", "")]
    [InlineData("memmap=\"512M$1G\" memmap=2G!4G x=\"a memmap=1K$1\"", "")]
    [InlineData("quiet memmap=1G!4G", "guestmemfs range vms")]
    [InlineData("memmap=512M!1G memmap=1G!4G", "guestmemfs range vms")] // persistent, and not reserved
    [InlineData("memmap=256M$1G memmap=1G!4G", "guestmemfs range vms")] // a part of it
    [InlineData("memmap=512M$1025M memmap=1G!4G", "guestmemfs range vms")] // beside it
    [InlineData("xmemmap=512M$1G memmap=1G!4G", "guestmemfs range vms")]
    [InlineData("memmap=exactmap memmap=$ memmap=99999999999999999999$1G", "guestmemfs range vms, /dev/pmem0")]
    public void What_it_forgets_is_named(string line, string forgotten) =>
        Assert.Equal(forgotten, string.Join(", ",
            NextCommandLine.Missing(new KernelCommandLine(line), [s_vms, s_pmem], []).Select(one => one.Name)));

    [Fact]
    public void What_the_firmware_keeps_apart_needs_no_word() =>
        Assert.Empty(NextCommandLine.Missing(new KernelCommandLine("quiet"), [s_pmem],
            [new MemoryRange(0x1_0000_0000, 2UL << 30)]));

    [Fact]
    public void The_word_that_is_missing_is_given() => Assert.Equal("memmap=0x20000000$0x40000000", s_vms.Word);

    [Fact]
    public void The_memory_is_found_where_the_kernel_shows_it()
    {
        using var folder = new TestFolder();
        Write(folder, "fs/guestmemfs/vms/base", "0x40000000\n");
        Write(folder, "fs/guestmemfs/vms/size", "536870912\n");
        Write(folder, "devices/region0/resource", "0x100000000\n");
        Write(folder, "devices/region0/size", "1073741824\n");
        Directory.CreateDirectory(folder["devices/region0/namespace0.0/block/pmem0"]);
        Directory.CreateDirectory(folder["block/sda"]);
        Directory.CreateSymbolicLink(folder["block/pmem0"], "../devices/region0/namespace0.0/block/pmem0");
        Write(folder, "firmware/memmap/0/start", "0x0\n");
        Write(folder, "firmware/memmap/0/end", "0x9fbff\n");
        Write(folder, "firmware/memmap/0/type", "System RAM\n");
        Write(folder, "firmware/memmap/1/start", "0xfffc0000\n");
        Write(folder, "firmware/memmap/1/end", "0xffffffff\n");
        Write(folder, "firmware/memmap/1/type", "Reserved\n");
        Assert.Equal([s_vms, s_pmem], ReservedMemory.Find(folder.Path));
        Assert.Equal([new MemoryRange(0xfffc0000, 0x40000)], ReservedMemory.OfFirmware(folder.Path));
    }

    [Fact]
    public void The_plans_words_come_behind_the_lines()
    {
        Assert.Equal("a b c",
            NextCommandLine.Of(new KernelSettings { Image = "/k", CommandLine = " a b ", Append = "c" }).Text);
        Assert.Equal(File.ReadAllText("/proc/cmdline").Trim(),
            NextCommandLine.Of(new KernelSettings { Image = "/k" }).Text);
    }

    private static void Write(TestFolder folder, string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder[name])!);
        File.WriteAllText(folder[name], text);
    }
}
