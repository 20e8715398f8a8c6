using System.Diagnostics;
using System.Globalization;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Arena;

/// <summary>An arena of 10,000 regions, in metadata of the default size.</summary>
public class ManyRegionsTests(ITestOutputHelper output)
{
    private const int Regions = 10_000;

    [Fact]
    [Trait("speed", "slow")]
    public void Ten_thousand_regions_open_fast()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        var options = new RegionOptions { Reserve = RegionReserve.OnDemand, MaximumLength = 4L << 20 };
        var clock = Stopwatch.StartNew();
        using (PersistentArena arena = PersistentArena.Create(Options(medium)))
        {
            for (int i = 0; i < Regions; i++)
            {
                arena.CreateRegion(Name(i), 2L << 20, options).Dispose();
            }

            output.WriteLine($"created in {clock.ElapsedMilliseconds} ms; {arena.GetSpace()}");
        }

        var opened = new List<TimeSpan>();
        for (int i = 0; i < 5; i++)
        {
            PersistentArena? open = null;
            opened.Add(ThreadTime.Of(() => open = PersistentArena.Open(Options(medium))));
            using PersistentArena arena = open!;
            Assert.Equal(Regions, arena.AttachReport.RegionCount);
            output.WriteLine(arena.AttachReport.ToString());
            using PersistentRegion last = arena.OpenRegion(Name(Regions - 1));
            if (i == 3)
            {
                arena.Abandon();
            }
        }

        var times = opened.Select(it => it.TotalMilliseconds.ToString("0.0", CultureInfo.InvariantCulture));
        output.WriteLine($"opened in {string.Join(", ", times)} ms of processor time, the last after a kill");
        Assert.True(opened.Take(4).Min() < TimeSpan.FromMilliseconds(50), "clean open");
        Assert.True(opened[4] < TimeSpan.FromMilliseconds(500), "open after a kill");

        static ArenaOptions Options(TestMedium medium) => new() { Medium = medium.Open() };
    }

    private static string Name(int i) => string.Create(CultureInfo.InvariantCulture,
        $"tenant-{i}/a-name-of-middling-length");
}
