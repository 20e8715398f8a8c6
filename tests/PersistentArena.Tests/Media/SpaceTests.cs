using GuestMemFs.Media;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Media;

/// <summary>
/// A full medium is an exception at the step that takes space, never a signal, and leaves nothing behind.
/// </summary>
public sealed class SpaceTests
{
    [Theory]
    [Trait("speed", "slow")]
    [InlineData("tmpfs-huge")]
    [InlineData("tmpfs-advise")]
    public void Reserving_more_than_there_is_fails_with_what_to_do(string kind)
    {
        using TestMedium place = TestMedia.Create(kind);
        using Medium medium = place.Open();
        Assert.Equal(512L << 20, medium.GetSpace().Total);
        Assert.False(medium.Capabilities.CreationTakesSpace);
        using MediumFile file = medium.CreateFile("a", 640L << 20);
        MediumException error = Assert.Throws<MediumException>(() => file.Reserve(0, 640L << 20));
        Assert.Equal(MediumErrorKind.NoSpace, error.Kind);
        Assert.Contains("make the medium larger", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tmpfs")]
    [InlineData("memfd")]
    public void More_memory_than_the_machine_has_is_refused_before_the_kernel_ends_a_process(string kind)
    {
        using TestMedium place = TestMedia.Create(kind);
        using Medium medium = place.Open();
        using MediumFile file = medium.CreateFile("a", 1L << 40);
        MediumException error = Assert.Throws<MediumException>(() => file.Reserve(0, 1L << 40));
        Assert.Equal((MediumErrorKind.NoSpace, "reserve"), (error.Kind, error.Operation));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Huge_pages_are_taken_at_creation_and_given_back_at_deletion()
    {
        using TestMedium place = TestMedia.Create("hugetlbfs");
        using Medium medium = place.Open();
        Assert.True(medium.Capabilities.CreationTakesSpace);
        Assert.Equal(new MediumSpace(192L << 20, 192L << 20), medium.GetSpace());

        medium.CreateFile("a", 128L << 20).Dispose();

        Assert.Equal(64L << 20, medium.GetSpace().Free);
        MediumException error = Assert.Throws<MediumException>(() => medium.CreateFile("b", 128L << 20));
        Assert.Equal(MediumErrorKind.NoSpace, error.Kind);
        Assert.Contains("nr_hugepages", error.Message, StringComparison.Ordinal);
        Assert.Equal(["a"], medium.ListFiles());
        medium.DeleteFile("a");
        Assert.Equal(192L << 20, medium.GetSpace().Free);
    }

    [Fact]
    public void A_mount_without_a_limit_tells_the_free_pages_of_the_machine()
    {
        using TestMedium place = TestMedia.Create("hugetlbfs");
        using TestMedium unlimited = TestMedia.Mounted("hugetlbfs-unlimited", "hugetlbfs", "pagesize=2M");
        using Medium medium = unlimited.Open();
        const string pages = "/sys/kernel/mm/hugepages/hugepages-2048kB/";
        long all = KernelFile.TryReadNumber(pages + "nr_hugepages")!.Value;
        MediumSpace space = medium.GetSpace();
        Assert.Equal(all * (2 << 20), space.Total);
        Assert.InRange(space.Free!.Value, 0, space.Total - (192L << 20)); // The other mount has its pages for itself.
    }

    [Fact]
    public void Space_that_was_reserved_counts_and_comes_back()
    {
        using TestMedium place = TestMedia.Create("tmpfs-huge");
        using Medium medium = place.Open();
        using MediumFile file = medium.CreateFile("a", 64 << 20);
        file.Reserve(0, 32 << 20);
        Assert.Equal((512L - 32) << 20, medium.GetSpace().Free);
        Assert.True(file.TryDiscard(0, 32 << 20));
        Assert.Equal(512L << 20, medium.GetSpace().Free);
    }

    [Fact]
    public void The_free_space_of_tmpfs_is_no_more_than_the_machine_has()
    {
        using TestMedium place = TestMedia.Create("tmpfs");
        using Medium medium = place.Open();
        MediumSpace space = medium.GetSpace();
        long available = MachineMemory.Available();
        const long meanwhile = 1L << 30; // Others take and free memory between the two readings.
        Assert.InRange(space.Free!.Value, 1, available + meanwhile);
        Assert.InRange(available, 1, MachineMemory.Total());
    }

    [Fact]
    public void Descriptors_of_a_memfd_are_its_life()
    {
        Medium medium = Medium.InMemory("test");
        Assert.Equal(Survives.Nothing, medium.Capabilities.Survives);
        medium.CreateFile("a", 2 << 20).Dispose();
        using MediumFile held = medium.TryOpenFile("a", writable: true)!;
        medium.Dispose();
        Assert.Equal(2 << 20, held.Length);
        Assert.Null(medium.TryOpenFile("a", writable: true));
        Assert.Throws<ObjectDisposedException>(() => medium.CreateFile("b", 2 << 20));
    }
}
