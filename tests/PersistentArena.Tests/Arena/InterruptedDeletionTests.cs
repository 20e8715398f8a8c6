using GuestMemFs.Tests.Infrastructure;
using static GuestMemFs.Tests.Arena.ArenaTest;

namespace GuestMemFs.Tests.Arena;

/// <summary>The deletion of a region of several files, killed before each call to its medium.</summary>
public sealed class InterruptedDeletionTests
{
    [Fact]
    public void The_next_open_removes_what_is_left_and_tells_of_how_many_files()
    {
        HashSet<int> told = [];
        bool finished = false;
        for (int calls = 1; !finished; calls++)
        {
            using TestMedium medium = TestMedia.Create("tmpfs");
            KilledMedium killed = new(medium.Open(), int.MaxValue, lastCallHappens: false);
            PersistentArena arena = PersistentArena.Create(
                new ArenaOptions { Medium = killed, MetadataSize = 2 * MiB });
            Make(arena);
            killed.CallsToLive = calls;
            finished = Record.Exception(() => arena.DeleteRegion("several")) is null;
            arena.Abandon();
            int before = Files(medium);

            using PersistentArena again = PersistentArena.Open(On(medium));

            bool isDeleted = !again.ListRegions().Any(region => region.Name == "several");
            AttachReason? reason = again.AttachReport.Reasons.FirstOrDefault(
                one => one.Code == ReasonCodes.DeletionFinished);
            Assert.Equal(isDeleted && !finished
                ? "3 files of deleted regions were removed: the deletion had been interrupted." : null, reason?.Text);
            Assert.Equal(isDeleted ? 1 : 4, Files(medium));
            told.Add(before - Files(medium));
        }

        Assert.Superset(new HashSet<int> { 0, 1, 2, 3 }, told);
    }

    // Three files, and one of a region that stays.
    private static void Make(PersistentArena arena)
    {
        arena.CreateRegion("stays", 2 * MiB).Dispose();
        using PersistentRegion region = arena.CreateRegion("several", 2 * MiB,
            new RegionOptions { MaximumLength = 64 * MiB });
        region.Grow(4 * MiB);
        region.Grow(8 * MiB);
    }

    private static int Files(TestMedium medium) =>
        Directory.GetFiles(medium.Directory!, "extent-*").Length;
}
