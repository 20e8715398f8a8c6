using GuestMemFs.Media;
using GuestMemFs.Native;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Media;

public sealed class DefaultMediumTests
{
    private const string Name = "cache";

    [Fact]
    public void This_machine_offers_something_and_says_why_not_of_the_rest()
    {
        IReadOnlyList<MediumCandidate> all = MediumCandidates.Enumerate(Name);
        Assert.NotEmpty(all);
        Assert.All(all, candidate =>
            Assert.NotEqual(candidate.IsUsable, candidate.ToString().Contains("not used", StringComparison.Ordinal)));
        Assert.All(all.Where(c => c.IsUsable),
            candidate => Assert.True(candidate.Capabilities is not null && candidate.Space is not null));
        Assert.Contains(all, candidate => candidate.Directory.EndsWith($"/{Name}", StringComparison.Ordinal));
    }

    [Fact]
    public void Better_survival_comes_before_huge_pages_and_memory_before_a_disk()
    {
        MediumCandidate[] candidates =
        [
            Candidate("directory", DirectoryMedium.Stated),
            Candidate("tmpfs", TmpfsMedium.CapabilitiesWith(ShmemHuge.No)),
            Candidate("tmpfs", TmpfsMedium.CapabilitiesWith(ShmemHuge.Collapse)) with { Space = new MediumSpace(
                1L << 40, 1L << 40), Directory = "/shm" },
            Candidate("hugetlbfs", HugetlbfsMedium.CapabilitiesWith(PageSizes.Huge1G)),
            Candidate("tmpfs", TmpfsMedium.CapabilitiesWith(ShmemHuge.Yes)) with { IsInvited = true },
            Candidate("guestmemfs", GuestMemFsMedium.Stated),
            Candidate("dax", DaxMedium.CapabilitiesWith(survivesPowerLoss: true)),
            Candidate("hugetlbfs", HugetlbfsMedium.CapabilitiesWith(PageSizes.Huge2M)),
            Candidate("guestmemfs", GuestMemFsMedium.Stated) with { Objection = "broken" },
        ];

        Assert.Equal(
            ["dax", "guestmemfs", "hugetlbfs 2097152", "hugetlbfs 1073741824", "tmpfs 2097152", "tmpfs 2097152 in /shm",
                "tmpfs 4096", "directory", "guestmemfs"],
            MediumCandidates.Rank(candidates).Select(c => c.Kind is "tmpfs" or "hugetlbfs"
                ? $"{c.Kind} {c.Capabilities!.PageSize}{(c.Directory == "/x" ? "" : " in " + c.Directory)}" : c.Kind));
    }

    [Fact]
    public void The_best_with_room_is_taken_and_the_reason_says_so()
    {
        using TestMedium huge = TestMedia.Create("hugetlbfs");
        using TestMedium small = TestMedia.Create("tmpfs-huge");
        using Medium first = Open(64 << 20, huge, small);
        Assert.Equal(("hugetlbfs", OwnDirectory.PathOn(MediumKind.Hugetlbfs, huge.Directory!, Name)),
            (first.Name, first.Location));
        Assert.Contains("hugetlbfs at " + huge.Directory, first.Reason, StringComparison.Ordinal);
        Assert.Contains("survives the end of the process, not a kexec", first.Reason, StringComparison.Ordinal);
        Assert.Contains("pages of 2 MiB; 192 MiB free", first.Reason, StringComparison.Ordinal);

        using Medium second = Open(300 << 20, huge, small);

        Assert.Equal("tmpfs", second.Name);
        Assert.Contains("Ranked above it: hugetlbfs", second.Reason, StringComparison.Ordinal);
        Assert.Contains("(too little)", second.Reason, StringComparison.Ordinal);
        MediumException none = Assert.Throws<MediumException>(() => Open(600 << 20, huge, small));
        Assert.Equal(MediumErrorKind.NoSpace, none.Kind);
        Assert.Contains(huge.Directory!, none.Message, StringComparison.Ordinal);
        Assert.Contains(small.Directory!, none.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void What_is_there_already_is_found_again_when_a_better_medium_comes_or_the_room_is_used()
    {
        using TestMedium small = TestMedia.Create("tmpfs-huge");
        using (Medium medium = Open(400 << 20, small))
        {
            using MediumFile file = medium.CreateFile("arena.meta", 400 << 20);
            file.Reserve(0, 400 << 20);
        }

        using TestMedium huge = TestMedia.Create("hugetlbfs");
        using Medium again = Open(400 << 20, huge, small);
        Assert.Equal(["arena.meta"], again.ListFiles());
        Assert.Contains("holds this arena already", again.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Looking_creates_nothing_and_the_directories_are_for_us_alone()
    {
        using TestMedium place = TestMedia.Create("tmpfs-huge");
        MediumCandidate candidate = Assert.Single(Candidates(place));
        Assert.Empty(Directory.EnumerateFileSystemEntries(place.Directory!));

        Open(0, place).Dispose();

        foreach (string path in (string[])[candidate.Directory, Path.GetDirectoryName(candidate.Directory)!])
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
                File.GetUnixFileMode(path));
        }
    }

    [Fact]
    public void A_directory_that_somebody_else_prepared_or_can_enter_is_not_taken()
    {
        using TestMedium place = TestMedia.Create("tmpfs-huge");
        string parent = OwnDirectory.ParentOn(place.Directory!);
        Directory.CreateDirectory(Path.Combine(parent, Name));
        Assert.Equal((0, string.Empty), TestMedia.Run("chown", "65534", parent));
        Assert.Contains("belongs to user 65534", Assert.Throws<MediumException>(() => Open(0, place)).Message,
            StringComparison.Ordinal);

        Assert.Equal((0, string.Empty), TestMedia.Run("chown", "0", parent));
        Assert.Equal((0, string.Empty), TestMedia.Run("chmod", "755", parent));
        Assert.Contains("chmod 700", Assert.Throws<MediumException>(() => Open(0, place)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_better_place_that_somebody_else_took_first_is_told()
    {
        using TestMedium huge = TestMedia.Create("tmpfs-huge");
        using TestMedium small = TestMedia.Mounted("tmpfs", "tmpfs", "size=64m");
        string taken = OwnDirectory.ParentOn(huge.Directory!);
        Directory.CreateDirectory(taken);
        Assert.Equal((0, string.Empty), TestMedia.Run("chown", "65534", taken));

        using Medium medium = Open(0, huge, small);
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Medium = medium });

        Assert.StartsWith(small.Directory!, medium.Location, StringComparison.Ordinal);
        Assert.DoesNotContain("the best that is here", medium.Reason, StringComparison.Ordinal);
        string told = Assert.Single(arena.AttachReport.Reasons, reason => reason.Code == ReasonCodes.PlaceTaken).Text;
        Assert.Contains($"'{taken}' belongs to user 65534", told, StringComparison.Ordinal);
        Assert.Contains($"The arena is in {medium.Location} instead", told, StringComparison.Ordinal);
    }

    [Fact]
    public void A_worse_place_that_somebody_else_took_first_is_no_matter()
    {
        using TestMedium huge = TestMedia.Create("tmpfs-huge");
        using TestMedium small = TestMedia.Mounted("tmpfs", "tmpfs", "size=64m");
        Directory.CreateDirectory(OwnDirectory.ParentOn(small.Directory!));
        Assert.Equal((0, string.Empty), TestMedia.Run("chown", "65534", OwnDirectory.ParentOn(small.Directory!)));

        using Medium medium = Open(0, huge, small);

        Assert.Null(medium.Warning);
        Assert.Contains("the best that is here", medium.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mount_that_another_one_covers_is_no_candidate()
    {
        using TestMedium place = TestMedia.Create("tmpfs-huge");
        Assert.Equal((0, string.Empty), TestMedia.Run("mount", "-t", "tmpfs", "-o", "size=8m", "guestmemfs-test",
            place.Directory!));
        try
        {
            Assert.Equal(8 << 20, Assert.Single(Candidates(place)).Space!.Value.Total);
        }
        finally
        {
            Assert.Equal((0, string.Empty), TestMedia.Run("umount", place.Directory!));
        }
    }

    [Theory]
    [InlineData("tmpfs", "tmpfs", "/dev/shm", 0x3FF, true)]
    [InlineData("tmpfs", "tmpfs", "/opt/app/cache", 0x1ED, false)]
    [InlineData("tmpfs", "guestmemfs", "/opt/app/cache", 0x1ED, true)]
    [InlineData("tmpfs", "none", "/mnt/guestmemfs-huge", 0x1ED, true)]
    [InlineData("tmpfs", "tmpfs", "/run/user/1000", 0x1C0, false)]
    [InlineData("tmpfs", "tmpfs", "/run", 0x3FF, false)]
    [InlineData("tmpfs", "tmpfs", "/tmp", 0x3FF, false)]
    [InlineData("tmpfs", "tmpfs", "/sys/fs/cgroup", 0x3FF, false)]
    [InlineData("hugetlbfs", "hugetlbfs", "/dev/hugepages", 0x1ED, true)]
    [InlineData("ext4", "/dev/pmem0", "/mnt/pmem", 0x1ED, true)]
    [InlineData("ext4", "/dev/pmem0", "/", 0x1ED, false)]
    [InlineData("guestmemfs", "guestmemfs", "/mnt/guestmemfs", 0x1ED, true)]
    public void Mounts_made_for_something_else_are_not_taken_by_surprise(
        string type, string source, string mountPoint, int mode, bool taken)
    {
        var mount = new MountInfo(1, "1:1", "/", mountPoint, "rw", type, source, "rw,dax=always");
        string? objection = MountRules.Objection(mount, MediumDetector.Kind(mount, 0, 0),
            new StatX { Mode = (ushort)mode });
        Assert.Equal(taken, objection is null);
    }

    [Theory]
    [InlineData(Survives.Nothing, "survives nothing: gone with its last descriptor")]
    [InlineData(Survives.ProcessExit, "survives the end of the process, not a kexec or a loss of power (what " +
        "was flushed)")]
    [InlineData(Survives.ProcessExit | Survives.Kexec,
        "survives the end of the process and a kexec, not a loss of power (what was flushed)")]
    [InlineData(Survives.ProcessExit | Survives.Kexec | Survives.PowerLoss,
        "survives the end of the process, a kexec and a loss of power (what was flushed)")]
    public void Survival_in_words(Survives survives, string words) => Assert.Equal(words, Words.Of(survives));

    private static Medium Open(long bytes, params TestMedium[] places) =>
        DefaultMedium.Open(Candidates(places), Name, bytes);

    private static IReadOnlyList<MediumCandidate> Candidates(params TestMedium[] places)
    {
        MountInfo[] mounts = [.. MountInfo.ReadAll().Where(mount =>
            places.Any(place => place.Directory == mount.MountPoint))];
        return MediumCandidates.Rank(MediumCandidates.OnMounts(mounts, Name, (_, _, _) => null));
    }

    private static MediumCandidate Candidate(string kind, MediumCapabilities capabilities) =>
        new() { Kind = kind, MountPoint = "/", Directory = "/x", Capabilities = capabilities,
            Space = new MediumSpace(1 << 30, 1 << 30) };
}
