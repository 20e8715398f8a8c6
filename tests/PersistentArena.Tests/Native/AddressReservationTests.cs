using GuestMemFs.Native;

namespace GuestMemFs.Tests.Native;

public sealed unsafe class AddressReservationTests
{
    [Theory]
    [InlineData(4096, 4096)]
    [InlineData(6L << 20, PageSizes.Huge2M)]
    [InlineData(3L << 30, PageSizes.Huge1G)]
    [InlineData(1L << 42, PageSizes.Huge2M)]
    public void Addresses_are_aligned_and_reserved_to_the_last_byte(long length, long alignment)
    {
        using var reservation = new AddressReservation(length, alignment);
        Assert.Equal(length, reservation.Length);
        Assert.Equal(0, reservation.Address % (nint)alignment);
        Assert.True(IsReserved(reservation.Address));
        Assert.True(IsReserved(reservation.Address + (nint)length - 4096));
    }

    [Fact]
    public void What_was_over_reserved_is_given_back()
    {
        using var reservation = new AddressReservation(2L << 20, PageSizes.Huge1G);
        Assert.False(IsReserved(reservation.Address + (2 << 20)));
    }

    [Fact]
    public void Cleared_and_disposed_ranges_hold_nothing()
    {
        var reservation = new AddressReservation(4L << 20, PageSizes.Huge2M);
        int flags = Libc.MAP_PRIVATE | Libc.MAP_ANONYMOUS | Libc.MAP_FIXED;
        Assert.Equal(reservation.Address, Libc.MMap(reservation.Address, 4 << 20, Libc.PROT_READ | Libc.PROT_WRITE,
            flags, -1, 0));
        *(byte*)reservation.Address = 1;
        *(byte*)(reservation.Address + (2 << 20)) = 2;
        Assert.Equal(8192, PageReport.ForRange(reservation.Address, 4 << 20).Resident);

        reservation.Clear(0, 2 << 20);

        Assert.Equal(4096, PageReport.ForRange(reservation.Address, 4 << 20).Resident);
        Assert.True(IsReserved(reservation.Address));
        reservation.Dispose();
        Assert.False(IsReserved(reservation.Address));
        reservation.Dispose();
        Assert.Throws<ObjectDisposedException>(() => reservation.Clear(0, 4096));
    }

    [Fact]
    public void Ranges_and_sizes_that_are_none_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new AddressReservation(0, 4096));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AddressReservation(4097, 4096));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AddressReservation(4096, 12288));
        using var reservation = new AddressReservation(8192, 4096);
        Assert.Throws<ArgumentOutOfRangeException>(() => reservation.Clear(4096, 8192));
        Assert.Throws<ArgumentOutOfRangeException>(() => reservation.Clear(-4096, 4096));
    }

    [Fact]
    public void More_address_space_than_there_is_gives_a_typed_error()
    {
        MediumException error = Assert.Throws<MediumException>(() =>
            new AddressReservation(1L << 60, PageSizes.Huge2M));
        Assert.Equal((MediumErrorKind.NoSpace, Errno.ENOMEM), (error.Kind, error.Errno));
    }

    [Fact]
    public void What_was_retired_keeps_no_more_than_was_in_use_and_makes_way_for_others()
    {
        const long Large = 1L << 43;
        var reservation = new AddressReservation(Large, PageSizes.Huge2M);
        reservation.Retire(4096);
        Assert.True(IsReserved(reservation.Address));
        Assert.False(IsReserved(reservation.Address + 4096));
        GC.KeepAlive(reservation);

        // 100 of them do not fit the 2^47 bytes that a process has.
        for (int i = 0; i < 100; i++)
        {
            new AddressReservation(Large, PageSizes.Huge2M).Retire(Large);
        }
    }

    // A page is taken where MAP_FIXED_NOREPLACE refuses to put another one.
    private static bool IsReserved(nint page)
    {
        int flags = Libc.MAP_PRIVATE | Libc.MAP_ANONYMOUS | Libc.MAP_FIXED_NOREPLACE;
        nint got = Libc.MMap(page, 4096, Libc.PROT_NONE, flags, -1, 0);
        if (got == Libc.MAP_FAILED)
        {
            Assert.Equal(Errno.EEXIST, Errno.Last);
            return true;
        }

        Assert.Equal(0, Libc.MUnmap(got, 4096));
        return false;
    }
}
