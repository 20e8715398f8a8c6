using System.Globalization;
using GuestMemFs.Native;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Media;

/// <summary>What is special about our mappings.</summary>
public sealed unsafe class MappingTests
{
    [Theory]
    [InlineData("directory")]
    [InlineData("tmpfs")]
    [InlineData("tmpfs-huge")]
    [InlineData("hugetlbfs")]
    [InlineData("memfd")]
    public void They_are_in_no_core_dump_and_in_no_forked_child(string kind)
    {
        using TestMedium place = TestMedia.Create(kind);
        using Medium medium = place.Open();
        using MediumFile file = medium.CreateFile("a", 2 << 20);
        using var reservation = new AddressReservation(2 << 20, PageSizes.Huge2M);
        file.MapAt(reservation.Address, 2 << 20, writable: true);

        string[] flags = FlagsOf(reservation.Address);

        Assert.Contains("dd", flags); // VM_DONTDUMP
        Assert.Contains("dc", flags); // VM_DONTCOPY
        Assert.Contains("sh", flags);
    }

    [Fact]
    public void They_stay_when_the_file_and_the_medium_are_closed()
    {
        using TestMedium place = TestMedia.Create("tmpfs");
        using var reservation = new AddressReservation(2 << 20, PageSizes.Huge2M);
        using (Medium medium = place.Open())
        using (MediumFile file = medium.CreateFile("a", 2 << 20))
        {
            file.MapAt(reservation.Address, 2 << 20, writable: true);
        }

        *(byte*)reservation.Address = 5;
        Assert.Equal(5, File.ReadAllBytes(Path.Combine(place.Directory!, "a"))[0]);
    }

    [Fact]
    public void An_address_that_is_not_aligned_to_the_page_is_refused()
    {
        using TestMedium place = TestMedia.Create("hugetlbfs");
        using Medium medium = place.Open();
        using MediumFile file = medium.CreateFile("a", 2 << 20);
        using var reservation = new AddressReservation(4 << 20, PageSizes.Huge2M);
        ArgumentException error = Assert.Throws<ArgumentException>(() =>
            file.MapAt(reservation.Address + 4096, 2 << 20, writable: true));
        Assert.Contains("2097152", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_was_cut_short_is_refused_before_it_can_be_a_signal()
    {
        using TestMedium place = TestMedia.Create("tmpfs");
        using Medium medium = place.Open();
        using MediumFile file = medium.CreateFile("a", 4 << 20);
        using (FileStream other = File.OpenWrite(Path.Combine(place.Directory!, "a")))
        {
            other.SetLength(2 << 20);
        }

        using var reservation = new AddressReservation(4 << 20, PageSizes.Huge2M);
        MediumException error = Assert.Throws<MediumException>(() =>
            file.MapAt(reservation.Address, 4 << 20, writable: true));
        Assert.Equal(MediumErrorKind.Missing, error.Kind);
        Assert.Contains("2097152", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mapping_that_fails_leaves_its_addresses_reserved()
    {
        using TestMedium place = TestMedia.Create("hugetlbfs");
        using Medium medium = place.Open();
        using MediumFile file = medium.CreateFile("a", 4 << 20);
        using var reservation = new AddressReservation(4 << 20, PageSizes.Huge2M);
        file.MapAt(reservation.Address, 4 << 20, writable: true);
        Assert.Equal(0, HugePages.Populate(reservation.Address, 4 << 20, write: true));
        Assert.True(file.TryDiscard(0, 4 << 20)); // The pages are free again,
        medium.CreateFile("b", medium.GetSpace().Free!.Value).Dispose(); // and now somebody else's.

        MediumException error = Assert.Throws<MediumException>(() =>
            file.MapAt(reservation.Address, 4 << 20, writable: true));

        Assert.Equal((MediumErrorKind.NoSpace, Errno.ENOMEM), (error.Kind, error.Errno));
        int flags = Libc.MAP_PRIVATE | Libc.MAP_ANONYMOUS | Libc.MAP_FIXED_NOREPLACE;
        Assert.Equal(Libc.MAP_FAILED, Libc.MMap(reservation.Address, 4 << 20, Libc.PROT_NONE, flags, -1, 0));
    }

    private static string[] FlagsOf(nint address)
    {
        string start = ((ulong)address).ToString("x", CultureInfo.InvariantCulture) + "-";
        return File.ReadLines("/proc/self/smaps").SkipWhile(line => !line.StartsWith(start, StringComparison.Ordinal))
            .First(line => line.StartsWith("VmFlags:", StringComparison.Ordinal)).Split(' ');
    }
}
