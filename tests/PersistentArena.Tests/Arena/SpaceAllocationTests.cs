using GuestMemFs.Arena;
using GuestMemFs.Format;
using GuestMemFs.Journal;
using GuestMemFs.Native;
using static GuestMemFs.Tests.Arena.ArenaTest;

namespace GuestMemFs.Tests.Arena;

/// <summary>Which files a region's growth gets, beside what the rules say in words.</summary>
public sealed class SpaceAllocationTests
{
    private const long Granule = 2 * MiB;
    private const long Longest = 16 * MiB;

    // Of three: two free ones, of 8 and of 6 MiB, and 12 MiB to be found, for which new files take 14 MiB in one.
    [Theory]
    [InlineData(14, 1, true, null)]
    [InlineData(13, 1, true, 8L)]
    [InlineData(14, 0, true, 8L)]
    [InlineData(100, 100, true, null)]
    [InlineData(0, 0, true, 8L)]
    public void Free_files_that_are_too_small_are_taken_where_new_ones_do_not_fit(
        long freeMiB, int filesLeft, bool wholeFiles, long? firstReused)
    {
        Room room = new(Granule, Longest, freeMiB * MiB, filesLeft, wholeFiles);

        SpaceAllocation made = SpaceAllocation.Make(
            12 * MiB, last: null, [Unused(1, 6), Unused(2, 8)], room, takesSpace: false);

        Assert.Equal(firstReused * MiB, made.Extents[0].Reuse?.FileLength);
    }

    // A new file that does not take its space at once needs a page for its identity.
    [Theory]
    [InlineData(ExtentIdentity.BlockBytes, false)]
    [InlineData(ExtentIdentity.BlockBytes - 1, true)]
    public void A_new_file_needs_room_for_its_identity(long free, bool reuses)
    {
        Room room = new(Granule, Longest, free, 1, WholeFiles: false);

        SpaceAllocation made = SpaceAllocation.Make(12 * MiB, null, [Unused(1, 6)], room, takesSpace: false);

        Assert.Equal(reuses, made.Extents[0].Reuse is not null);
    }

    // 28 MiB take two files of 16: each has the room of its last 2 MiB less.
    [Theory]
    [InlineData(32, 2, false)]
    [InlineData(31, 2, true)]
    [InlineData(32, 1, true)]
    public void All_new_files_have_to_fit(long freeMiB, int filesLeft, bool reuses)
    {
        Room room = new(Granule, Longest, freeMiB * MiB, filesLeft, WholeFiles: true);

        SpaceAllocation made = SpaceAllocation.Make(28 * MiB, null, [Unused(1, 6)], room, takesSpace: false);

        Assert.Equal(reuses, made.Extents[0].Reuse is not null);
    }

    [Fact]
    public void A_free_file_of_the_longest_length_is_taken_before_a_new_one()
    {
        Room room = new(Granule, Longest + 1, 1L << 40, 1000, WholeFiles: true);

        SpaceAllocation made = SpaceAllocation.Make(40 * MiB, null, [Unused(1, 16), Unused(2, 4)], room, false);

        Assert.Equal([16 * MiB, null, null], made.Extents.Select(extent => extent.Reuse?.FileLength));
    }

    [Fact]
    public void What_is_chosen_keeps_the_rules_whatever_there_is()
    {
        Random random = new(20261129);
        int reused = 0;
        int fresh = 0;
        for (int trial = 0; trial < 20_000; trial++)
        {
            ExtentEntry? last = random.Next(3) == 0 ? null : Last(random);
            List<ExtentEntry> unused = [.. Enumerable.Range(0, random.Next(5)).Select(id =>
                Unused((ulong)id, 2 * random.Next(2, 10)))];
            Room room = new(Granule, Longest + random.Next(3), random.Next(40) * MiB, random.Next(4),
                random.Next(2) == 0);
            long bytes = (random.Next(1, 60) * MiB) - (random.Next(2) * 4096);
            bool takesSpace = random.Next(2) == 0;

            SpaceAllocation made = SpaceAllocation.Make(bytes, last, unused, room, takesSpace);

            AssertWhole(made, bytes, last, unused);
            AssertCounted(made, room, takesSpace);
            AssertSmallestFit(made, bytes - made.ExtendLastBy, unused);
            AssertNewOnlyWhereTheyFit(made, bytes - made.ExtendLastBy, unused, room, takesSpace);
            fresh += made.NewFiles;
            reused += made.Extents.Count - made.NewFiles;
        }

        Assert.True(fresh > 1000 && reused > 1000, $"{fresh} new files, {reused} reused");
    }

    private static void AssertWhole(SpaceAllocation made, long bytes, ExtentEntry? last, List<ExtentEntry> unused)
    {
        long extend = last is null ? 0 : Math.Min(bytes, last.FileLength - Granule - last.Used);
        Assert.Equal(extend, made.ExtendLastBy);
        Assert.Equal(bytes, extend + made.Extents.Sum(extent => extent.Used));
        Assert.All(made.Extents, extent => Assert.InRange(extent.Used, 1, extent.FileLength - Granule));
        Assert.All(made.Extents.SkipLast(1), extent => Assert.Equal(extent.FileLength - Granule, extent.Used));
        Assert.All(made.Extents, extent => Assert.Equal(0, extent.FileLength % Granule));
        List<ExtentEntry> taken = [.. made.Extents.Where(extent => extent.Reuse is not null).Select(extent =>
            extent.Reuse!)];
        Assert.Equal(taken.Count, taken.Distinct().Count());
        Assert.All(taken, extent => Assert.Contains(extent, unused));
        long mapped = made.Extents.Count == 0 ? 0
            : made.Extents.SkipLast(1).Sum(extent => extent.Used) + made.Extents[^1].FileLength;
        Assert.Equal(mapped, made.MappedBytes);
    }

    private static void AssertCounted(SpaceAllocation made, Room room, bool takesSpace)
    {
        List<AllocatedExtent> fresh = [.. made.Extents.Where(extent => extent.Reuse is null)];
        Assert.All(fresh, extent => Assert.InRange(extent.FileLength, 2 * Granule, Longest));

        // No longer than its bytes need, with the granule that a file keeps to itself.
        Assert.All(fresh, extent => Assert.True(
            extent.FileLength == Longest || extent.FileLength - (2 * Granule) < extent.Used));
        long bytes = room.WholeFiles ? fresh.Sum(extent => extent.FileLength)
            : (fresh.Count * ExtentIdentity.BlockBytes) + (takesSpace
                ? made.ExtendLastBy + fresh.Sum(extent => RegionSizes.RoundUp(extent.Used, PageSizes.Huge2M))
                : 0);
        Assert.Equal((fresh.Count, bytes), (made.NewFiles, made.NewBytes));
    }

    // What fits whole into a free file goes into the smallest such, and nothing else is touched.
    private static void AssertSmallestFit(SpaceAllocation made, long rest, List<ExtentEntry> unused)
    {
        long? smallest = rest == 0 ? null : unused.Where(extent => extent.FileLength - Granule >= rest)
            .Min(extent => (long?)extent.FileLength);
        if (smallest is not null)
        {
            Assert.Equal(smallest, Assert.Single(made.Extents).Reuse?.FileLength);
        }
    }

    // Where all that is free is too short: new files, where all of them fit and none of the free ones is of the longest
    // length; else the longest free one.
    private static void AssertNewOnlyWhereTheyFit(
        SpaceAllocation made, long rest, List<ExtentEntry> unused, Room room, bool takesSpace)
    {
        long longest = unused.Count == 0 ? 0 : unused.Max(extent => extent.FileLength);
        if (rest == 0 || longest == 0 || longest - Granule >= rest)
        {
            return;
        }

        long files = (rest + Longest - Granule - 1) / (Longest - Granule);
        long inLast = rest - ((files - 1) * (Longest - Granule));
        long bytes = room.WholeFiles
            ? ((files - 1) * Longest) + Math.Min(RegionSizes.RoundUp(inLast, Granule) + Granule, Longest)
            : (files * ExtentIdentity.BlockBytes)
                + (takesSpace ? made.ExtendLastBy + RegionSizes.RoundUp(rest, PageSizes.Huge2M) : 0);
        bool takesNew = longest < Longest && files <= room.FilesLeft && bytes <= room.Free;
        Assert.Equal(takesNew ? null : longest, made.Extents[0].Reuse?.FileLength);
    }

    private static ExtentEntry Unused(ulong id, long lengthMiB) =>
        new(id, id * 13, lengthMiB * MiB, 0, 0, 0, ExtentState.Dirty);

    private static ExtentEntry Last(Random random)
    {
        long length = 2 * random.Next(2, 10) * MiB;
        return new(99, 7, length, random.NextInt64(1, length - Granule + 1), 1, 0, ExtentState.InUse);
    }
}
