using GuestMemFs.Native;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Media;

/// <summary>What the contract promises of every medium.</summary>
public sealed class EveryMediumTests
{
    public static TheoryData<string> All => TestMedia.All;

    [Theory, MemberData(nameof(All))]
    [Trait("speed", "slow")]
    public unsafe void What_is_stored_is_there_when_the_medium_is_opened_again(string kind)
    {
        using TestMedium place = TestMedia.Create(kind);
        long length;
        using (Medium medium = place.Open())
        {
            length = medium.Capabilities.FileGranularity;
            using MediumFile file = medium.CreateFile("extent-1", length);
            Assert.Equal(length, file.Length);
            file.Reserve(0, length);
            using AddressReservation reservation = Map(medium, file, writable: true);
            byte* memory = (byte*)reservation.Address;
            memory[0] = 17;
            memory[length - 1] = 71;
        }

        using (Medium medium = place.Open())
        {
            Assert.Equal(["extent-1"], medium.ListFiles());
            using MediumFile file = medium.TryOpenFile("extent-1", writable: false)!;
            Assert.Equal(length, file.Length);
            using AddressReservation reservation = Map(medium, file, writable: false);
            byte* memory = (byte*)reservation.Address;
            Assert.Equal((17, 71), (memory[0], memory[length - 1]));
        }
    }

    [Theory, MemberData(nameof(All))]
    public void A_name_is_created_once_and_gone_after_its_deletion(string kind)
    {
        using TestMedium place = TestMedia.Create(kind);
        using Medium medium = place.Open();
        Assert.Null(medium.TryOpenFile("a", writable: true));
        long length = medium.Capabilities.FileGranularity;
        medium.CreateFile("a", length).Dispose();

        MediumException taken = Assert.Throws<MediumException>(() => medium.CreateFile("a", length));
        Assert.Equal(MediumErrorKind.Exists, taken.Kind);
        medium.DeleteFile("a");
        Assert.Empty(medium.ListFiles());
        Assert.Equal(MediumErrorKind.Missing, Assert.Throws<MediumException>(() => medium.DeleteFile("a")).Kind);
    }

    [Theory, MemberData(nameof(All))]
    public void A_lock_is_held_by_one_and_gone_with_its_file(string kind)
    {
        using TestMedium place = TestMedia.Create(kind);
        using Medium medium = place.Open();
        using MediumFile first = medium.CreateFile("a", medium.Capabilities.FileGranularity);
        using MediumFile second = medium.TryOpenFile("a", writable: true)!;
        Assert.True(first.TryLock());
        Assert.True(first.TryLock());
        Assert.False(second.TryLock());
        first.Dispose();
        Assert.True(second.TryLock());
    }

    [Fact]
    public async Task A_lock_is_gone_with_its_file_while_another_thread_starts_processes()
    {
        using TestMedium place = TestMedia.Create("tmpfs");
        using Medium medium = place.Open();
        medium.CreateFile("a", 2 << 20).Dispose();
        using var stop = new CancellationTokenSource();
        Task starting = Task.Run(
            () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    TestMedia.Run("true");
                }
            },
            TestContext.Current.CancellationToken);

        // A child has the descriptors of its parent until it execs.
        for (int i = 0; i < 2000; i++)
        {
            using MediumFile file = medium.TryOpenFile("a", writable: true)!;
            Assert.True(file.TryLock());
        }

        await stop.CancelAsync();
        await starting;
    }

    [Theory, MemberData(nameof(All))]
    public void Lengths_and_names_that_are_none_are_refused_with_the_limit(string kind)
    {
        using TestMedium place = TestMedia.Create(kind);
        using Medium medium = place.Open();
        MediumCapabilities can = medium.Capabilities;
        ArgumentOutOfRangeException odd = Assert.Throws<ArgumentOutOfRangeException>(() =>
            medium.CreateFile("a", can.FileGranularity + 4096));
        Assert.Contains($"multiples of {can.FileGranularity} bytes", odd.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => medium.CreateFile("a", 0));
        ArgumentOutOfRangeException longest = Assert.Throws<ArgumentOutOfRangeException>(() =>
            medium.CreateFile("a", can.MaximumFileLength + can.FileGranularity));
        Assert.Contains($"is {can.MaximumFileLength} bytes", longest.Message, StringComparison.Ordinal);
        foreach (string name in (string[])["a/b", "..", ".", "a\0b", new string('a', 251), new string('ä', 126)])
        {
            Assert.Throws<ArgumentException>(() => medium.CreateFile(name, can.FileGranularity));
            Assert.Throws<ArgumentException>(() => medium.TryOpenFile(name, writable: false));
        }

        Assert.Empty(medium.ListFiles());
        medium.CreateFile(new string('a', 250), can.FileGranularity).Dispose();
    }

    [Theory, MemberData(nameof(All))]
    [Trait("speed", "slow")]
    public unsafe void Discarded_memory_reads_as_zeros_or_is_left_alone(string kind)
    {
        using TestMedium place = TestMedia.Create(kind);
        using Medium medium = place.Open();
        long length = medium.Capabilities.FileGranularity;
        using MediumFile file = medium.CreateFile("a", length);
        file.Reserve(0, length);
        using AddressReservation reservation = Map(medium, file, writable: true);
        byte* memory = (byte*)reservation.Address;
        memory[length - 1] = 9;

        bool discarded = file.TryDiscard(0, length);

        Assert.Equal(medium.Capabilities.CanDiscard, discarded);
        file.Reserve(0, length);
        Assert.Equal(discarded ? 0 : 9, memory[length - 1]);
    }

    [Theory, MemberData(nameof(All))]
    [Trait("speed", "slow")]
    public void What_was_reserved_is_held(string kind)
    {
        using TestMedium place = TestMedia.Create(kind);
        using Medium medium = place.Open();
        long length = medium.Capabilities.FileGranularity;
        using MediumFile file = medium.CreateFile("a", length);

        file.Reserve(0, length);

        Assert.Equal((0, length), file.FirstHeld(0, length));
        Assert.Equal((length / 2, length - (length / 2)), file.FirstHeld(length / 2, length - (length / 2)));
    }

    [Theory]
    [InlineData("tmpfs")]
    [InlineData("memfd")]
    public void Holes_are_told(string kind)
    {
        const long part = 2 << 20;
        using TestMedium place = TestMedia.Create(kind);
        using Medium medium = place.Open();
        using MediumFile file = medium.CreateFile("a", 5 * part);
        file.Reserve(part, part);
        file.Reserve(3 * part, part);

        Assert.Equal((part, part), file.FirstHeld(0, 5 * part));
        Assert.Equal((3 * part, part), file.FirstHeld(2 * part, 3 * part));
        Assert.Equal((3 * part, part / 2), file.FirstHeld(2 * part, part + (part / 2)));
        Assert.Equal(0, file.FirstHeld(4 * part, part).Length);
        Assert.Equal(0, file.FirstHeld(2 * part, part).Length);
    }

    [Theory, MemberData(nameof(All))]
    public void A_mapping_beyond_the_end_is_refused(string kind)
    {
        if (kind == "strict")
        {
            return; // There it is a violation: see StrictMediumTests.
        }

        using TestMedium place = TestMedia.Create(kind);
        using Medium medium = place.Open();
        long length = medium.Capabilities.FileGranularity;
        using MediumFile file = medium.CreateFile("a", length);
        using var reservation = new AddressReservation(2 * length, medium.Capabilities.PageSize);
        MediumException error = Assert.Throws<MediumException>(() =>
            file.MapAt(reservation.Address, 2 * length, writable: true));
        Assert.Contains($"{length} bytes", error.Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(All))]
    public void A_file_opened_for_reading_has_no_writable_mapping(string kind)
    {
        using TestMedium place = TestMedia.Create(kind);
        using Medium medium = place.Open();
        medium.CreateFile("a", medium.Capabilities.FileGranularity).Dispose();
        using MediumFile file = medium.TryOpenFile("a", writable: false)!;
        Assert.False(file.IsWritable);
        Assert.Throws<InvalidOperationException>(() => Map(medium, file, writable: true));
    }

    [Theory, MemberData(nameof(All))]
    public void Flush_works_where_it_is_stated_and_is_refused_elsewhere(string kind)
    {
        using TestMedium place = TestMedia.Create(kind);
        using Medium medium = place.Open();
        using MediumFile file = medium.CreateFile("a", medium.Capabilities.FileGranularity);
        using AddressReservation reservation = Map(medium, file, writable: true);
        if (medium.Capabilities.CanFlush)
        {
            medium.Flush(reservation.Address, 4096);
        }
        else
        {
            Assert.Equal(MediumErrorKind.NotSupported,
                Assert.Throws<MediumException>(() => medium.Flush(reservation.Address, 4096)).Kind);
        }
    }

    private static AddressReservation Map(Medium medium, MediumFile file, bool writable)
    {
        var reservation = new AddressReservation(file.Length, Math.Max(medium.Capabilities.PageSize, PageSizes.Huge2M));
        file.MapAt(reservation.Address, file.Length, writable);
        return reservation;
    }
}
