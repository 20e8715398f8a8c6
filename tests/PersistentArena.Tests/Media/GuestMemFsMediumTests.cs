using GuestMemFs.Media;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Media;

/// <summary>The part of the guestmemfs medium that needs no guestmemfs: its class over a small tmpfs.</summary>
public sealed class GuestMemFsMediumTests
{
    [Fact]
    public void What_certainly_does_not_fit_is_refused_because_the_kernel_would_hand_out_foreign_memory()
    {
        using TestMedium place = TestMedia.Create("tmpfs-huge"); // 512 MiB
        using var medium = new GuestMemFsMedium(MediumDirectory.Open(place.Directory!, create: false, trust: null));
        Assert.Equal(new MediumSpace(512L << 20, null), medium.GetSpace());
        medium.CreateFile("a", 300 << 20).Dispose();
        medium.CreateFile("b", 200 << 20).Dispose();

        MediumException error = Assert.Throws<MediumException>(() => medium.CreateFile("c", 14 << 20));

        Assert.Equal(MediumErrorKind.NoSpace, error.Kind);
        Assert.Contains("carve-out has 536870912 bytes, files take 524288000", error.Message, StringComparison.Ordinal);
        medium.CreateFile("c", 12 << 20).Dispose();
        Assert.Throws<ArgumentOutOfRangeException>(() => medium.CreateFile("d", (1L << 30) + (2 << 20)));
    }

    [Fact]
    public void Nothing_is_asked_of_it_that_it_cannot_do()
    {
        using TestMedium place = TestMedia.Create("tmpfs-huge");
        using var medium = new GuestMemFsMedium(MediumDirectory.Open(place.Directory!, create: false, trust: null));
        using MediumFile file = medium.CreateFile("a", 2 << 20);
        file.Reserve(0, 2 << 20); // No fallocate: tmpfs would have taken the space.
        Assert.Equal(0, TestMedia.BlocksOf(Path.Combine(place.Directory!, "a")));
        Assert.False(file.TryDiscard(0, 2 << 20));
        Assert.Throws<MediumException>(() => medium.Flush(0, 4096));
    }

    [Fact]
    public void Which_guestmemfs_it_is_the_filesystem_is_asked()
    {
        string sysfs = Directory.CreateTempSubdirectory("gmf-sysfs-").FullName;
        try
        {
            MountInfo patches = MountInfo.Parse("40 24 0:40 / /mnt/g rw - guestmemfs guestmemfs rw")!;
            MountInfo module = MountInfo.Parse("41 24 0:41 / /mnt/g rw - guestmemfs none rw,range=a")!;
            string range = Directory.CreateDirectory(Path.Combine(sysfs, "fs", "guestmemfs", "a")).FullName;
            Assert.False(GuestMemFsModuleMedium.Answers(patches, sysfs));
            Assert.False(GuestMemFsModuleMedium.Answers(module, sysfs));

            string[] features = ["sizes-exact", "fallocate", "punch-hole", "directories", "unlink-frees", "scrubbed",
                "free-space-true", "page-2m", "crash-safe"];
            File.WriteAllLines(Path.Combine(range, "features"), [.. features, "something-newer"]);
            Assert.True(GuestMemFsModuleMedium.Answers(module, sysfs));
            Assert.False(GuestMemFsModuleMedium.Answers(patches, sysfs));

            File.WriteAllLines(Path.Combine(range, "features"), features.Where(feature => feature != "scrubbed"));
            Assert.False(GuestMemFsModuleMedium.Answers(module, sysfs));
        }
        finally
        {
            Directory.Delete(sysfs, recursive: true);
        }
    }
}
