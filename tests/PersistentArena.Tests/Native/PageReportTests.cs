using GuestMemFs.Native;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Native;

public sealed unsafe class PageReportTests
{
    private const string Smaps = """
        7f0000000000-7f0000400000 rw-s 00000000 00:1e 4 /mnt/huge/extent-1
        Size:               4096 kB
        KernelPageSize:        4 kB
        MMUPageSize:           4 kB
        Rss:                4096 kB
        ShmemPmdMapped:     2048 kB
        Shared_Hugetlb:        0 kB
        THPeligible:           1
        VmFlags: rd wr sh mr mw me ms dd dc
        7f0000400000-7f0040400000 rw-s 00000000 00:1f 9 /mnt/1g/extent-2
        KernelPageSize:  1048576 kB
        Rss:                   0 kB
        Shared_Hugetlb:  1048576 kB
        ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
        Rss:                   4 kB

        """;

    [Theory]
    [InlineData(0x7f0000000000, 0x7f0000400000, "2 MiB pages for 50 %, 4 KiB for the rest")]
    [InlineData(0x7f0000400000, 0x7f0040400000, "1 GiB pages")]
    [InlineData(0x7f0040400000, 0x7f0040500000, "unknown")]
    public void Only_mappings_of_the_range_count(ulong start, ulong end, string expected) =>
        Assert.Equal(expected, PageReport.Read(new StringReader(Smaps), start, end).ToString());

    [Theory]
    [Trait("speed", "slow")]
    [InlineData("tmpfs")]
    [InlineData("directory")]
    [InlineData("tmpfs-huge")]
    [InlineData("tmpfs-advise")]
    [InlineData("hugetlbfs")]
    [InlineData("hugetlbfs-1g")]
    [InlineData("memfd")]
    public void What_was_got_is_what_the_medium_states(string kind)
    {
        using TestMedium place = TestMedia.Create(kind);
        using Medium medium = place.Open();
        long length = Math.Max(8 << 20, medium.Capabilities.FileGranularity);
        using MediumFile file = medium.CreateFile("a", length);
        file.Reserve(0, length);
        using var reservation = new AddressReservation(length,
            Math.Max(PageSizes.Huge2M, medium.Capabilities.PageSize));
        file.MapAt(reservation.Address, length, writable: true);
        Assert.Equal("unknown", PageReport.ForRange(reservation.Address, length).ToString());

        Assert.Equal(0, HugePages.Populate(reservation.Address, length, write: true));

        PageReport got = PageReport.ForRange(reservation.Address, length);
        long huge = medium.Capabilities.PageSize == PageSizes.Small ? 0 : length;
        Assert.Equal(new PageReport(length, huge, huge == 0 ? 0 : medium.Capabilities.PageSize), got);
    }

    [Theory]
    [InlineData("tmpfs")]
    [InlineData("tmpfs-huge")]
    [InlineData("memfd")]
    public void Reserving_what_is_in_use_already_keeps_every_byte(string kind)
    {
        using TestMedium place = TestMedia.Create(kind);
        using Medium medium = place.Open();
        const int length = 6 << 20;
        using MediumFile file = medium.CreateFile("a", length);
        using var reservation = new AddressReservation(length, PageSizes.Huge2M);
        file.MapAt(reservation.Address, length, writable: true);
        var memory = new Span<byte>((void*)reservation.Address, length);
        var expected = new byte[length];
        new Random(1).NextBytes(expected.AsSpan(1 << 20, 3 << 20)); // Some of it: the rest is a hole.
        expected.AsSpan(1 << 20, 3 << 20).CopyTo(memory[(1 << 20)..]);

        file.Reserve(3 << 20, 2 << 20);
        file.Reserve(0, length);

        Assert.True(memory.SequenceEqual(expected));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Populating_where_nothing_is_mapped_or_has_no_room_gives_an_errno_and_no_signal()
    {
        using var reservation = new AddressReservation(4 << 20, PageSizes.Huge2M);
        Assert.NotEqual(0, HugePages.Populate(reservation.Address, 4096, write: true));

        using TestMedium place = TestMedia.Create("tmpfs-huge");
        using Medium medium = place.Open();
        long beyond = 1L << 30; // The mount has 512 MiB.
        using MediumFile file = medium.CreateFile("a", beyond);
        using var room = new AddressReservation(beyond, PageSizes.Huge2M);
        file.MapAt(room.Address, beyond, writable: true);
        Assert.Equal(Errno.EFAULT, HugePages.Populate(room.Address, beyond, write: true));
    }
}
